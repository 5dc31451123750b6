"""The table of learned rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ampviz.errors import GraphError
from ampviz.nodes import kernels
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.parameters import Array
from ampviz.nodes.payload import Payload
from ampviz.nodes.scatter import scatter_add, sum_by_index
from ampviz.optim import Optimizer
from ampviz.ports import PortType

_LONG = 1024  # rows from which a table is stepped row by row


class Lookup(Parameterised):
    """Row i of a table (vocabulary, size) for each index i: input (rows,) int64, output (rows, size).

    The table starts normal with deviation `scale`, or as `start` (vocabulary, size), such as pretrained vectors. An
    index outside 0..vocabulary-1 raises IndexError.

    A long table with a rowwise optimizer holds and steps only the rows that were looked up, with the same result.
    """

    dense = False
    table: Array

    def __init__(
        self,
        vocabulary: int,
        size: int,
        *,
        scale: float = 1.0,
        start: Array | None = None,
        name: str = "",
        optimizer: Optimizer | None = None,
    ):
        super().__init__(name, optimizer=optimizer)
        self.vocabulary, self.size, self.scale, self.start = vocabulary, size, scale, start

    def note(self) -> str:
        return f"{self.vocabulary} x {self.size}"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"table": (self.vocabulary, self.size)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        start = rng.normal(0.0, self.scale, (self.vocabulary, self.size)) if self.start is None else self.start
        return {"table": start}

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (indices,) = self.take(inputs, 1)
        if self.start is not None and self.start.shape != (self.vocabulary, self.size):
            expected = (self.vocabulary, self.size)
            raise GraphError("the table does not fit", where=self.where, expected=expected, got=self.start.shape)
        if indices.dtype != "int64" or indices.shape != ():
            raise GraphError("the input does not fit", where=self.where, expected="(rows) int64", got=indices)
        return (PortType(indices.fields, (self.size,)),)

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        return kernels.lookup_forward(x, self.table), x

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        raise TypeError("indices have no gradient")  # never wanted: index ports carry no gradient

    def weight_gradients(self, saved: Payload, dy: Payload) -> dict[str, Array]:
        if not self._by_rows:
            return {"table": scatter_add(saved, dy, self.vocabulary)}
        self._rows_held, sums = sum_by_index(saved, dy)
        return {"table": sums}

    def merged(self, saved: Payload, dy: Payload) -> dict[str, Array]:
        if not (self._by_rows and self._gradients):
            return super().merged(saved, dy)
        indices = np.concatenate([self._rows_held, saved])
        return self.weight_gradients(indices, np.concatenate([self._gradients["table"], dy]))

    def gradient_so_far(self) -> dict[str, Array]:
        """Of a table that is stepped by rows: only the rows that were looked up."""
        if not self._by_rows:
            return super().gradient_so_far()
        indices, rows = [pair[0] for pair in self._collected], [pair[1] for pair in self._collected]
        if self._gradients:
            indices, rows = [self._rows_held, *indices], [self._gradients["table"], *rows]
        if not rows:
            return {}
        return {"table": sum_by_index(np.concatenate(indices), np.concatenate(rows))[1] / len(self._keys)}

    def step(self, gradients: Mapping[str, Array], rate: float) -> None:
        if not self._by_rows:
            super().step(gradients, rate)
            return
        assert self.optimizer is not None  # as in Parameterised
        rows, slots = self._rows_held, self.parameters.slots["table"]
        table, state = self.table[rows], {name: slot[rows] for name, slot in slots.items()}
        self.optimizer.update(table, gradients["table"], state, rate)
        self.table[rows] = table
        for name, slot in slots.items():
            slot[rows] = state[name]

    @property
    def _by_rows(self) -> bool:
        return self.vocabulary > _LONG and self.optimizer is not None and self.optimizer.rowwise
