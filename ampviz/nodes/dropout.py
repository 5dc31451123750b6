"""Nodes that matter to training only: Dropout, and StopGrad, which lets no gradient through."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import Message
from ampviz.nodes.base import Host, Node, columns
from ampviz.nodes.payload import Payload, stack
from ampviz.ports import PortType
from ampviz.state import State

_LEVELS = 1 << 16  # the share kept is one of so many


class Dropout(Node):
    """Keeps each number with the probability `keep` and divides it by that; the others become 0. Payloads are float32.

    What is kept depends on the session's seed, the node's name and the message's state only, so that forward, backward
    and any replay agree and nothing is remembered; a key is admitted once, so every epoch draws anew. Validation keys
    pass unchanged.
    """

    def __init__(self, keep: float, *, name: str = ""):
        super().__init__(name)
        self.keep = keep

    def note(self) -> str:
        return f"keep {self.keep:g}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if not 0 < self.keep <= 1:
            raise GraphError("keep is out of range", where=self.where, expected="0 < keep <= 1", got=self.keep)
        if x.dtype != "float32":
            raise GraphError("the input does not fit", where=self.where, expected="float32", got=x)
        self.uniform = x.fixed
        self._limit = max(1, round(self.keep * _LEVELS))
        self._state = struct.Struct(f"<{len(x.fields)}q")
        return (x,)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._prefix = f"{host.seed} {self.name} ".encode()

    def forward(self, batch: Sequence[Message]) -> None:
        training = [message for message in batch if message[1][0] >= 0]
        if len(training) < len(batch):
            for _, state, payload in batch:
                if state[0] < 0:
                    self.send(0, state, payload)
        if training:
            self.send_rows(0, *self._masked(training))

    def backward(self, batch: Sequence[Message]) -> None:
        live = [message for message in batch if message[2] is not None and self.wanted[0]]
        if len(live) < len(batch):
            for _, state, dy in batch:
                if dy is None or not self.wanted[0]:
                    self.answer(0, state, None)
        if live:
            self.answer_rows(0, *self._masked(live))

    def _masked(self, batch: Sequence[Message]) -> tuple[list[State], Payload, list[int]]:
        """The payloads times the masks of their states: 0, or 1 / keep."""
        _, states, payloads = columns(batch)
        counts = [len(payload) for payload in payloads]
        start = self.host.clock()
        x = stack(payloads)
        if self._limit < _LEVELS:
            drawn = b"".join([self._draw(state, payload) for state, payload in zip(states, payloads, strict=True)])
            kept: NDArray[np.bool_] = np.frombuffer(drawn, "<u2").reshape(x.shape) < self._limit
            y = kept * x.dtype.type(_LEVELS / self._limit)
            y *= x
            x = y
        self.kernel_ns += self.host.clock() - start
        return states, x, counts

    def _draw(self, state: State, payload: Payload) -> bytes:
        """Two random bytes for each number: at this size a hash costs a tenth of seeding a numpy generator."""
        return hashlib.shake_128(self._prefix + self._state.pack(*state)).digest(2 * math.prod(payload.shape))


class StopGrad(Node):
    """Passes payloads on and lets no gradient through: what comes before it does not learn from what comes after."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        return (x,)

    def differentiable(self, inputs: Sequence[bool]) -> bool:
        return False

    def forward(self, batch: Sequence[Message]) -> None:
        for _, state, payload in batch:
            self.send(0, state, payload)

    def backward(self, batch: Sequence[Message]) -> None:
        for _, state, _ in batch:
            self.answer(0, state, None)
