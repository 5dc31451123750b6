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
from ampviz.message import Message
from ampviz.nodes import kernels
from ampviz.nodes.base import Host, columns
from ampviz.nodes.fan import Gather
from ampviz.nodes.join import Join, Part
from ampviz.nodes.payload import Payload, split, stack
from ampviz.ports import PortType
from ampviz.state import Expression, State, Tables, compile_expression, lift

Indices = NDArray[np.int64]


class Distribute(Gather):
    """Rows of a matrix (rows, size) by index: one output (edges of that type, size) for each of `types` index lists.

    `sources` is a table with a sequence of row numbers for each type. Backward sums the gradients at those rows. A row
    number outside the matrix raises IndexError.
    """

    keeps = ("_waiting", "_rows")

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

    def forward(self, batch: Sequence[Message]) -> None:
        _, states, payloads = columns(batch)
        start = self.host.clock()
        rows = [len(x) for x in payloads]
        for state, count in zip(states, rows, strict=True):
            if state[0] >= 0:
                self._rows[state] = count
        x, along = stack(payloads), self._along(states, rows)
        parts = [(x.take(where, axis=0), counts) for where, counts in along]
        self.kernel_ns += self.host.clock() - start
        for port, (part, counts) in enumerate(parts):
            self.send_rows(port, states, part, counts)

    def gathered(self, states: Sequence[State], complete: Sequence[list[Payload | None]]) -> Sequence[Payload | None]:
        rows = [self._rows.pop(state, 0) for state in states]
        live = [index for index, gradients in enumerate(complete) if any(part is not None for part in gradients)]
        if not live or not self.wanted[0]:
            return [None] * len(states)
        start = self.host.clock()
        counts = [rows[index] for index in live]
        along = self._along([states[index] for index in live], counts)
        where, gradients = [], []
        for port, (targets, edges) in enumerate(along):
            own = [complete[at][port] for at in live]
            silent = [part is None for part in own]
            if any(silent):
                targets = targets[~np.repeat(silent, edges)]
            where.append(targets)
            gradients += [part for part in own if part is not None]
        dx = kernels.scatter_add(np.concatenate(where), stack(gradients), sum(counts))
        self.kernel_ns += self.host.clock() - start
        answers: list[Payload | None] = [None] * len(states)
        for index, piece in zip(live, split(dx, counts), strict=True):
            answers[index] = piece
        return answers

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

    def joined(self, complete: list[list[Part]]) -> None:
        states = [parts[0][0] for parts in complete]
        tables = self.host.tables
        start = self.host.clock()
        rows = [int(self._rows(state, tables(state[0]))) for state in states]
        along = self._along(states, rows)
        payloads_by_type = [[parts[port][1] for parts in complete] for port in range(len(along))]
        for port, ((_, counts), payloads) in enumerate(zip(along, payloads_by_type, strict=True)):
            for count, payload in zip(counts, payloads, strict=True):
                if count != len(payload):
                    raise ValueError(f"{self.targets}[{port}] has {count} entries for {len(payload)} rows")
        where = np.concatenate([indices for indices, _ in along])
        collected = kernels.scatter_add(
            where, stack([part for column in payloads_by_type for part in column]), sum(rows)
        )
        self.kernel_ns += self.host.clock() - start
        self.send_rows(0, states, collected, rows)

    def backward(self, batch: Sequence[Message]) -> None:
        _, states, gradients = columns(batch)
        silent = [state for state, dy in zip(states, gradients, strict=True) if dy is None]
        live = [(state, dy) for state, dy in zip(states, gradients, strict=True) if dy is not None]
        for port in range(len(self.inputs) if silent else 0):
            self.answer_all(port, silent, [None] * len(silent))
        if not live:
            return
        start = self.host.clock()
        states = [state for state, _ in live]
        dy = stack([dy for _, dy in live])
        along = self._along(states, [len(dy) for _, dy in live])
        pieces = [
            dy.take(where, axis=0) if wanted else None for (where, _), wanted in zip(along, self.wanted, strict=True)
        ]
        self.kernel_ns += self.host.clock() - start
        for port, (piece, (_, counts)) in enumerate(zip(pieces, along, strict=True)):
            if piece is None:
                self.answer_all(port, states, [None] * len(states))
            else:
                self.answer_rows(port, states, piece, counts)

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
