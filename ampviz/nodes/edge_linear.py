"""Message passing in one node: rows travel along typed edges, each type through weights of its own, and are summed.

    arrived = nn.EdgeLinear(n, n, T.sources, T.targets, types=4)(h)       # a row for each node of the graph
    h = nn.GRU(n, n)(arrived, h)

`Distribute`, a `Linear` for each type and `Collect` do the same with a node a type, which can then be placed apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampviz.errors import GraphError
from ampviz.nodes import kernels
from ampviz.nodes.batch import Batch
from ampviz.nodes.edges import EdgeTables
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.parameters import Array, Parameters, ones
from ampviz.nodes.payload import Payload
from ampviz.optim import Optimizer
from ampviz.ports import PortType
from ampviz.state import Expression

_SMALL = 1_500  # numbers in the weights of a type up to which one product for all types is faster


def EdgeLinear(  # noqa: N802 # a node, whichever class it is of
    inputs: int,
    outputs: int,
    sources: Expression,
    targets: Expression,
    *,
    types: int,
    name: str = "",
    optimizer: Optimizer | None = None,
) -> SideBySide:
    """Row v of the result is the sum of h[u] W_k + b_k over all edges u -> v of all types k.

    h (rows, inputs) has a row for each node of the graph, the result (rows, outputs) too; a row at which no edge
    arrives is zero. `sources` and `targets` are tables with a sequence of row numbers for each of `types` edge types,
    as Distribute and Collect read them. W_k stand side by side in W (inputs, types outputs), which starts uniform
    within +-1 / sqrt(inputs), and b_k in b (types outputs,), which starts at 0. A row number outside h raises
    IndexError; another number of types, or sources and targets that differ in length, ValueError.

    The sum over edge types is that of gated graph networks (arXiv 1511.05493).
    """
    way = SideBySide if inputs * outputs <= _SMALL else TypeByType
    return way(inputs, outputs, (sources, targets), types, name, optimizer)


class SideBySide(Parameterised):
    """EdgeLinear of small weights: one product for all types, of every row, whether an edge leaves from it or not."""

    heavy = True
    W: Array
    b: Array

    def __init__(
        self, inputs: int, outputs: int, ends: Sequence[Expression], types: int, name: str, optimizer: Optimizer | None
    ):
        super().__init__(name, optimizer=optimizer)
        self.input_size, self.output_size, self.ends, self.types = inputs, outputs, ends, types

    @property
    def kind(self) -> str:
        return "EdgeLinear"

    def note(self) -> str:
        return f"{self.input_size} -> {self.output_size} x{self.types}"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        width = self.types * self.output_size
        return {"W": (self.input_size, width), "b": (width,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        bound = self.input_size**-0.5
        shapes = self.parameter_shapes()
        return {"W": rng.uniform(-bound, bound, shapes["W"]), "b": np.zeros(shapes["b"])}

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if x.dtype != "float32" or x.shape != (self.input_size,) or self.types < 1:
            expected = f"(rows, {self.input_size}) float32 and at least one type"
            raise GraphError("the input does not fit", where=self.where, expected=expected, got=x)
        sources, targets = self.ends
        self._tables = EdgeTables(sources, targets, x.fields, self.types, used=not self.dense)
        return (PortType(x.fields, (self.output_size,)),)

    def forward(self, batch: Batch) -> None:
        self._find_edges(batch)
        super().forward(batch)

    def backward(self, batch: Batch) -> None:
        if batch.payload is not None:
            self._find_edges(batch)
        super().backward(batch)

    def _find_edges(self, batch: Batch) -> None:
        start = self.host.clock()
        self._edges = self._tables.of(batch.states, self.host.tables, batch.counts)  # of the batch at hand
        self.kernel_ns += self.host.clock() - start

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        sent = kernels.linear_forward(x, self.W, self.b)
        return self._edges.arrive(sent.reshape(-1, self.output_size)), x

    def prepare(self, saved: Payload, dy: Payload) -> tuple[Payload, Payload, Payload]:
        dsent = self._edges.leave(dy).reshape(len(saved), self.types * self.output_size)
        return saved, dsent, dsent

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        return kernels.linear_input_gradient(dy, self.W)

    def factors(self, saved: Payload, dy: Payload) -> dict[str, tuple[Array, Array]]:
        return {"W": (saved, dy), "b": (ones(len(dy), dy.dtype), dy)}


class TypeByType(SideBySide):
    """EdgeLinear of large weights: a product for each type, of the rows that an edge of it leaves from.

    Gradients are formed batch by batch: the parts of several cannot be stacked.
    """

    dense = False

    def attach(self, parameters: Parameters) -> None:
        super().attach(parameters)
        self._own = list(zip(self._by_type(self.W), self.b.reshape(self.types, -1), strict=True))

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        parts = self._edges.cut(x.take(self._edges.rows, axis=0))
        sent = [kernels.linear_forward(part, W, b) for part, (W, b) in zip(parts, self._own, strict=True)]
        return self._edges.arrive(np.concatenate(sent)), x

    def prepare(self, saved: Payload, dy: Payload) -> tuple[Payload, Payload, Payload]:
        edges = self._edges
        dsent = tuple(edges.cut(edges.leave(dy)))
        return tuple(edges.cut(saved.take(edges.rows, axis=0))), dsent, dsent

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        edges = self._edges
        dx = np.zeros((edges.count, self.input_size), dy[0].dtype)
        for rows, part, (W, _) in zip(edges.cut(edges.rows), dy, self._own, strict=True):
            dx[rows] += kernels.linear_input_gradient(part, W)  # no row comes twice
        return dx

    def weight_gradients(self, saved: Payload, dy: Payload) -> dict[str, Array]:
        dW = np.empty((self.input_size, self.types * self.output_size), dy[0].dtype)
        for x, part, own in zip(saved, dy, self._by_type(dW), strict=True):
            np.matmul(x.T, part, out=own)
        return {"W": dW, "b": np.concatenate([part.sum(axis=0) for part in dy])}

    def at_once(self, saved: Payload, dy: Payload) -> bool:
        return True

    def of_messages(self, start: int, end: int, saved: Payload, dy: Payload) -> tuple[Payload, Payload]:
        places = self._edges.places(start, end)
        x, dsent = ([part[own] for part, own in zip(parts, places, strict=True)] for parts in (saved, dy))
        return tuple(x), tuple(dsent)

    def _by_type(self, W: Array) -> Array:
        """The weights of each type, as views."""
        return W.reshape(self.input_size, self.types, self.output_size).transpose(1, 0, 2)
