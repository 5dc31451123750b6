"""The affine layer."""

from __future__ import annotations

import numpy as np

from ampviz.errors import GraphError
from ampviz.nodes import kernels
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.parameters import Array, ones
from ampviz.nodes.payload import Payload
from ampviz.optim import Optimizer
from ampviz.ports import PortType


class Linear(Parameterised):
    """y = x W + b with x (rows, inputs), W (inputs, outputs), b (outputs,).

    W starts uniform within +-gain / sqrt(inputs), b at 0. With gain sqrt(6) ReLU layers keep the variance (He,
    arXiv 1502.01852); the smaller default is the safe one for recurrent cells and last layers.
    """

    heavy = True
    W: Array
    b: Array

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        gain: float = 1.0,
        name: str = "",
        optimizer: Optimizer | None = None,
    ):
        super().__init__(name, optimizer=optimizer)
        self.input_size, self.output_size, self.gain = inputs, outputs, gain

    def note(self) -> str:
        return f"{self.input_size} -> {self.output_size}"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (self.input_size, self.output_size), "b": (self.output_size,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        bound = self.gain / self.input_size**0.5
        W = rng.uniform(-bound, bound, (self.input_size, self.output_size))
        return {"W": W, "b": np.zeros(self.output_size)}

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if x.dtype != "float32" or x.shape != (self.input_size,):
            expected = f"(rows, {self.input_size}) float32"
            raise GraphError("the input does not fit", where=self.where, expected=expected, got=x)
        return (PortType(x.fields, (self.output_size,)),)

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        return kernels.linear_forward(x, self.W, self.b), x

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        return kernels.linear_input_gradient(dy, self.W)

    def factors(self, saved: Payload, dy: Payload) -> dict[str, tuple[Array, Array]]:
        return {"W": (saved, dy), "b": (ones(len(dy), dy.dtype), dy)}
