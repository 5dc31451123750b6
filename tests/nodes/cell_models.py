"""Small models of gated cells: a Tree-LSTM with a loss at every node of the tree, and recurrences over sequences."""

from __future__ import annotations

import ampviz as amp
from ampviz import Instance, S, T
from ampviz import nodes as nn
from tests.nodes.drawn import binary_tree, floats, tree

VOCABULARY, SIZE, HIDDEN, CLASSES = 5, 2, 3, 3


def tree_lstm(words, labels):
    """(h, c) of the children meet by parent; the label of every tree node is joined with the node's h."""
    word = nn.Lookup(VOCABULARY, SIZE, name="embed")(nn.Ungroup(S.node, ids=T.leaves)(words))
    state = nn.Phi()(nn.LeafLSTM(SIZE, HIDDEN, name="leaf")(word))
    up, root = nn.Cond(S.node != T.root)(state)
    amp.discard(root)
    parent = S.node.to(T.parent[S.node])
    state.also(nn.BranchLSTM(HIDDEN, parent, order=T.side[S.node], name="branch")(up))
    logits = nn.Linear(HIDDEN, CLASSES, name="out")(nn.Pick(0)(state))
    nn.SoftmaxCrossEntropy()(logits, nn.Ungroup(S.node, ids=T.names)(labels))


def tree_lstm_instance(rng):
    leaves = int(rng.integers(1, 5))
    fields = {"words": rng.integers(0, VOCABULARY, leaves), "labels": rng.integers(0, CLASSES, 2 * leaves - 1)}
    return Instance(fields, tables=binary_tree(rng, leaves))


def branches(x, y):
    """Several trees of one shape at once, a cell for each number of children; what comes of some reaches no loss."""
    leaf = nn.Ungroup(S.node, ids=T.leaves, axis=1)(x)
    state = nn.Phi()(nn.LeafLSTM(SIZE, HIDDEN, name="leaf")(leaf))
    up, root = nn.Cond(S.node != T.root)(state)
    parent = S.node.to(T.parent[S.node])
    for children, port in enumerate(nn.Cond(T.ways[T.parent[S.node]] - 1, ways=3)(up), start=1):
        cell = nn.BranchLSTM(HIDDEN, parent, order=T.side[S.node], children=children, name=f"branch{children}")
        state.also(cell(port))
    used, unused = nn.Cond(T.used)(root)
    amp.discard(unused)
    label, unlabelled = nn.Cond(T.used)(y)
    amp.discard(unlabelled)
    both = nn.Concat()(nn.Pick(0)(used), nn.Pick(1)(used))
    nn.MSE(on=S.key)(nn.Linear(2 * HIDDEN, 2, name="out")(both), label)


def branches_instance(rng, children=None):
    """Inner nodes of 1, 2 and 3 children, in any order, unless it is said how many they have."""
    if children is None:
        children = rng.permutation([1, 2, 3, *rng.integers(1, 4, rng.integers(3))]).tolist()
    tables = tree(rng, children) | {"used": int(rng.random() < 0.7)}
    rows = int(rng.integers(1, 4))
    return Instance({"x": floats(rng, rows, len(tables["leaves"]), SIZE), "y": floats(rng, rows, 2)}, tables=tables)


def lstm(x, y):
    """Rows and (h, c) through a cell as often as the sequence is long; h and c both reach the loss."""
    step = nn.Ungroup(S.t, count=S.n, axis=1)(x)
    cell = nn.LSTM(SIZE, HIDDEN, name="cell")
    state = amp.loop(
        lambda state: cell(step, state),
        init=nn.Zeros(HIDDEN, HIDDEN)(y),
        step=S.t.to(S.t + 1),
        while_=S.t < S.n,
    )
    both = nn.Concat()(nn.Pick(1)(state), nn.Pick(0)(state))
    nn.MSE(on=S.key)(nn.Linear(2 * HIDDEN, 2, name="out")(both), y)


def gru(x, y):
    step = nn.Linear(SIZE, SIZE, name="in")(nn.Ungroup(S.t, count=S.n, axis=1)(x))
    cell = nn.GRU(SIZE, HIDDEN, name="cell")
    h = amp.loop(
        lambda h: cell(step, h),
        init=nn.Zeros(HIDDEN)(y),
        step=S.t.to(S.t + 1),
        while_=S.t < S.n,
    )
    nn.MSE(on=S.key)(nn.Linear(HIDDEN, 2, name="out")(h), y)


def rnn(nonlinearity):
    """A plain recurrent network; nobody wants the gradient of its words."""

    def model(x, y):
        step = nn.Ungroup(S.t, count=S.n, axis=1)(x)
        cell = nn.RNN(SIZE, HIDDEN, nonlinearity=nonlinearity, orthogonal=True, name="cell")
        start = nn.Zeros(HIDDEN)(y)
        h = amp.loop(lambda h: cell(step, h), init=start, step=S.t.to(S.t + 1), while_=S.t < S.n)
        nn.MSE(on=S.key)(nn.Linear(HIDDEN, 2, name="out")(h), y)

    return model


def sequence_instance(rng):
    rows, n = (int(size) for size in rng.integers(1, 4, 2))
    return Instance({"x": floats(rng, rows, n, SIZE), "y": floats(rng, rows, 2)}, state={"n": n})


def pairs(x, y):
    """(h, c) pairs cut into rows, sent round a Cond, and put together as columns, then as rows."""
    row = nn.Ungroup(S.i, count=T.rows)(nn.LeafLSTM(2, HIDDEN, name="leaf")(x))
    even, odd = nn.Cond(S.i % 2 == 0)(row)
    met = nn.Isu(S.i.to(S.i + 1))(nn.Phi()(even, odd))
    columns = nn.Group(S.i, count=T.rows, order=T.rows - S.i, axis=1)(met)
    column = nn.Ungroup(S.c, count=T.rows, axis=1)(columns)
    rows = nn.Group(S.c, count=T.rows, order=T.rows - 1 - S.c)(column)
    nn.MSE()(nn.Linear(HIDDEN, 2, name="out")(nn.Pick(1)(rows)), y)


def pairs_instance(rng):
    rows = int(rng.integers(1, 4))
    return Instance({"x": floats(rng, rows, 2), "y": floats(rng, rows, 2)}, tables={"rows": rows})


def product(x, y):
    """A sigmoid gate on rows, joined by product."""
    h = nn.Linear(2, HIDDEN, name="in")(x)
    gated = nn.Multiply()(nn.Sigmoid()(nn.Linear(HIDDEN, 2, name="gate")(h)), nn.Multiply()(x, x))
    nn.MSE()(nn.Linear(2, 2, name="out")(gated), y)


CELL_MODELS = {
    "tree_lstm": (tree_lstm, tree_lstm_instance),
    "branches": (branches, branches_instance),
    "lstm": (lstm, sequence_instance),
    "gru": (gru, sequence_instance),
    "rnn": (rnn("relu"), sequence_instance),
    "rnn_tanh": (rnn("tanh"), sequence_instance),
    "pairs": (pairs, pairs_instance),
    "product": (product, pairs_instance),
}
