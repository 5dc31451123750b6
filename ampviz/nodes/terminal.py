"""Where messages begin and end without a loss: sources, constants, and the end of an unused path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampviz.building import Port
from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.payload import Payload, each, row_count, stack
from ampviz.ports import ArrayType, PortType


class Source(Node):
    """Emits one field of each admitted instance. The graph's only nodes without inputs; made by `amp.trace`."""

    def __init__(self, field: str, gives: PortType):
        super().__init__(field)
        self.field, self.gives = field, gives

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        self.take(inputs, 0)
        return (self.gives,)

    def forward(self, batch: Batch) -> None:
        payloads = self.host.payloads(batch.states, self.field)
        if self.uniform:
            self.send(0, batch.states, stack(payloads), list(map(len, payloads)))
        else:
            for state, payload in zip(batch.states, payloads, strict=True):
                self.send(0, (state,), payload, (len(payload),))

    def backward(self, batch: Batch) -> None:
        self.host.came_home([state[0] for state in batch.states])


class Zeros(Node):
    """A row of zeros (size,) for each row of its input: the first hidden state of a recurrence.

    With several sizes it gives a tuple of such arrays: `Zeros(hidden, hidden)` begins an LSTM's (h, c).
    """

    def __init__(self, *sizes: int, name: str = ""):
        super().__init__(name)
        self.sizes = sizes

    def note(self) -> str:
        return " + ".join(map(str, self.sizes))

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        if not self.sizes:
            raise GraphError("needs a size", where=self.where)
        return (PortType.of(x.fields, [ArrayType((size,)) for size in self.sizes]),)

    def differentiable(self, inputs: Sequence[bool]) -> bool:
        return False

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._zeros = self._block(0)

    def _block(self, rows: int) -> Payload:
        arrays = tuple(np.zeros((rows, size), np.float32) for size in self.sizes)
        return arrays if len(arrays) > 1 else arrays[0]

    def forward(self, batch: Batch) -> None:
        rows = row_count(batch.payload)
        if rows > row_count(self._zeros):
            self._zeros = self._block(rows)
        self.send(0, batch.states, each(lambda zeros: zeros[:rows], self._zeros), batch.counts)

    def backward(self, batch: Batch) -> None:
        self.answer(0, batch.states)


class Discard(Node):
    """Ends a path on purpose: answers every message with nothing to differentiate."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        self.take(inputs, 1, tuples=True)
        return ()

    def forward(self, batch: Batch) -> None:
        self.answer(0, batch.states)


def discard(port: Port) -> None:
    """End a path that the model does not use, such as one way of a Cond."""
    Discard()(port)
