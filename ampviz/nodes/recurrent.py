"""Recurrent cells: one step each. A loop of the model (`amp.loop`) makes a sequence of them.

A cell has two inputs, the message x and its own state, but a Transform has one: a `Concat` before the cell joins them
by (key, step) to the rows (x | state), of which the last columns are the state. So the join waits, not the cell, and
rows of several messages run as one product.

    word, state = ...                                                     # {key, t}: (rows, inputs) and (h, c)
    state = nn.LSTM(inputs, hidden)(nn.Concat(on=(S.key, S.t))(word, state))   # first state: nn.Zeros(hidden, hidden)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ampviz.errors import GraphError
from ampviz.nodes import cell_kernels, kernels
from ampviz.nodes.batch import Batch
from ampviz.nodes.cell import LSTMCell
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.parameters import Array
from ampviz.nodes.payload import Payload
from ampviz.optim import Optimizer
from ampviz.ports import PortType


class LSTM(LSTMCell):
    """One step of an LSTM: rows (x | h | c), (rows, inputs + 2 hidden), to the next (h, c).

    i, o, f = sigmoid((x | h) W + b); u = tanh((x | h) W + b); c' = i u + f c; h' = o tanh(c'). `forget` is where the
    bias of the forget gate starts.
    """

    def __init__(
        self, inputs: int, hidden: int, *, forget: float = 1.0, name: str = "", optimizer: Optimizer | None = None
    ):
        super().__init__(inputs + hidden, hidden, 1, forget, name, optimizer)

    def note(self) -> str:
        return f"{self.product_size - self.hidden} | {self.hidden} | {self.hidden} -> {self.hidden}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        size = self.product_size + self.hidden
        if x.dtype != "float32" or x.shape != (size,):
            raise _misfit(self, size, "(x | h | c)", x)
        return (self.gives(x),)

    def parts(self, payload: Payload) -> tuple[Array, Array]:
        return payload[:, : self.product_size], payload[:, None, self.product_size :]

    def whole(self, dx: Array, dmemories: Array) -> Payload:
        return np.concatenate((dx, dmemories[:, 0]), axis=1)


class GRU(Parameterised):
    """One step of a gated recurrent unit: rows (x | h), (rows, inputs + hidden), to the next h (rows, hidden).

    r, z = sigmoid(x W + h U + b); n = tanh(x W + b + r (h U + d)); h' = (1 - z) n + z h, as torch has it. In W
    (inputs, 3 hidden), U (hidden, 3 hidden) and b (3 hidden,) stand r, z, n side by side; d is (hidden,). W and U start
    uniform within +-1 / sqrt(hidden), b and d at 0.
    """

    heavy = True
    W: Array
    U: Array
    b: Array
    d: Array

    def __init__(self, inputs: int, hidden: int, *, name: str = "", optimizer: Optimizer | None = None):
        super().__init__(name, optimizer=optimizer)
        self.input_size, self.hidden = inputs, hidden

    def note(self) -> str:
        return f"{self.input_size} | {self.hidden} -> {self.hidden}"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        width = 3 * self.hidden
        return {"W": (self.input_size, width), "U": (self.hidden, width), "b": (width,), "d": (self.hidden,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        bound = self.hidden**-0.5
        shapes = self.parameter_shapes()
        drawn = {name: rng.uniform(-bound, bound, shapes[name]) for name in ("W", "U")}
        return {**drawn, "b": np.zeros(shapes["b"]), "d": np.zeros(shapes["d"])}

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        size = self.input_size + self.hidden
        if x.dtype != "float32" or x.shape != (size,):
            raise _misfit(self, size, "(x | h)", x)
        return (PortType(x.fields, (self.hidden,)),)

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        rows, h = x[:, : self.input_size], x[:, self.input_size :]
        y, gates, recalled = cell_kernels.gru_forward(rows, h, self.W, self.U, self.b, self.d)
        return y, (rows, h, gates, recalled)

    def prepare(self, saved: Payload, dy: Payload) -> tuple[Payload, Payload]:
        rows, h, gates, recalled = saved
        return (rows, h), cell_kernels.gru_backward(h, gates, recalled, dy)

    def collect(self, batch: Batch, versions: Mapping[int, int], saved: Payload, dy: Payload) -> None:
        super().collect(batch, versions, saved, dy[:2])

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        dgates, down, beside = dy
        dh = kernels.linear_input_gradient(down, self.U)
        dh += beside
        return np.concatenate((kernels.linear_input_gradient(dgates, self.W), dh), axis=1)

    def factors(self, saved: Payload, dy: Payload) -> dict[str, tuple[Array, Array]]:
        (x, h), (dgates, down) = saved, dy
        ones = np.ones(len(x), x.dtype)
        return {"W": (x, dgates), "U": (h, down), "b": (ones, dgates), "d": (ones, down[:, 2 * self.hidden :])}


def _misfit(cell: Parameterised, size: int, what: str, got: PortType) -> GraphError:
    expected = f"(rows, {size}) float32"
    hint = f"nn.Concat joins the rows {what}"
    return GraphError("the input does not fit", where=cell.where, expected=expected, got=got, hint=hint)
