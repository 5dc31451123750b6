"""Tree-LSTM cells (Tai et al. 2015, arXiv 1503.00075, section 3.2): one node for the leaves, one for the branches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampviz.errors import GraphError
from ampviz.nodes.cell import LSTMCell
from ampviz.nodes.group import Groups
from ampviz.nodes.parameters import Array
from ampviz.nodes.payload import Payload
from ampviz.optim import Optimizer
from ampviz.ports import PortType
from ampviz.state import Assign, Expression, Field, State


class LeafLSTM(LSTMCell):
    """A leaf of a Tree-LSTM: x (rows, inputs) to (h, c), both (rows, hidden). It has no child and no forget gate.

    i, o = sigmoid(x W + b); u = tanh(x W + b); c = i u; h = o tanh(c).
    """

    def __init__(self, inputs: int, hidden: int, *, name: str = "", optimizer: Optimizer | None = None):
        super().__init__(inputs, hidden, 0, 0.0, name, optimizer)

    def note(self) -> str:
        return f"{self.product_size} -> {self.hidden}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if x.dtype != "float32" or x.shape != (self.product_size,):
            expected = f"(rows, {self.product_size}) float32"
            raise GraphError("the input does not fit", where=self.where, expected=expected, got=x)
        return (self.gives(x),)

    def parts(self, payload: Payload) -> tuple[Array, Array]:
        return payload, np.empty((len(payload), 0, self.hidden), payload.dtype)

    def whole(self, dx: Array, dmemories: Array) -> Payload:
        return dx


class BranchLSTM(Groups, LSTMCell):
    """An inner node of an N-ary Tree-LSTM: the (h, c) of its children to its own, with a forget gate for each child.

    The children come one by one, h and c both (rows, hidden) float32, and meet in the cell: those that are equal after
    `by`, such as `S.node.to(T.parent[S.node])`, in the `order` 0 .. children-1. Children of other rows than their
    siblings raise ValueError. `forget` is where the biases of the forget gates start.
    """

    keeps = ("saved", "_origins")

    def __init__(
        self,
        hidden: int,
        by: Field | Assign,
        *,
        order: Expression | None = None,
        children: int = 2,
        forget: float = 1.0,
        name: str = "",
        optimizer: Optimizer | None = None,
    ):
        LSTMCell.__init__(self, children * hidden, hidden, children, forget, name, optimizer)
        self.group_by(by, children, order, axis=1)

    def note(self) -> str:
        return f"{self.memories} x {self.hidden} -> {self.hidden}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        state = self.gives(x)
        if x != state:
            array = f"(rows, {self.hidden}) float32"
            raise GraphError(
                "the input does not fit", where=self.where, expected=f"{array} + {array}", got=x,
                hint="a child is the (h, c) of nn.LeafLSTM or of another nn.BranchLSTM",
            )  # fmt: skip
        return (self.gives(self.infer_groups(x)),)

    def grouped(self, targets: Sequence[State], whole: Payload, counts: Sequence[int]) -> None:
        self.transform(targets, whole, counts)

    def respond(self, states: Sequence[State], dx: Payload | None = None, counts: Sequence[int] = ()) -> None:
        self.answer_parts(states, dx, counts)

    def parts(self, payload: Payload) -> tuple[Array, Array]:
        h, c = payload
        return h.reshape(len(h), self.product_size), c

    def whole(self, dx: Array, dmemories: Array) -> Payload:
        return dx.reshape(dmemories.shape), dmemories
