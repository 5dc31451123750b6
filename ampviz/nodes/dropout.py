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
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.payload import Payload
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
        self._limit = max(1, round(self.keep * _LEVELS))
        self._state = struct.Struct(f"<{len(x.fields)}q")
        return (x,)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._prefix = f"{host.seed} {self.name} ".encode()

    def forward(self, batch: Batch) -> None:
        training = [state[0] >= 0 for state in batch.states]
        if all(training):
            self.send(0, batch.states, self._masked(batch), batch.counts)
        elif any(training):
            for masks, part in batch.by(training):
                self.send(0, part.states, self._masked(part) if masks else part.payload, part.counts)
        else:
            self.send(0, batch.states, batch.payload, batch.counts)

    def backward(self, batch: Batch) -> None:
        if batch.payload is None or not self.wanted[0]:
            self.answer(0, batch.states)
        else:
            self.answer(0, batch.states, self._masked(batch), batch.counts)

    def _masked(self, batch: Batch) -> Payload:
        """The payloads times the masks of their states: 0, or 1 / keep."""
        x = batch.payload
        if self._limit == _LEVELS:
            return x
        start = self.host.clock()
        size = 2 * math.prod(x.shape[1:])
        drawn = b"".join([self._draw(*each, size) for each in zip(batch.states, batch.counts, strict=True)])
        kept: NDArray[np.bool_] = np.frombuffer(drawn, "<u2").reshape(x.shape) < self._limit
        y = kept * x.dtype.type(_LEVELS / self._limit)
        y *= x
        self.kernel_ns += self.host.clock() - start
        return y

    def _draw(self, state: State, rows: int, size: int) -> bytes:
        """So many random bytes a row: at this size a hash costs a tenth of seeding a numpy generator."""
        return hashlib.shake_128(self._prefix + self._state.pack(*state)).digest(rows * size)


class StopGrad(Node):
    """Passes payloads on and lets no gradient through: what comes before it does not learn from what comes after."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        return (x,)

    def differentiable(self, inputs: Sequence[bool]) -> bool:
        return False

    def forward(self, batch: Batch) -> None:
        self.send(0, batch.states, batch.payload, batch.counts)

    def backward(self, batch: Batch) -> None:
        self.answer(0, batch.states)
