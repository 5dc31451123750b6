"""Recurrent cells: one step each. A loop of the model (`amp.loop`) makes a sequence of them.

A cell has two inputs, the message x and its own state, which carry the same state fields and meet by them:

    h = nn.GRU(inputs, hidden)(x, h)             # {key, t}: (rows, inputs) and (rows, hidden)
    state = nn.LSTM(inputs, hidden)(x, state)    # the state is (h, c); the first one is nn.Zeros(hidden, hidden)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ampviz.errors import GraphError
from ampviz.message import FORWARD
from ampviz.nodes import cell_kernels, kernels
from ampviz.nodes.batch import Batch, agreed
from ampviz.nodes.cell import LSTMCell
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.parameters import Array, ones
from ampviz.nodes.payload import Payload
from ampviz.nodes.rendezvous import Meets
from ampviz.optim import Optimizer
from ampviz.ports import ArrayType, PortType, braces
from ampviz.state import State

Nonlinearity = Literal["relu", "tanh"]
_SLOPES = {"relu": kernels.relu_backward, "tanh": kernels.tanh_backward}


class RecurrentCell(Meets, Parameterised):
    """A transform of pairs (x, state): each message waits for that of the other input with an equal state.

    `run` gets the pair of payloads, and `pull` gives the pair of gradients, None for an input that wants none.
    Messages that meet and differ in rows raise ValueError.
    """

    meets = FORWARD
    heavy = True

    def fit(self, inputs: Sequence[PortType], sizes: Sequence[int], arrays: int = 1) -> tuple[PortType, ...]:
        """Check that rows of these two sizes come in, the state as so many arrays; the type of the next state."""
        x, state = self.take(inputs, 2, tuples=True)
        if x.fields != state.fields:
            raise GraphError(
                "the inputs carry different state fields, and cannot meet", where=self.where,
                expected=braces(state.fields), got=braces(x.fields), hint="nn.Isu adds a field that messages lack",
            )  # fmt: skip
        for position, (given, size, count) in enumerate(zip(inputs, sizes, (1, arrays), strict=True)):
            if given != PortType.of(given.fields, [ArrayType((size,))] * count):
                expected = " + ".join([f"(rows, {size}) float32"] * count)
                raise GraphError(f"input {position} does not fit", where=self.where, expected=expected, got=given)
        return (state,)

    def forward(self, batch: Batch) -> None:
        for parts in self._waiting.put(batch, batch.states):
            counts = agreed(parts)
            self.transform(parts[0].states, tuple([part.payload for part in parts]), counts)

    def respond(self, states: Sequence[State], dx: Payload | None = None, counts: Sequence[int] = ()) -> None:
        for port, own in enumerate((None, None) if dx is None else dx):
            if own is None or not self.wanted[port]:
                self.answer(port, states)
            else:
                self.answer(port, states, own, counts)


class RNN(RecurrentCell):
    """One step of a plain recurrent network: x (rows, inputs) and h (rows, hidden) to the next h (rows, hidden).

    h' = f(x W + h U + b), as torch.nn.RNN has it, where f is max(., 0) or tanh; W (inputs, hidden), U (hidden, hidden),
    b (hidden,). W and U start uniform within +-1 / sqrt(inputs + hidden), b at 0. With `orthogonal` U starts as an
    orthogonal matrix (arXiv 1312.6120): a state that passes through it turn after turn keeps its length.
    """

    W: Array
    U: Array
    b: Array

    def __init__(
        self,
        inputs: int,
        hidden: int,
        *,
        nonlinearity: Nonlinearity = "tanh",
        orthogonal: bool = False,
        name: str = "",
        optimizer: Optimizer | None = None,
    ):
        super().__init__(name, optimizer=optimizer)
        self.input_size, self.hidden = inputs, hidden
        self.nonlinearity, self.orthogonal = nonlinearity, orthogonal

    def note(self) -> str:
        return f"{self.input_size} | {self.hidden} -> {self.hidden} {self.nonlinearity}"

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        return {"W": (self.input_size, self.hidden), "U": (self.hidden, self.hidden), "b": (self.hidden,)}

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        size = self.input_size + self.hidden
        both = rng.uniform(-(size**-0.5), size**-0.5, (size, self.hidden))
        W, U = both[: self.input_size], both[self.input_size :]
        if self.orthogonal:
            U = np.linalg.qr(rng.normal(size=U.shape))[0]
        return {"W": W, "U": U, "b": np.zeros(self.hidden)}

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        if self.nonlinearity not in _SLOPES:
            expected = " or ".join(_SLOPES)
            raise GraphError("no such nonlinearity", where=self.where, expected=expected, got=self.nonlinearity)
        return self.fit(inputs, (self.input_size, self.hidden))

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        rows, h = x
        y = cell_kernels.rnn_forward(rows, h, self.W, self.U, self.b, rectified=self.nonlinearity == "relu")
        return y, (rows, h, y)

    def prepare(self, saved: Payload, dy: Payload) -> tuple[Payload, Payload, Payload]:
        x, h, y = saved
        slopes = _SLOPES[self.nonlinearity](y, dy)
        return (x, h), slopes, slopes

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        weights = zip((self.W, self.U), self.wanted, strict=True)
        return [kernels.linear_input_gradient(dy, weight) if wanted else None for weight, wanted in weights]

    def factors(self, saved: Payload, dy: Payload) -> dict[str, tuple[Array, Array]]:
        x, h = saved
        return {"W": (x, dy), "U": (h, dy), "b": (ones(len(dy), dy.dtype), dy)}


class LSTM(RecurrentCell, LSTMCell):
    """One step of an LSTM: x (rows, inputs) and the state (h, c), both (rows, hidden), to the next (h, c).

    i, o, f = sigmoid((x | h) W + b); u = tanh((x | h) W + b); c' = i u + f c; h' = o tanh(c'). `forget` is where the
    bias of the forget gate starts.
    """

    def __init__(
        self, inputs: int, hidden: int, *, forget: float = 1.0, name: str = "", optimizer: Optimizer | None = None
    ):
        LSTMCell.__init__(self, inputs + hidden, hidden, 1, forget, name, optimizer)
        self.input_size = inputs

    def note(self) -> str:
        return f"{self.input_size} | {self.hidden} | {self.hidden} -> {self.hidden}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        return self.fit(inputs, (self.input_size, self.hidden), 2)

    def parts(self, payload: Payload) -> tuple[Array, Array]:
        x, (h, c) = payload
        return np.concatenate((x, h), axis=1), c[:, None]

    def whole(self, dx: Array, dmemories: Array) -> Payload:
        return dx[:, : self.input_size], (dx[:, self.input_size :], dmemories[:, 0])


class GRU(RecurrentCell):
    """One step of a gated recurrent unit: x (rows, inputs) and h (rows, hidden) to the next h (rows, hidden).

    r, z = sigmoid(x W + h U + b); n = tanh(x W + b + r (h U + d)); h' = (1 - z) n + z h, as torch has it. In W
    (inputs, 3 hidden), U (hidden, 3 hidden) and b (3 hidden,) stand r, z, n side by side; d is (hidden,). W and U start
    uniform within +-1 / sqrt(hidden), b and d at 0.
    """

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
        return self.fit(inputs, (self.input_size, self.hidden))

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        rows, h = x
        y, gates, recalled = cell_kernels.gru_forward(rows, h, self.W, self.U, self.b, self.d)
        return y, (rows, h, gates, recalled)

    def prepare(self, saved: Payload, dy: Payload) -> tuple[Payload, Payload, Payload]:
        x, h, gates, recalled = saved
        slopes = cell_kernels.gru_backward(h, gates, recalled, dy)
        return (x, h), slopes[:2], slopes

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        dgates, down, beside = dy
        dx = dh = None
        if self.wanted[0]:
            dx = kernels.linear_input_gradient(dgates, self.W)
        if self.wanted[1]:
            dh = kernels.linear_input_gradient(down, self.U)
            dh += beside
        return dx, dh

    def factors(self, saved: Payload, dy: Payload) -> dict[str, tuple[Array, Array]]:
        (x, h), (dgates, down) = saved, dy
        every = ones(len(x), x.dtype)
        return {"W": (x, dgates), "U": (h, down), "b": (every, dgates), "d": (every, down[:, 2 * self.hidden :])}
