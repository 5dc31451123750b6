"""One message to several places: Bcast, Split, and Pick, which takes one array out of a tuple."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import Message
from ampviz.nodes.base import Host, Node
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
        for port, state, payload in batch:
            entry = waiting.get(state)
            if entry is None:
                entry = waiting[state] = [ways, *([None] * ways)]
            entry[port + 1] = payload
            entry[0] -= 1
            if not entry[0]:
                del waiting[state]
                gradient = self.gathered(state, entry[1:])
                self.answer(0, state, gradient if self.wanted[0] else None)

    def gathered(self, state: State, gradients: list[Payload | None]) -> Payload | None:
        """The gradient of the input, from those of all outputs; called once for every message."""
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
        for _, state, payload in batch:
            for port in range(self.ways):
                self.send(port, state, payload)

    def gathered(self, state: State, gradients: list[Payload | None]) -> Payload | None:
        total: Payload | None = None
        for gradient in gradients:
            total = add(total, gradient)
        return total


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
        cuts = self._cuts
        for _, state, x in batch:
            for port in range(len(self.sizes)):
                self.send(port, state, x[:, cuts[port] : cuts[port + 1]])

    def gathered(self, state: State, gradients: list[Payload | None]) -> Payload | None:
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
        return (PortType.of(x.fields, [x.arrays[self.index]]),)

    def forward(self, batch: Sequence[Message]) -> None:
        for _, state, payload in batch:
            self.send(0, state, payload[self.index])

    def backward(self, batch: Sequence[Message]) -> None:
        for _, state, dy in batch:
            self.answer(0, state, self._widened(dy) if dy is not None and self.wanted[0] else None)

    def _widened(self, dy: Payload) -> Payload:
        """A gradient for every array: None in a tuple could not be stacked with the arrays of another message."""
        arrays = [np.zeros((len(dy), *shape), dy.dtype) for shape in self._shapes]
        arrays[self.index] = dy
        return tuple(arrays)
