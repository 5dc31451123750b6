"""Small experiments for the tests of the runtime; as targets: `models.py:pipeline` and so on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import ampviz as amp
from ampviz import S
from ampviz import nodes as nn
from ampviz.data.listred import list_reduction
from ampviz.nodes.pointwise import Pointwise

INPUTS, HIDDEN, CLASSES, ROWS = 6, 8, 3, 5


def target(name: str) -> str:
    return f"{Path(__file__)}:{name}"


class Blobs:
    """Rows around one centre per class; the label says which."""

    def __init__(self, size: int, seed: int):
        rng = np.random.default_rng(seed)
        centres = np.random.default_rng(7).normal(0, 2, (CLASSES, INPUTS))
        self.labels = rng.integers(0, CLASSES, (size, ROWS))
        self.points = (centres[self.labels] + rng.normal(0, 1, (size, ROWS, INPUTS))).astype(np.float32)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> amp.Instance:
        return amp.Instance({"x": self.points[index], "label": self.labels[index]})


def perceptron(x, label):
    h = nn.ReLU(name="relu1")(nn.Linear(INPUTS, HIDDEN, name="fc1")(x))
    h = nn.Tanh(name="tanh")(nn.Linear(HIDDEN, HIDDEN, name="fc2")(h))
    nn.SoftmaxCrossEntropy(name="loss")(nn.Linear(HIDDEN, CLASSES, name="fc3")(h), label)


def pipeline() -> amp.Experiment:
    return amp.Experiment(perceptron, Blobs(24, 0), Blobs(6, 1), amp.SGD(0.1), epochs=3)


def sparse_perceptron(x, label):
    h = nn.Dropout(0.5, name="drop")(nn.ReLU(name="relu1")(nn.Linear(INPUTS, HIDDEN, name="fc1")(x)))
    nn.SoftmaxCrossEntropy(name="loss")(nn.Linear(HIDDEN, CLASSES, name="fc2")(h), label)


def forgetful() -> amp.Experiment:
    return amp.Experiment(sparse_perceptron, Blobs(24, 0), Blobs(6, 1), amp.SGD(0.1), epochs=2)


def endless() -> amp.Experiment:
    return amp.Experiment(perceptron, Blobs(24, 0), Blobs(6, 1), amp.SGD(0.01), epochs=100_000)


def with_momentum() -> amp.Experiment:
    knobs = {"learning_rate_decay": 0.5, "max_active_keys": 1}
    return amp.Experiment(perceptron, Blobs(24, 0), Blobs(6, 1), amp.Momentum(0.05), epochs=4, knobs=knobs)


def rnn(tokens, label):
    word = nn.Lookup(14, HIDDEN, name="embed")(nn.Ungroup(S.t, count=S.n, axis=1, name="columns")(tokens))
    cell = nn.Linear(2 * HIDDEN, HIDDEN, name="cell")
    h = amp.loop(
        lambda h: nn.Tanh(name="tanh")(cell(nn.Concat(on=(S.key, S.t), name="join")(word, h))),
        init=nn.Zeros(HIDDEN, name="h0")(tokens), step=S.t.to(S.t + 1), while_=S.t < S.n,
    )  # fmt: skip
    nn.SoftmaxCrossEntropy(on=S.key, name="loss")(nn.Linear(HIDDEN, 10, name="out")(h), label)


def recurrent() -> amp.Experiment:
    lists = list_reduction("train", lists=200, rows=8)
    return amp.Experiment(rnn, lists, list_reduction("valid", lists=40, rows=8), amp.Adam(0.01), epochs=2)


class Fours:
    """Buckets of lists of four digits: every instance gives each node of the loop as many gradients."""

    def __init__(self):
        buckets = list_reduction("train", lists=1000, rows=8)
        self._buckets = [bucket for bucket in map(buckets.__getitem__, range(len(buckets))) if bucket.state["n"] == 5]

    def __len__(self) -> int:
        return len(self._buckets)

    def __getitem__(self, index: int) -> amp.Instance:
        return self._buckets[index]


def fours() -> amp.Experiment:
    knobs = {"max_active_keys": 1, "cell.min_update_interval": 5, "embed.min_update_interval": 5}
    return amp.Experiment(rnn, Fours(), None, amp.Adam(0.01), epochs=2, knobs=knobs)


class Breaking(Pointwise):
    """Passes rows on, and raises at a row that begins with a number beyond 1000."""

    def run(self, x):
        if abs(x[0, 0]) > 1000:
            raise RuntimeError("cannot stomach this row")
        return x, x

    def pull(self, saved, dy):
        return dy


def fragile(x, label):
    h = Breaking(name="bad")(nn.Linear(INPUTS, HIDDEN, name="fc1")(x))
    nn.SoftmaxCrossEntropy(name="loss")(nn.Linear(HIDDEN, CLASSES, name="fc2")(h), label)


def breaking() -> amp.Experiment:
    data = Blobs(24, 0)
    data.points[11] = 1e5
    return amp.Experiment(fragile, data, None, amp.SGD(0.0), epochs=1)


def poisoned() -> amp.Experiment:
    data = Blobs(24, 0)
    data.points[11, 2, 3] = np.nan
    return amp.Experiment(perceptron, data, None, amp.SGD(0.1), epochs=1)


def lossy() -> amp.Experiment:
    """An instance of odd key never reaches one input of the join."""

    def model(x, label):
        even, odd = nn.Cond(S.key % 2 == 0, name="parity")(nn.Linear(INPUTS, CLASSES, name="fc")(x))
        amp.discard(odd)
        nn.SoftmaxCrossEntropy(name="loss")(even, label)

    return amp.Experiment(model, Blobs(24, 0), None)


def raising() -> amp.Experiment:
    def model(x, label):
        return x.nonsense

    return amp.Experiment(model, Blobs(4, 0))
