"""Nodes that change how many rows a message has: Replicate copies them, SumRows adds them up.

A gated sum over the nodes of a graph, one row an instance, is made of small nodes:

    gate = nn.Sigmoid()(nn.Linear(n, n)(h))
    sum_ = nn.SumRows()(nn.Multiply()(gate, nn.Linear(n, n)(h)))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import Message
from ampviz.nodes.base import Host, Node
from ampviz.ports import PortType
from ampviz.state import Expression, State, compile_expression, lift


class SumRows(Node):
    """The rows of a message summed: (rows, ...) float32 becomes (1, ...); of no rows the sum is zero."""

    keeps = ("_rows",)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if x.dtype != "float32":
            raise GraphError("the input does not fit", where=self.where, expected="float32", got=x)
        return (x,)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._rows: dict[State, int] = {}

    def forward(self, batch: Sequence[Message]) -> None:
        for _, state, x in batch:
            if state[0] >= 0:
                self._rows[state] = len(x)
            self.send(0, state, np.add.reduce(x, axis=0, keepdims=True))

    def backward(self, batch: Sequence[Message]) -> None:
        for _, state, dy in batch:
            rows = self._rows.pop(state, 0)
            self.answer(0, state, np.repeat(dy, rows, axis=0) if dy is not None and self.wanted[0] else None)


class Replicate(Node):
    """Copies each row `count` times, the copies side by side: (rows, ...) becomes (rows count, ...).

    `Replicate(T.nodes)` gives one row for the whole graph to each of its nodes. Backward sums over the copies. A count
    below 1 raises ValueError.
    """

    def __init__(self, count: Expression | int, *, name: str = ""):
        super().__init__(name)
        self.count = lift(count)

    def note(self) -> str:
        return f"x {self.count}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        self._count = compile_expression(self.count, x.fields)
        self._reads_tables = bool(self.count.tables())
        return (x,)

    def forward(self, batch: Sequence[Message]) -> None:
        for _, state, x in batch:
            self.send(0, state, np.repeat(x, self._copies(state), axis=0))

    def backward(self, batch: Sequence[Message]) -> None:
        for _, state, dy in batch:
            if dy is None or not self.wanted[0]:
                self.answer(0, state, None)
            else:
                copies = dy.reshape(-1, self._copies(state), *dy.shape[1:])
                self.answer(0, state, np.add.reduce(copies, axis=1))

    def _copies(self, state: State) -> int:
        count = int(self._count(state, self.host.tables(state[0]) if self._reads_tables else None))
        if count < 1:
            raise ValueError(f"cannot make {self.count} = {count} copies of a row")
        return count
