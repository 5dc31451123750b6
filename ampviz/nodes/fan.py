"""One message to several places: Bcast, Split, and Pick, which takes one array out of a tuple."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ampviz.errors import GraphError
from ampviz.message import BACKWARD
from ampviz.nodes.base import Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.payload import Payload, add
from ampviz.nodes.rendezvous import Meets
from ampviz.ports import PortType
from ampviz.state import State


class Gather(Meets):
    """One input, several outputs with the same state: backward waits for all of them, then calls `gathered`."""

    meets = BACKWARD

    def backward(self, batch: Batch) -> None:
        for parts in self._waiting.put(batch, batch.states):
            self._answered(parts)

    def _answered(self, parts: list[Batch]) -> None:
        states = parts[0].states
        live = [part for part in parts if part.payload is not None]
        if live and self.wanted[0]:
            start = self.host.clock()
            dx, counts = self.gathered(states, [part.payload for part in parts], live[0].counts)
            self.kernel_ns += self.host.clock() - start
            self.answer(0, states, dx, counts)
        else:
            self.forget(states)
            self.answer(0, states)

    def gathered(
        self, states: Sequence[State], gradients: list[Payload | None], counts: Sequence[int]
    ) -> tuple[Payload, Sequence[int]]:
        """The gradient of the input and the rows of each message, from those of the outputs, some of which may be None;
        `counts` are the rows of the messages of one that is not."""
        raise NotImplementedError

    def forget(self, states: Sequence[State]) -> None:
        """No gradient will be asked for these states; nothing to do where nothing is remembered for it."""


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

    def forward(self, batch: Batch) -> None:
        for port in range(self.ways):
            self.send(port, batch.states, batch.payload, batch.counts)

    def gathered(
        self, states: Sequence[State], gradients: list[Payload | None], counts: Sequence[int]
    ) -> tuple[Payload, Sequence[int]]:
        return functools.reduce(add, gradients), counts


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

    def forward(self, batch: Batch) -> None:
        for port, (start, stop) in enumerate(itertools.pairwise(self._cuts)):
            self.send(port, batch.states, batch.payload[:, start:stop], batch.counts)

    def gathered(
        self, states: Sequence[State], gradients: list[Payload | None], counts: Sequence[int]
    ) -> tuple[Payload, Sequence[int]]:
        known = next(gradient for gradient in gradients if gradient is not None)
        filled = [
            np.zeros((len(known), size), known.dtype) if gradient is None else gradient
            for gradient, size in zip(gradients, self.sizes, strict=True)
        ]
        return np.concatenate(filled, axis=1), counts


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

    def forward(self, batch: Batch) -> None:
        self.send(0, batch.states, batch.payload[self.index], batch.counts)

    def backward(self, batch: Batch) -> None:
        if batch.payload is None or not self.wanted[0]:
            self.answer(0, batch.states)
        else:
            self.answer(0, batch.states, self._widened(batch.payload), batch.counts)

    def _widened(self, dy: Payload) -> Payload:
        """A gradient for every array: None in a tuple could not be stacked with the arrays of another message."""
        rows = len(dy)
        if rows > self._rows or dy.dtype != self._dtype:  # payloads are read-only: the same zeros serve all messages
            self._rows, self._dtype = rows, dy.dtype
            self._zeros = [np.zeros((rows, *shape), dy.dtype) for shape in self._shapes]
        return tuple([dy if place == self.index else zeros[:rows] for place, zeros in enumerate(self._zeros)])
