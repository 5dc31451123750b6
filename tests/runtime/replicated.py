"""Experiments with a replicated layer; as targets: `replicated.py:averaged` and so on."""

from __future__ import annotations

from pathlib import Path

import ampviz as amp
from ampviz import nodes as nn
from tests.runtime.models import CLASSES, HIDDEN, INPUTS, Blobs

TRAIN, VALID = Blobs(25, 0), Blobs(6, 1)


def target(name: str) -> str:
    return f"{Path(__file__)}:{name}"


def perceptron(x, label):
    h = nn.ReLU(name="relu")(nn.Linear(INPUTS, HIDDEN, name="fc1")(x))
    h = nn.Tanh(name="tanh")(amp.replicate(nn.Linear(HIDDEN, HIDDEN, name="fc2"))(h))
    nn.SoftmaxCrossEntropy(name="loss")(nn.Linear(HIDDEN, CLASSES, name="fc3")(h), label)


def averaged() -> amp.Experiment:
    return amp.Experiment(perceptron, TRAIN, VALID, amp.SGD(0.1), epochs=3, knobs={"max_active_keys": 1})


def averaged_adam() -> amp.Experiment:
    return amp.Experiment(perceptron, TRAIN, VALID, amp.Adam(0.01), epochs=3, knobs={"max_active_keys": 1})


def two_kinds() -> amp.Experiment:
    """One layer with as many copies as asked for, and one with three that share their parameters."""

    def model(x, label):
        h = amp.replicate(lambda: nn.Linear(INPUTS, HIDDEN, name="fc1"))(x)
        h = amp.replicate(nn.Linear(HIDDEN, HIDDEN, name="fc2"), 3, mode="shared")(h)
        nn.SoftmaxCrossEntropy(name="loss")(nn.Linear(HIDDEN, CLASSES, name="fc3")(h), label)

    return amp.Experiment(model, TRAIN, VALID, amp.Adam(0.01), epochs=2)
