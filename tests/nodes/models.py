"""Small models that together use every node, each with a generator of instances for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import ampviz as amp
from ampviz import Instance, S, T
from ampviz import nodes as nn
from tests.nodes.cell_models import CELL_MODELS
from tests.nodes.drawn import binary_tree, floats
from tests.nodes.graph_models import GRAPH_MODELS

HIDDEN, VOCABULARY, CLASSES = 4, 5, 3


def perceptron(x, y):
    h = nn.Tanh()(nn.Linear(3, HIDDEN, name="fc1")(x))
    nn.MSE()(nn.Linear(HIDDEN, 2, name="fc2")(h), y)


def perceptron_instance(rng):
    rows = int(rng.integers(1, 4))
    return Instance({"x": floats(rng, rows, 3), "y": floats(rng, rows, 2)})


def recurrent(tokens, label):
    column = nn.Ungroup(S.t, count=S.n, axis=1)(tokens)
    word = nn.Lookup(VOCABULARY, HIDDEN, name="embed")(column)
    cell = nn.Linear(2 * HIDDEN, HIDDEN, name="cell")
    h = amp.loop(
        lambda h: nn.Tanh()(cell(nn.Concat(on=(S.key, S.t))(word, h))),
        init=nn.Zeros(HIDDEN)(tokens),
        step=S.t.to(S.t + 1),
        while_=S.t < S.n,
    )
    nn.SoftmaxCrossEntropy(on=S.key)(nn.Linear(HIDDEN, CLASSES, name="out")(h), label)


def recurrent_instance(rng):
    rows, n = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    fields = {"tokens": rng.integers(0, VOCABULARY, (rows, n)), "label": rng.integers(0, CLASSES, rows)}
    return Instance(fields, state={"n": n})


def fan(x, y):
    h = nn.Linear(3, 5, name="in")(x)
    left, right = nn.Split(2, 3)(h)
    wide = nn.Concat()(nn.Sigmoid()(left), nn.Tanh()(right), nn.ReLU()(right), h, x)
    nn.MSE()(nn.Linear(16, 2, name="out")(wide), y)


def routed(x, y):
    """Three roads by kind; the third ends without a loss, and half of the features are never used."""
    h = nn.Linear(3, HIDDEN, name="in")(x)
    h = nn.Isu(S.kind.to(S.kind + 2), S.extra.to(S.kind * 3))(h)
    used, unused = nn.Split(2, HIDDEN - 2)(h)
    amp.discard(unused)
    first, second, third = nn.Cond(S.kind - 2, ways=3)(used)
    amp.discard(third)
    met = nn.Phi()(nn.Linear(2, 2, name="first")(first), nn.Sigmoid()(second))
    labels, unlabelled = nn.Cond(S.kind < 2)(y)
    amp.discard(unlabelled)
    nn.MSE(on=S.key)(nn.Linear(2, 2, name="out")(met), labels)


def routed_instance(rng):
    return Instance(perceptron_instance(rng).fields, state={"kind": int(rng.integers(0, 3))})


def rows(x, y):
    """Rows one by one, put together again."""
    row = nn.Ungroup(S.i, count=T.rows)(x)
    h = nn.Sigmoid()(nn.Linear(3, 2, name="in")(row))
    nn.MSE()(nn.Group(S.i, count=T.rows)(h), y)


def rows_instance(rng):
    fields = perceptron_instance(rng).fields
    return Instance(fields, tables={"rows": len(fields["x"])})


def labelled(x):
    """Rows one by one, whose classes stand in a table."""
    row = nn.Ungroup(S.i, count=T.rows)(x)
    nn.SoftmaxCrossEntropy(label=T.classes[S.i])(nn.Linear(3, CLASSES, name="out")(row))


def labelled_instance(rng):
    x = perceptron_instance(rng).fields["x"]
    return Instance({"x": x}, tables={"rows": len(x), "classes": rng.integers(0, CLASSES, len(x)).tolist()})


def columns(x, y):
    """Columns one by one, stacked in reverse, cut again, and laid row after row beside the untouched ones."""
    raw = nn.Ungroup(S.c, count=3, axis=1)(x)
    column = nn.Linear(2, 2, name="in")(raw)
    stacked = nn.Tanh()(nn.Group(S.c, count=3, order=2 - S.c, axis=1)(column))
    again = nn.Linear(2, 2, name="out")(nn.Ungroup(S.d, ids=T.names, axis=1)(stacked))
    wide = nn.Concat()(nn.Group(S.d, count=3, order=T.order[S.d])(again), nn.Group(S.c, count=3)(raw))
    nn.MSE()(nn.Linear(4, 2, name="last")(wide), y)


def columns_instance(rng):
    rows = int(rng.integers(1, 3))
    return Instance(
        {"x": floats(rng, rows, 3, 2), "y": floats(rng, 3 * rows, 2)},
        tables={"names": [3, 0, 2], "order": [1, None, 0, 2]},
    )


def picked(x, label):
    """One row of many reaches the loss; the others come home without a gradient."""
    row = nn.Ungroup(S.i)(nn.Linear(3, HIDDEN, name="in")(x))
    shifted = nn.Isu(S.i.to(S.i - T.offset))(row)
    chosen, other = nn.Cond(S.i + T.offset == T.chosen)(shifted)
    amp.discard(other)
    nn.SoftmaxCrossEntropy(on=S.key)(nn.Linear(HIDDEN, CLASSES, name="out")(chosen), label)


def picked_instance(rng):
    rows = int(rng.integers(1, 4))
    fields = {"x": floats(rng, rows, 3), "label": rng.integers(0, CLASSES, 1)}
    return Instance(fields, tables={"offset": 10, "chosen": int(rng.integers(0, rows))})


def tree(words, label):
    """A recurrent network over a binary tree: children are paired by parent until the root is left."""
    leaf = nn.Lookup(VOCABULARY, HIDDEN, name="embed")(nn.Ungroup(S.node, ids=T.leaves)(words))
    state = nn.Phi()(leaf)
    up, root = nn.Cond(S.node != T.root)(state)
    pair = nn.Group(S.node.to(T.parent[S.node]), count=2, order=T.side[S.node], axis=1)(up)
    left, right = nn.Cond(S.side == 0)(nn.Ungroup(S.side, axis=1)(pair))
    both = nn.Concat(on=(S.key, S.node))(left, right)
    h = nn.Tanh()(nn.Linear(2 * HIDDEN, HIDDEN, name="branch")(both))
    state.also(nn.Group(S.side, count=1)(h))
    nn.SoftmaxCrossEntropy(on=S.key)(nn.Linear(HIDDEN, CLASSES, name="out")(root), label)


def tree_instance(rng):
    leaves = int(rng.integers(1, 5))
    fields = {"words": rng.integers(0, VOCABULARY, leaves), "label": rng.integers(0, CLASSES, 1)}
    return Instance(fields, tables=binary_tree(rng, leaves))


MODELS: dict[str, tuple[Callable[..., None], Callable[[np.random.Generator], Instance]]] = {
    "perceptron": (perceptron, perceptron_instance),
    "recurrent": (recurrent, recurrent_instance),
    "fan": (fan, perceptron_instance),
    "routed": (routed, routed_instance),
    "rows": (rows, rows_instance),
    "labelled": (labelled, labelled_instance),
    "columns": (columns, columns_instance),
    "picked": (picked, picked_instance),
    "tree": (tree, tree_instance),
    **CELL_MODELS,
    **GRAPH_MODELS,
}


TRAINING_ONLY = ("noisy",)  # what these do to a training key is not what they do to a validation key


def instances(name: str, count: int, seed: int = 0) -> list[Instance]:
    """Instances of sizes that differ."""
    rng = np.random.default_rng(seed)
    return [MODELS[name][1](rng) for _ in range(count)]
