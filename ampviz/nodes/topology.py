"""Message passing on the graph of an instance: Distribute by edge type, Collect by target (paper, section 4).

A step of a gated graph network, for typed edges u -> v:

    parts = nn.Distribute(T.sources, types=4)(h)                          # per type: the rows of h at u
    m = nn.Collect(T.targets, rows=T.nodes)(*(nn.Linear(n, n)(part) for part in parts))   # summed at v
    h = nn.GRU(n, n)(m, h)

`EdgeLinear` does in one node what Distribute, the Linears and Collect do here.

The tables hold one sequence of row numbers for each edge type: lists, int64 arrays, or faster `TypedRows`. A type that
an instance does not have is an empty sequence; its message has no rows, but it travels, so that everyone knows what to
wait for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.nodes.base import Host
from ampviz.nodes.batch import Batch, difference
from ampviz.nodes.edge_ends import EdgeEnds
from ampviz.nodes.fan import Gather
from ampviz.nodes.join import Join
from ampviz.nodes.payload import Payload, stack
from ampviz.nodes.scatter import Scatter
from ampviz.ports import PortType
from ampviz.state import Expression, State, lift


class Distribute(Gather):
    """Rows of a matrix (rows, size) by index: one output (edges of that type, size) for each of `types` index lists.

    `sources` is a table with a sequence of row numbers for each type. Backward sums the gradients at those rows. A row
    number outside the matrix raises IndexError.
    """

    keeps = ("_rows",)

    def __init__(self, sources: Expression, *, types: int, name: str = ""):
        super().__init__(name)
        self.sources, self.types = sources, types

    def note(self) -> str:
        return f"{self.sources} x{self.types}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if len(x.shape) != 1 or x.dtype != "float32" or self.types < 1:
            expected = "(rows, size) float32 and at least one type"
            raise GraphError("the input does not fit", where=self.where, expected=expected, got=x)
        self._ends = EdgeEnds(self.sources, x.fields, self.types)
        return (x,) * self.types

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._rows: dict[State, int] = {}  # of the matrix

    def forward(self, batch: Batch) -> None:
        start = self.host.clock()
        rows = batch.counts
        self._rows.update([(state, count) for state, count in zip(batch.states, rows, strict=True) if state[0] >= 0])
        ends = self._ends.of(batch.states, self.host.tables, rows)
        parts = ends.cut(batch.payload.take(ends.where, axis=0))
        self.kernel_ns += self.host.clock() - start
        for port, (part, counts) in enumerate(zip(parts, ends.counts, strict=True)):
            self.send(port, batch.states, part, counts)

    def gathered(
        self, states: Sequence[State], gradients: list[Payload | None], counts: Sequence[int]
    ) -> tuple[Payload, Sequence[int]]:
        start = self.host.clock()
        rows = [self._rows.pop(state) for state in states]
        ends = self._ends.of(states, self.host.tables, rows)
        live = [dy for dy in gradients if dy is not None]
        scatter = ends.scatter
        if len(live) < len(gradients):
            where = [own for own, dy in zip(ends.cut(ends.where), gradients, strict=True) if dy is not None]
            scatter = Scatter(np.concatenate(where), sum(rows))
        dx = scatter(stack(live))
        self.kernel_ns += self.host.clock() - start
        return dx, rows

    def forget(self, states: Sequence[State]) -> None:
        for state in states:
            self._rows.pop(state, None)


class Collect(Join):
    """Joins the outputs of all types and sums their rows by target: (rows, size), one input for each edge type.

    `targets` is a table with a sequence of row numbers for each type, as long as the rows of that input; `rows` is how
    many the result has. A row without edges is zero. Backward gives every edge the gradient of its target.
    """

    def __init__(self, targets: Expression, *, rows: Expression | int, name: str = ""):
        super().__init__(name=name)
        self.targets, self.rows = targets, lift(rows)

    def note(self) -> str:
        return f"{self.targets} into {self.rows}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        if not inputs:
            raise GraphError("needs an input for each edge type", where=self.where)
        first = self.take(inputs, len(inputs))[0]
        for given in inputs:
            if len(given.shape) != 1 or given.dtype != "float32" or not given.arrays[0].meets(first.arrays[0]):
                expected = f"(rows, size) float32, as {first.arrays[0]}"
                raise GraphError("an input does not fit", where=self.where, expected=expected, got=given)
        self.join_fields(inputs)
        self._ends = EdgeEnds(self.targets, first.fields, len(inputs), self.rows)
        return (first,)

    def joined(self, parts: list[Batch]) -> None:
        states = parts[0].states
        start = self.host.clock()
        ends = self._ends.of(states, self.host.tables)
        for port, (counts, part) in enumerate(zip(ends.counts, parts, strict=True)):
            differ = difference(counts, part.counts)
            if differ:
                raise ValueError(f"{self.targets}[{port}] has {differ[0]} entries for {differ[1]} rows")
        collected = ends.scatter(stack([part.payload for part in parts]))
        self.kernel_ns += self.host.clock() - start
        self.send(0, states, collected, ends.rows)

    def backward(self, batch: Batch) -> None:
        states, dy = batch.states, batch.payload
        if dy is None:
            for port in range(len(self.inputs)):
                self.answer(port, states)
            return
        start = self.host.clock()
        ends = self._ends.of(states, self.host.tables)
        pieces = ends.cut(dy.take(ends.where, axis=0))
        self.kernel_ns += self.host.clock() - start
        for port, (piece, counts) in enumerate(zip(pieces, ends.counts, strict=True)):
            if self.wanted[port]:
                self.answer(port, states, piece, counts)
            else:
                self.answer(port, states)
