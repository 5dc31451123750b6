"""Message passing on the graph of an instance: Distribute by edge type, Collect by target (paper, section 4).

A step of a gated graph network, for typed edges u -> v:

    parts = nn.Distribute(T.sources, types=4)(h)                          # per type: the rows of h at u
    m = nn.Collect(T.targets, rows=T.nodes)(*(nn.Linear(n, n)(part) for part in parts))   # summed at v
    h = nn.GRU(n, n)(nn.Concat()(m, h))

The tables hold one sequence of row numbers for each edge type: lists, or faster int64 arrays. A type that an instance
does not have is an empty sequence; its message has no rows, but it travels, so that everyone knows what to wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.nodes import kernels
from ampviz.nodes.base import Host
from ampviz.nodes.batch import Batch, difference
from ampviz.nodes.fan import Gather
from ampviz.nodes.join import Join
from ampviz.nodes.payload import Payload, stack
from ampviz.ports import PortType
from ampviz.state import Expression, State, Tables, compile_expression, lift

Indices = NDArray[np.int64]


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
        self._sources = compile_expression(self.sources, x.fields)
        return (x,) * self.types

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._rows: dict[State, int] = {}  # of the matrix

    def forward(self, batch: Batch) -> None:
        start = self.host.clock()
        rows = batch.counts
        self._rows.update([(state, count) for state, count in zip(batch.states, rows, strict=True) if state[0] >= 0])
        parts = [(batch.payload.take(where, axis=0), counts) for where, counts in self._along(batch.states, rows)]
        self.kernel_ns += self.host.clock() - start
        for port, (part, counts) in enumerate(parts):
            self.send(port, batch.states, part, counts)

    def gathered(
        self, states: Sequence[State], gradients: list[Payload | None], counts: Sequence[int]
    ) -> tuple[Payload, Sequence[int]]:
        start = self.host.clock()
        rows = [self._rows.pop(state) for state in states]
        along = self._along(states, rows)
        live = [(where, dy) for (where, _), dy in zip(along, gradients, strict=True) if dy is not None]
        dx = kernels.scatter_add(np.concatenate([where for where, _ in live]), stack([dy for _, dy in live]), sum(rows))
        self.kernel_ns += self.host.clock() - start
        return dx, rows

    def forget(self, states: Sequence[State]) -> None:
        for state in states:
            self._rows.pop(state, None)

    def _along(self, states: Sequence[State], rows: Sequence[int]) -> list[tuple[Indices, list[int]]]:
        return _stacked_indices(self._sources, self.sources, self.types, states, self.host.tables, rows)


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
        self._targets = compile_expression(self.targets, first.fields)
        self._rows = compile_expression(self.rows, first.fields)
        return (first,)

    def joined(self, parts: list[Batch]) -> None:
        states, tables = parts[0].states, self.host.tables
        start = self.host.clock()
        rows = [int(self._rows(state, tables(state[0]))) for state in states]
        along = self._along(states, rows)
        for port, ((_, counts), part) in enumerate(zip(along, parts, strict=True)):
            differ = difference(counts, part.counts)
            if differ:
                raise ValueError(f"{self.targets}[{port}] has {differ[0]} entries for {differ[1]} rows")
        where = np.concatenate([indices for indices, _ in along])
        collected = kernels.scatter_add(where, stack([part.payload for part in parts]), sum(rows))
        self.kernel_ns += self.host.clock() - start
        self.send(0, states, collected, rows)

    def backward(self, batch: Batch) -> None:
        states, dy = batch.states, batch.payload
        if dy is None:
            for port in range(len(self.inputs)):
                self.answer(port, states)
            return
        start = self.host.clock()
        along = self._along(states, batch.counts)
        pieces = [
            dy.take(where, axis=0) if wanted else None for (where, _), wanted in zip(along, self.wanted, strict=True)
        ]
        self.kernel_ns += self.host.clock() - start
        for port, (piece, (_, counts)) in enumerate(zip(pieces, along, strict=True)):
            if piece is None:
                self.answer(port, states)
            else:
                self.answer(port, states, piece, counts)

    def _along(self, states: Sequence[State], rows: Sequence[int]) -> list[tuple[Indices, list[int]]]:
        return _stacked_indices(self._targets, self.targets, len(self.inputs), states, self.host.tables, rows)


def _stacked_indices(
    read: Callable[[State, Any], Sequence[Any]],
    name: Expression,
    types: int,
    states: Sequence[State],
    tables: Callable[[int], Tables],
    rows: Sequence[int],
) -> list[tuple[Indices, list[int]]]:
    """For each edge type the row numbers of all these messages, whose matrices stand one below the other, and how many
    each message has. Raises IndexError for a number outside the `rows` of its message."""
    lists = [read(state, tables(state[0])) for state in states]
    for table in lists:
        if len(table) != types:
            raise ValueError(f"{name} has {len(table)} index lists for {types} edge types")
    kinds = range(types)
    counts = [[len(table[kind]) for table in lists] for kind in kinds]
    where: Indices = np.concatenate(
        [table[kind] for kind in kinds for table in lists], dtype=np.int64, casting="unsafe"
    )
    message = np.repeat(np.tile(np.arange(len(rows)), types), [count for own in counts for count in own])
    outside = np.flatnonzero((where < 0) | (where >= np.asarray(rows)[message]))
    if len(outside):
        raise IndexError(f"{name}: index {where[outside[0]]} is out of bounds for the rows of its matrix")
    where = where + np.cumsum([0, *rows[:-1]])[message]
    ends = list(accumulate(sum(own) for own in counts))
    return [(where[end - sum(own) : end], own) for own, end in zip(counts, ends, strict=True)]
