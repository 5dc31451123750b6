"""Nodes that change how many rows a message has: Replicate copies them, SumRows adds them up.

A gated sum over the nodes of a graph, one row an instance, is made of small nodes:

    gate = nn.Sigmoid()(nn.Linear(n, n)(h))
    sum_ = nn.SumRows()(nn.Multiply()(gate, nn.Linear(n, n)(h)))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ampviz.compiling import compile_expression
from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.payload import Payload
from ampviz.nodes.scatter import Scatter
from ampviz.ports import PortType
from ampviz.state import Expression, State, lift

_FEW_SUMS = 20  # up to here a product with a one-hot matrix is faster than sums of ranges


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

    def forward(self, batch: Batch) -> None:
        counts, x = batch.counts, batch.payload
        self._rows.update([(state, count) for state, count in zip(batch.states, counts, strict=True) if state[0] >= 0])
        start = self.host.clock()
        sums = _sums(x, counts)
        self.kernel_ns += self.host.clock() - start
        self.send(0, batch.states, sums, [1] * len(counts))

    def backward(self, batch: Batch) -> None:
        rows = [self._rows.pop(state, 0) for state in batch.states]
        if batch.payload is None or not self.wanted[0]:
            self.answer(0, batch.states)
        else:
            self.answer(0, batch.states, batch.payload.repeat(rows, axis=0), rows)


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

    def forward(self, batch: Batch) -> None:
        copies, rows = self._copies(batch.states), batch.counts
        repeats = np.repeat(copies, rows)
        counts = [count * own for count, own in zip(copies, rows, strict=True)]
        self.send(0, batch.states, np.repeat(batch.payload, repeats, axis=0), counts)

    def backward(self, batch: Batch) -> None:
        if batch.payload is None or not self.wanted[0]:
            self.answer(0, batch.states)
            return
        copies = self._copies(batch.states)
        rows = [count // own for count, own in zip(batch.counts, copies, strict=True)]
        self.answer(0, batch.states, _sums(batch.payload, np.repeat(copies, rows)), rows)

    def _copies(self, states: Sequence[State]) -> list[int]:
        tables = self.host.tables
        copies = [int(self._count(state, tables(state[0]) if self._reads_tables else None)) for state in states]
        if min(copies) < 1:
            raise ValueError(f"cannot make {self.count} = {min(copies)} copies of a row")
        return copies


def _sums(x: Payload, counts: Sequence[int] | NDArray[np.intp]) -> Payload:
    """The sums of consecutive rows, so many each: (len(counts), ...)."""
    if 0 < len(counts) <= _FEW_SUMS and x.ndim == 2:
        return Scatter(np.arange(len(counts)).repeat(counts), len(counts))(x)
    ends = np.cumsum(counts, dtype=np.intp)
    starts = ends - np.asarray(counts, np.intp)
    full = starts < ends
    if full.all():
        return np.add.reduceat(x, starts, axis=0) if len(starts) else x[:0]
    sums = np.zeros((len(starts), *x.shape[1:]), x.dtype)
    if full.any():
        sums[full] = np.add.reduceat(x, starts[full], axis=0)
    return sums
