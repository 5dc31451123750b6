"""Sentiment of film reviews: a Tree-LSTM that walks every sentence from its words up to its root.

Run it with `ampviz run sst`. Every tree has its own shape; the graph is one and the same. A message carries the number
of its tree node in the state (S.node), and the tables of its instance (T.parent, T.side, T.root) decide where it goes:
pairs of children meet in the branch cell, by their parent's number, until the root has been reached. Each node has a
loss.
"""

from functools import partial

import ampviz as amp
from ampviz import S, T
from ampviz import nodes as nn
from ampviz.data.glove import glove
from ampviz.data.sst import CLASSES, sst_vocabulary
from ampviz.data.sst import sst as reviews


def tree_lstm(words, *, vectors, hidden=150, keep=0.75):
    # The words of a sentence stay together until they are leaves: then each is a message, numbered by its tree node.
    x = nn.Dropout(keep, name="drop")(nn.Lookup(*vectors.shape, start=vectors, name="embed")(words))
    leaf = nn.LeafLSTM(vectors.shape[1], hidden, name="leaf")(x)

    # (h, c) of every tree node comes through `node`: from the leaf cell, or from the branch cell further down.
    node = nn.Phi(name="node")(nn.Ungroup(S.node, ids=T.leaves, name="leaves")(leaf))
    up, root = nn.Cond(S.node != T.root, name="up")(node)
    amp.discard(root)
    parent = S.node.to(T.parent[S.node])
    node.also(nn.BranchLSTM(hidden, parent, order=T.side[S.node], name="branch")(up))

    # Labels need not travel: the loss reads that of a tree node from the table T.labels.
    logits = nn.Linear(hidden, CLASSES, name="out")(nn.Pick(0, name="h")(node))
    nn.SoftmaxCrossEntropy(label=T.labels[S.node], name="loss")(logits)


def sst():
    vocabulary = sst_vocabulary("valid")
    return amp.Experiment(
        model=partial(tree_lstm, vectors=glove(vocabulary)),
        train=reviews("train", vocabulary=vocabulary),
        valid=reviews("valid", vocabulary=vocabulary),
        optimizer=amp.Adagrad(0.05, initial=0.0),  # rare words learn as fast as frequent ones from the start
        epochs=5,
        knobs={
            "max_active_keys": 16,
            "max_batch": 256,
            "policy": "mixed",  # small messages gather, so that one product serves many
            "gradient_clip": 1.0,
            "min_update_interval": 10,  # trees; behind `leaves` a message is a node of one
            "branch.min_update_interval": 200,
            "out.min_update_interval": 400,
        },
    )
