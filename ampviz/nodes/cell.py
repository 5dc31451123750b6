"""What the cells share: several gates out of one product, and an LSTM's arithmetic for any number of memories."""

from __future__ import annotations

import numpy as np

from ampviz.nodes import cell_kernels, kernels
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.parameters import Array, ones
from ampviz.nodes.payload import Payload
from ampviz.optim import Optimizer
from ampviz.ports import ArrayType, PortType


class LSTMCell(Parameterised):
    """The gates i, o, f_1 .. f_k and the candidate u from one product with W (inputs, (k + 3) hidden); gives (h, c).

    W starts uniform within +-1 / sqrt(inputs), b at 0, and at `forget` for the forget gates. Subclasses take their
    input apart (`parts`) and put its gradient together (`whole`).
    """

    heavy = True
    W: Array
    b: Array

    def __init__(self, inputs: int, hidden: int, memories: int, forget: float, name: str, optimizer: Optimizer | None):
        super().__init__(name, optimizer=optimizer)
        self.product_size, self.hidden, self.memories, self.forget = inputs, hidden, memories, forget

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        width = (self.memories + 3) * self.hidden
        return {"W": (self.product_size, width), "b": (width,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        bound = self.product_size**-0.5
        b = np.zeros((self.memories + 3) * self.hidden)
        b[2 * self.hidden : -self.hidden] = self.forget
        return {"W": rng.uniform(-bound, bound, self.parameter_shapes()["W"]), "b": b}

    def gives(self, x: PortType) -> PortType:
        """The type of (h, c) for this input."""
        return PortType.of(x.fields, [ArrayType((self.hidden,))] * 2)

    def parts(self, payload: Payload) -> tuple[Array, Array]:
        """The input of the product (rows, inputs) and the memories (rows, k, hidden)."""
        raise NotImplementedError

    def whole(self, dx: Array, dmemories: Array) -> Payload:
        """The gradient of the payload, from those of its parts."""
        raise NotImplementedError

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        rows, memories = self.parts(x)
        h, c, gates, squashed = cell_kernels.lstm_forward(rows, memories, self.W, self.b)
        return (h, c), (rows, memories, gates, squashed)

    def prepare(self, saved: Payload, dy: Payload) -> tuple[Payload, Payload, Payload]:
        dgates, dmemories = cell_kernels.lstm_backward(*saved[1:], *dy)
        return saved[0], dgates, (dgates, dmemories)

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        dgates, dmemories = dy
        return self.whole(kernels.linear_input_gradient(dgates, self.W), dmemories)

    def factors(self, saved: Payload, dy: Payload) -> dict[str, tuple[Array, Array]]:
        return {"W": (saved, dy), "b": (ones(len(dy), dy.dtype), dy)}
