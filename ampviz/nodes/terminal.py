"""Where messages begin and end without a loss: sources, constants, and the end of an unused path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ampviz.graph import Graph, Port, PortType
from ampviz.message import Message
from ampviz.nodes.base import Host, Node


class Source(Node):
    """Emits one field of each admitted instance. The graph's only nodes without inputs; made by `amp.trace`."""

    def __init__(self, field: str, gives: PortType):
        super().__init__(field)
        self.field, self.gives = field, gives

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        self.take(inputs, 0)
        return (self.gives,)

    def forward(self, batch: Sequence[Message]) -> None:
        for _, state, _ in batch:
            self.send(0, state, self.host.payload(state[0], self.field))

    def backward(self, batch: Sequence[Message]) -> None:
        for _, state, _ in batch:
            self.host.came_home(state[0])


class Zeros(Node):
    """A row of zeros (size,) for each row of its input: the first hidden state of a recurrence."""

    def __init__(self, size: int, *, name: str = ""):
        super().__init__(name)
        self.size = size

    def note(self) -> str:
        return str(self.size)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        return (PortType(x.fields, (self.size,)),)

    def differentiable(self, inputs: Sequence[bool]) -> bool:
        return False

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._zeros: NDArray[np.float32] = np.zeros((0, self.size), np.float32)

    def forward(self, batch: Sequence[Message]) -> None:
        for _, state, payload in batch:
            rows = len(payload)
            if rows > len(self._zeros):
                self._zeros = np.zeros((rows, self.size), np.float32)
            self.send(0, state, self._zeros[:rows])

    def backward(self, batch: Sequence[Message]) -> None:
        for _, state, _ in batch:
            self.answer(0, state, None)


class Discard(Node):
    """Ends a path on purpose: answers every message with nothing to differentiate."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        self.take(inputs, 1)
        return ()

    def forward(self, batch: Sequence[Message]) -> None:
        for _, state, _ in batch:
            self.answer(0, state, None)


def discard(port: Port) -> None:
    """End a path that the model does not use, such as one way of a Cond."""
    Discard()(port)
