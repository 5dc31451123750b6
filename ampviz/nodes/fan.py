"""One message to several places: Bcast, Split, and Pick, which takes one array out of a tuple."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import Message
from ampviz.nodes.base import Host, Node, columns
from ampviz.nodes.payload import Payload, add
from ampviz.ports import PortType
from ampviz.state import State


class Gather(Node):
    """One input, several outputs with the same state: backward waits for all of them, then calls `gathered`."""

    keeps: ClassVar[tuple[str, ...]] = ("_waiting",)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._waiting: dict[State, list[Any]] = {}  # outputs still out, then the gradient of each

    def backward(self, batch: Sequence[Message]) -> None:
        waiting, ways = self._waiting, len(self.outputs)
        states, complete = [], []
        for port, state, payload in batch:
            entry = waiting.get(state)
            if entry is None:
                entry = waiting[state] = [ways, *([None] * ways)]
            entry[port + 1] = payload
            entry[0] -= 1
            if not entry[0]:
                del waiting[state]
                states.append(state)
                complete.append(entry[1:])
        if states:
            gradients = self.gathered(states, complete)
            self.answer_all(0, states, gradients if self.wanted[0] else [None] * len(states))

    def gathered(self, states: Sequence[State], complete: Sequence[list[Payload | None]]) -> Sequence[Payload | None]:
        """The gradient of each input, from those of all its outputs; called once for every message."""
        raise NotImplementedError


class Bcast(Gather):
    """The same message to several successors; their gradients are summed. Put in wherever a port is used twice."""

    def __init__(self, ways: int, *, name: str = ""):
        super().__init__(name)
        self.ways = ways

    def note(self) -> str:
        return f"x{self.ways}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        return (x,) * self.ways

    def forward(self, batch: Sequence[Message]) -> None:
        _, states, payloads = columns(batch)
        for port in range(self.ways):
            self.send_all(port, states, payloads)

    def gathered(self, states: Sequence[State], complete: Sequence[list[Payload | None]]) -> Sequence[Payload | None]:
        return [functools.reduce(add, gradients) for gradients in complete]


class Split(Gather):
    """Cuts the features into consecutive parts of these sizes, one output each; backward joins their gradients."""

    def __init__(self, *sizes: int, name: str = ""):
        super().__init__(name)
        self.sizes = sizes

    def note(self) -> str:
        return " | ".join(str(size) for size in self.sizes)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if x.shape != (sum(self.sizes),) or len(self.sizes) < 2:
            raise GraphError("the sizes do not add up", where=self.where, expected=f"(rows, {sum(self.sizes)})", got=x)
        self._cuts = [0, *np.cumsum(self.sizes).tolist()]
        return tuple(PortType(x.fields, (size,), x.dtype) for size in self.sizes)

    def forward(self, batch: Sequence[Message]) -> None:
        _, states, payloads = columns(batch)
        for port, (start, stop) in enumerate(itertools.pairwise(self._cuts)):
            self.send_all(port, states, [x[:, start:stop] for x in payloads])

    def gathered(self, states: Sequence[State], complete: Sequence[list[Payload | None]]) -> Sequence[Payload | None]:
        return [self._joined(gradients) for gradients in complete]

    def _joined(self, gradients: list[Payload | None]) -> Payload | None:
        known = next((gradient for gradient in gradients if gradient is not None), None)
        if known is None:
            return None
        filled = [
            np.zeros((len(known), size), known.dtype) if gradient is None else gradient
            for gradient, size in zip(gradients, self.sizes, strict=True)
        ]
        return np.concatenate(filled, axis=1)


class Pick(Node):
    """One array of a tuple payload, such as the h of (h, c). Backward gives zeros as the gradient of the others."""

    def __init__(self, index: int, *, name: str = ""):
        super().__init__(name)
        self.index = index

    def note(self) -> str:
        return str(self.index)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        if not (x.rest and 0 <= self.index < len(x.arrays)):
            expected = f"a tuple of more than {max(self.index, 1)} arrays"
            raise GraphError("there is no such array", where=self.where, expected=expected, got=x)
        if any(None in array.shape for array in x.arrays):
            raise GraphError("the sizes must be fixed", where=self.where, got=x)
        self._shapes: list[Any] = [array.shape for array in x.arrays]
        self._zeros: list[Any] = []
        self._rows, self._dtype = -1, None
        return (PortType.of(x.fields, [x.arrays[self.index]]),)

    def forward(self, batch: Sequence[Message]) -> None:
        _, states, payloads = columns(batch)
        self.send_all(0, states, [payload[self.index] for payload in payloads])

    def backward(self, batch: Sequence[Message]) -> None:
        _, states, gradients = columns(batch)
        live = self.wanted[0]
        widened = [self._widened(dy) if dy is not None and live else None for dy in gradients]
        self.answer_all(0, states, widened)

    def _widened(self, dy: Payload) -> Payload:
        """A gradient for every array: None in a tuple could not be stacked with the arrays of another message."""
        rows = len(dy)
        if rows > self._rows or dy.dtype != self._dtype:  # payloads are read-only: the same zeros serve all messages
            self._rows, self._dtype = rows, dy.dtype
            self._zeros = [np.zeros((rows, *shape), dy.dtype) for shape in self._shapes]
        return tuple([dy if place == self.index else zeros[:rows] for place, zeros in enumerate(self._zeros)])
