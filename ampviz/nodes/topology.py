"""Message passing on the graph of an instance: Distribute by edge type, Collect by target (paper, section 4).

A step of a gated graph network, for typed edges u -> v:

    parts = nn.Distribute(T.sources, types=4)(h)                          # per type: the rows of h at u
    m = nn.Collect(T.targets, rows=T.nodes)(*(nn.Linear(n, n)(part) for part in parts))   # summed at v
    h = nn.GRU(n, n)(nn.Concat()(m, h))

The tables hold one sequence of row numbers for each edge type: lists, or faster int64 arrays. A type that an instance
does not have is an empty sequence; its message has no rows, but it travels, so that everyone knows what to wait for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import Message
from ampviz.nodes import kernels
from ampviz.nodes.base import Host
from ampviz.nodes.fan import Gather
from ampviz.nodes.join import Join, Part
from ampviz.nodes.payload import Payload, stack
from ampviz.ports import PortType
from ampviz.state import Expression, State, compile_expression, lift

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
        for _, state, x in batch:
            if state[0] >= 0:
                self._rows[state] = len(x)
            start = self.host.clock()
            parts = [kernels.lookup_forward(indices, x) for indices in self._indices(state)]
            self.kernel_ns += self.host.clock() - start
            for port, part in enumerate(parts):
                self.send(port, state, part)

    def gathered(self, state: State, gradients: list[Payload | None]) -> Payload | None:
        rows = self._rows.pop(state, 0)
        used = [port for port, gradient in enumerate(gradients) if gradient is not None]
        if not used or not self.wanted[0]:
            return None
        start = self.host.clock()
        sources = self._indices(state)
        where = np.concatenate([sources[port] for port in used])
        dx = kernels.scatter_add(where, stack([gradients[port] for port in used]), rows)
        self.kernel_ns += self.host.clock() - start
        return dx

    def _indices(self, state: State) -> list[Indices]:
        return _by_type(self._sources(state, self.host.tables(state[0])), self.types, self.sources)


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
        for parts in complete:
            state = parts[0][0]
            start = self.host.clock()
            targets = self._indices(state)
            payloads = [payload for _, payload in parts]
            for port, (indices, payload) in enumerate(zip(targets, payloads, strict=True)):
                if len(indices) != len(payload):
                    raise ValueError(f"{self.targets}[{port}] has {len(indices)} entries for {len(payload)} rows")
            count = int(self._rows(state, self.host.tables(state[0])))
            collected = kernels.scatter_add(np.concatenate(targets), stack(payloads), count)
            self.kernel_ns += self.host.clock() - start
            self.send(0, state, collected)

    def backward(self, batch: Sequence[Message]) -> None:
        for _, state, dy in batch:
            pieces: list[Payload | None] = [None] * len(self.inputs)
            if dy is not None:
                pieces = [dy.take(indices, axis=0) for indices in self._indices(state)]
            for port, piece in enumerate(pieces):
                self.answer(port, state, piece if self.wanted[port] else None)

    def _indices(self, state: State) -> list[Indices]:
        return _by_type(self._targets(state, self.host.tables(state[0])), len(self.inputs), self.targets)


def _by_type(table: Sequence[Any], types: int, name: Expression) -> list[Indices]:
    if len(table) != types:
        raise ValueError(f"{name} has {len(table)} index lists for {types} edge types")
    return [np.asarray(indices, np.int64) for indices in table]
