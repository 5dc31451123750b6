"""Small models of messages on graphs: a gated graph network with a gated sum, one message sent to many, one of a set
picked; and one that draws.
"""

from __future__ import annotations

import pytest

import ampviz as amp
from ampviz import Instance, S, T
from ampviz import nodes as nn
from ampviz.nodes import edge_linear
from tests.nodes.drawn import binary_tree, floats, typed_graph

INPUTS, HIDDEN, TYPES, STEPS = 2, 2, 3, 2
EDGE_OUTPUTS = 3


def gated_graph(x, y):
    """Steps of: rows by edge type, a Linear for each type, sums by target, a GRU; then a gated sum over the nodes."""
    edges = [nn.Linear(HIDDEN, HIDDEN, name=f"edge{number}") for number in range(TYPES)]
    cell = nn.GRU(HIDDEN, HIDDEN, name="cell")

    def step(h):
        parts = nn.Distribute(T.sources, types=TYPES)(h)
        messages = nn.Collect(T.targets, rows=T.nodes)(*(edge(part) for edge, part in zip(edges, parts, strict=True)))
        return cell(messages, h)

    start = nn.Linear(INPUTS, HIDDEN, name="in")(x)
    h = amp.loop(step, init=start, step=S.t.to(S.t + 1), while_=S.t < STEPS)
    gate, value = nn.Linear(HIDDEN, HIDDEN, name="gate")(h), nn.Linear(HIDDEN, HIDDEN, name="value")(h)
    summed = nn.SumRows()(nn.Multiply()(nn.Sigmoid()(gate), value))
    nn.MSE(on=S.key)(nn.Linear(HIDDEN, 1, name="out")(summed), y)


def linked(x, y):
    """Steps of: rows along the edges in one node, side by side with what was there, through a Linear and a tanh."""
    edges = nn.EdgeLinear(HIDDEN, EDGE_OUTPUTS, T.sources, T.targets, types=TYPES, name="edges")
    cell = nn.Linear(EDGE_OUTPUTS + HIDDEN, HIDDEN, name="cell")
    start = nn.Linear(INPUTS, HIDDEN, name="in")(x)
    h = amp.loop(
        lambda h: nn.Tanh()(cell(nn.Concat()(edges(h), h))), init=start, step=S.t.to(S.t + 1), while_=S.t < STEPS
    )
    nn.MSE(on=S.key)(nn.Linear(HIDDEN, 1, name="out")(nn.SumRows()(h)), y)


def linked_by_type(x, y):
    """The same with a product for each edge type, as large weights have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge_linear, "_SMALL", 0)
        linked(x, y)


def gated_graph_instance(rng):
    nodes = int(rng.integers(1, 5))
    tables = typed_graph(rng, nodes, TYPES, arrays=bool(rng.integers(2)))
    return Instance({"x": floats(rng, nodes, INPUTS), "y": floats(rng, 1, 1)}, tables=tables)


def downwards(x, y):
    """Down a tree: a Flatmap sends each node's h to its children; some leaves are dead ends."""
    root = nn.Isu(S.node.to(T.root))(nn.Linear(INPUTS, HIDDEN, name="in")(x))
    h = nn.Phi()(root)
    on, end = nn.Cond(T.goes_on[S.node] == 1)(h)
    down = nn.Flatmap(S.node, T.children[S.node])(on)
    h.also(nn.Tanh()(nn.Linear(HIDDEN, HIDDEN, name="down")(down)))
    nn.MSE()(nn.Linear(HIDDEN, 1, name="out")(end), nn.Flatmap(S.node, T.ends)(y))


def downwards_instance(rng):
    tree = binary_tree(rng, int(rng.integers(1, 5)))
    children = [[] for _ in tree["names"]]
    for node, parent in enumerate(tree["parent"]):
        if parent >= 0:
            children[parent].append(node)
    ends = [tree["leaves"][0], *(leaf for leaf in tree["leaves"][1:] if rng.random() < 0.7)]
    goes_on = [int(node not in ends) for node in range(len(children))]
    tables = {"root": tree["root"], "children": children, "ends": ends, "goes_on": goes_on}
    return Instance({"x": floats(rng, 1, INPUTS), "y": floats(rng, 1, 1)}, tables=tables)


def copies(x, y):
    """Rows copied and summed up, beside a (h, c) pair that goes to several places and is put together again."""
    copied = nn.Replicate(2)(nn.Replicate(T.copies)(nn.Linear(INPUTS, HIDDEN, name="in")(x)))
    pair = nn.Flatmap(S.place, T.places)(nn.LeafLSTM(INPUTS, HIDDEN, name="leaf")(x))
    placed = nn.Pick(0)(nn.Group(S.place, count=T.copies)(pair))
    both = nn.Concat()(nn.SumRows()(nn.Tanh()(copied)), nn.SumRows()(placed))
    nn.MSE()(nn.Linear(2 * HIDDEN, 1, name="out")(both), y)


def copies_instance(rng):
    rows, count = (int(size) for size in rng.integers(1, 4, 2))
    tables = {"copies": count, "places": rng.permutation(count).tolist()}
    return Instance({"x": floats(rng, rows, INPUTS), "y": floats(rng, 1, 1)}, tables=tables)


def selection(x, best, sizes, bounds):
    """One node of a set is picked; all nodes are measured by two other losses."""
    h = nn.Tanh()(nn.Linear(INPUTS, HIDDEN, name="in")(x))
    nn.SelectionCrossEntropy()(nn.Sigmoid()(nn.Linear(HIDDEN, 1, name="pick")(h)), best)
    nn.MAE()(nn.Linear(HIDDEN, 2, name="size")(h), sizes)
    nn.Huber(0.5)(nn.Linear(HIDDEN, 2, name="bound")(h), bounds)


def selection_instance(rng):
    rows = int(rng.integers(1, 5))
    fields = {name: floats(rng, rows, 2) for name in ("x", "sizes", "bounds")}
    return Instance({**fields, "best": rng.integers(0, rows, 1)})


def noisy(x, y):
    """A part of the rows is dropped, in a loop too; one path does not learn."""
    h = nn.Dropout(0.75, name="drop")(nn.Linear(INPUTS, HIDDEN, name="in")(x))
    cell = nn.Linear(HIDDEN, HIDDEN, name="cell")
    h = amp.loop(lambda h: nn.Dropout(0.5, name="drop-h")(cell(h)), init=h, step=S.t.to(S.t + 1), while_=S.t < STEPS)
    still = nn.StopGrad()(nn.Linear(INPUTS, 1, name="still")(x))
    both = nn.Concat(on=S.key)(h, still, nn.Dropout(1.0)(nn.Linear(INPUTS, 1, name="aside")(x)))
    nn.MSE(on=S.key)(nn.Linear(HIDDEN + 2, 1, name="out")(both), y)


def noisy_instance(rng):
    rows = int(rng.integers(1, 4))
    return Instance({"x": floats(rng, rows, INPUTS), "y": floats(rng, rows, 1)})


GRAPH_MODELS = {
    "gated_graph": (gated_graph, gated_graph_instance),
    "linked": (linked, gated_graph_instance),
    "linked_by_type": (linked_by_type, gated_graph_instance),
    "downwards": (downwards, downwards_instance),
    "copies": (copies, copies_instance),
    "selection": (selection, selection_instance),
    "noisy": (noisy, noisy_instance),
}
