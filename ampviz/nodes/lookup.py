"""The table of learned rows."""

from __future__ import annotations

import numpy as np

from ampviz.errors import GraphError
from ampviz.nodes import kernels
from ampviz.nodes.parameterised import Array, Parameterised
from ampviz.nodes.payload import Payload
from ampviz.optim import Optimizer
from ampviz.ports import PortType


class Lookup(Parameterised):
    """Row i of a table (vocabulary, size) for each index i: input (rows,) int64, output (rows, size).

    The table starts normal with deviation `scale`, or as `start` (vocabulary, size), such as pretrained vectors. An
    index outside 0..vocabulary-1 raises IndexError.
    """

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
        return {"table": kernels.scatter_add(saved, dy, self.vocabulary)}
