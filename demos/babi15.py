"""bAbI task 15, basic deduction: a gated graph network whose messages follow the facts of a small world.

Run it with `ampviz run babi15`. Mice are afraid of cats; Gertrude is a mouse; what is she afraid of? Each question is a
graph of facts with typed edges, one instance as one message with a row for every node. In each step the rows travel
along the edges, through weights of each type's own, are summed where they arrive, and a GRU updates the nodes. All
types are one node, EdgeLinear; Distribute, a Linear for each type and Collect do the same, and can be placed apart.
`ampviz run demos/babi15.py:babi15_inflated` hides the facts in graphs of 54 nodes and 12 edge types, as the paper did.
"""

from functools import partial

import ampviz as amp
from ampviz import S, T
from ampviz import nodes as nn
from ampviz.data.babi import babi_graphs


def gated_graph_network(annotation, label, *, edge_types, hidden=5, steps=2):
    # Every node begins as its annotation: a 1 in the first column for the node that the question is about.
    edges = nn.EdgeLinear(hidden, hidden, T.sources, T.targets, types=edge_types, name="edges")
    cell = nn.GRU(hidden, hidden, name="cell")

    def step(h):
        return cell(edges(h), h)

    h = amp.loop(step, init=annotation, step=S.t.to(S.t + 1), while_=S.t < steps)

    # One score a node; the answer is the row of a node, so the softmax runs over the rows.
    seen = nn.Concat(on=S.key, name="readout-in")(h, annotation)
    score = nn.Linear(2 * hidden, 1, name="readout")(seen)
    nn.SelectionCrossEntropy(on=S.key, name="loss")(score, label)


def experiment(data):
    train = data("train")
    return amp.Experiment(
        model=partial(gated_graph_network, edge_types=train.edge_types),
        train=train,
        valid=data("valid"),
        optimizer=amp.Adam(0.01),
        epochs=3,
        knobs={
            "max_active_keys": 16,
            "max_batch": 256,
            "min_update_interval": 20,
            **{f"{name}.min_update_interval": 40 for name in ("edges", "cell")},  # a gradient a step
        },
    )


def babi15():
    return experiment(partial(babi_graphs, size=5))


def babi15_inflated():
    return experiment(partial(babi_graphs, size=5, inflate=(54, 12)))
