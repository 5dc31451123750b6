"""What a node says to messages that cannot be right: a clear error, never a wrong gradient."""

from __future__ import annotations

import numpy as np
import pytest

import ampviz as amp
from ampviz import Instance, S, T
from ampviz import nodes as nn
from ampviz.message import FORWARD
from tests.nodes.delivery import Delivery, hosted, process

X = np.ones((2, 3), np.float32)
INSTANCE = Instance(
    {"x": X, "wide": np.ones((2, 3, 3), np.float32), "y": X, "index": np.array([0, 1]), "label": np.array([0, 2])},
    state={"n": 2},
    tables={"three": 3, "names": [7, 8, 9], "twins": [7, 7], "side": [0, 5, -1, 0]},
)


def phi(x, y):
    nn.MSE(name="loss")(nn.Phi(name="node")(x), y)


def concat(x, y):
    nn.MSE()(nn.Linear(6, 3)(nn.Concat(name="node")(x, x)), y)


def recurrent(x, y):
    nn.MSE()(nn.RNN(3, 3, name="node")(x, y), y)


def squared(x, y):
    nn.MSE(name="node")(x, y)


def entropy(x, label):
    nn.SoftmaxCrossEntropy(name="node")(x, label)


def embedded(index, y):
    nn.MSE()(nn.Lookup(5, 3, name="node")(index), y)


def with_pieces(**settings):
    def pieces(x, y):
        amp.discard(nn.Ungroup(S.i, name="node", **settings)(x))
        nn.MSE()(x, y)

    return pieces


def with_columns(**settings):
    def columns(wide, x, y):
        amp.discard(nn.Ungroup(S.i, name="node", axis=1, **settings)(wide))
        nn.MSE()(x, y)

    return columns


def with_group(by, **settings):
    def grouped(x, y):
        amp.discard(nn.Group(by, count=2, name="node", **settings)(nn.Ungroup(S.i)(x)))
        nn.MSE()(x, y)

    return grouped


def with_branch(x, y):
    amp.discard(nn.BranchLSTM(3, S.i, name="node")(nn.LeafLSTM(3, 3)(nn.Ungroup(S.i)(x))))
    nn.MSE()(x, y)


def host(model) -> Delivery:
    """The model with key 0 in flight; its messages are given to `node` by hand."""
    delivery = hosted(model, [INSTANCE])
    delivery.admit({0: INSTANCE})
    return delivery


def filled(value: float) -> np.ndarray:
    return np.array([[0, 0, 0], [0, 0, value]], np.float32)


ONE, STATE = X[:1], (0, 2)  # one row; the state (key, n), and with a piece number between the two: (key, i, n)
LABELS = np.array([0, 2])
CASES = {
    "Phi: a state twice": (phi, [(0, STATE, X), (0, STATE, X)], ValueError, r"state \(0, 2\) is already on its way"),
    "Concat: an input twice": (concat, [(1, STATE, X), (1, STATE, X)], ValueError, r"input 1 .* twice"),
    "RNN: an input twice": (recurrent, [(1, STATE, X), (1, STATE, X)], ValueError, r"input 1 .* twice"),
    "RNN: other rows": (recurrent, [(1, STATE, X), (0, STATE, ONE)], ValueError, "differ in rows: 1 and 2"),
    "MSE: an input twice": (squared, [(0, STATE, X), (0, STATE, X)], ValueError, r"input 0 .* twice"),
    "MSE: other rows": (squared, [(0, STATE, X), (1, STATE, ONE)], ValueError, "2 predictions for 1 labels"),
    "entropy: other rows": (entropy, [(1, STATE, LABELS), (0, STATE, ONE)], ValueError, "1 predictions for 2 labels"),
    "entropy: a label too large": (
        entropy, [(0, STATE, X), (1, STATE, np.array([0, 3]))], ValueError, r"label 0\.\.3 outside 0\.\.2",
    ),
    "entropy: a negative label": (
        entropy, [(0, STATE, X), (1, STATE, np.array([-1, 2]))], ValueError, r"label -1\.\.2 outside 0\.\.2",
    ),
    "MSE: not a number": (squared, [(0, STATE, filled(np.nan)), (1, STATE, X)], FloatingPointError, "loss is nan"),
    "MSE: infinite": (squared, [(0, STATE, filled(np.inf)), (1, STATE, X)], FloatingPointError, "loss is inf"),
    "MSE: overflow": (squared, [(0, STATE, filled(1e30)), (1, STATE, X)], FloatingPointError, "loss is inf"),
    "entropy: not a number": (
        entropy, [(0, STATE, filled(np.nan)), (1, STATE, LABELS)], FloatingPointError, "loss is nan",
    ),
    "entropy: infinite": (
        entropy, [(0, STATE, filled(np.inf)), (1, STATE, LABELS)], FloatingPointError, "loss is nan",
    ),
    "Lookup: too large": (embedded, [(0, STATE, np.array([0, 5]))], IndexError, "index 5 is out of bounds"),
    "Lookup: negative": (embedded, [(0, STATE, np.array([-1, 0]))], IndexError, "index -1 is out of bounds"),
    "Ungroup: a wrong table count": (
        with_pieces(count=T.three), [(0, STATE, X)], ValueError, r"expected T\.three = 3 pieces, got \(2, 3\)",
    ),
    "Ungroup: a wrong count of columns": (
        with_columns(count=S.n), [(0, STATE, INSTANCE.fields["wide"])], ValueError, r"expected S\.n = 2 pieces",
    ),
    "Ungroup: too many ids": (
        with_pieces(ids=T.names), [(0, STATE, X)], ValueError, r"T\.names has 3 entries for 2 pieces",
    ),
    "Ungroup: too few ids": (
        with_columns(ids=T.twins), [(0, STATE, INSTANCE.fields["wide"])], ValueError, "2 entries for 3 pieces",
    ),
    "Ungroup: an id twice": (with_pieces(ids=T.twins), [(0, STATE, X)], ValueError, r"T\.twins .* twice"),
    "Group: a part twice": (
        with_group(S.i), [(0, (0, 1, 2), ONE), (0, (0, 1, 2), ONE)], ValueError, r"part 1 of group \(0, 2\)",
    ),
    "Group: a part past the end": (with_group(S.i), [(0, (0, 2, 2), ONE)], ValueError, r"part 2 of group \(0, 2\)"),
    "Group: a negative part": (
        with_group(S.i, order=T.side[S.i]), [(0, (0, 2, 2), ONE)], ValueError, r"part -1 of group \(0, 2\)",
    ),
    "Group: two at one place": (
        with_group(S.i.to(9), order=T.side[S.i]),
        [(0, (0, 0, 2), ONE), (0, (0, 3, 2), ONE)], ValueError, r"part 0 of group \(0, 9, 2\)",
    ),
    "Group: parts that do not stack": (
        with_group(S.i, axis=1), [(0, (0, 0, 2), ONE), (0, (0, 1, 2), X)], ValueError, "same shape",
    ),
    "BranchLSTM: children of other rows": (
        with_branch, [(0, (0, 0, 2), (ONE, ONE)), (0, (0, 1, 2), (X, X))], ValueError, "same shape",
    ),
    "BranchLSTM: a child twice": (
        with_branch, [(0, (0, 1, 2), (ONE, ONE)), (0, (0, 1, 2), (ONE, ONE))], ValueError, r"part 1 of group \(0, 2\)",
    ),
    "BranchLSTM: a child too many": (
        with_branch, [(0, (0, 2, 2), (ONE, ONE))], ValueError, r"part 2 of group \(0, 2\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batched", [False, True])
def test_a_message_that_cannot_be_right_is_an_error(case, batched):
    model, messages, error, text = CASES[case]
    node = host(model).node("node")
    *before, last = [messages] if batched else [[message] for message in messages]
    for batch in before:
        process(node, FORWARD, batch)
    with pytest.raises(error, match=text), np.errstate(all="ignore"):
        process(node, FORWARD, last)


def test_a_bad_loss_among_good_ones_is_found():
    delivery = host(squared)
    for source in ("x", "y"):
        process(delivery.node(source), FORWARD, [(0, STATE, None)])
    good, bad = [(port, STATE, X) for port in (0, 1)], [(port, (1, 2), filled(np.nan)) for port in (0, 1)]
    with pytest.raises(FloatingPointError, match="loss is nan"):
        process(delivery.node("node"), FORWARD, [*good, *bad])
