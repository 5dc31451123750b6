"""The small models of tests/nodes as experiments, for sessions: `target("tree")` and so on."""

from __future__ import annotations

import functools
from pathlib import Path

import ampviz as amp
from tests.nodes.models import MODELS, instances


def target(name: str) -> str:
    return f"{Path(__file__)}:{name}"


def experiment(name: str) -> amp.Experiment:
    """30 training and 6 validation instances, two epochs."""
    return amp.Experiment(MODELS[name][0], instances(name, 30), instances(name, 6, seed=1), amp.SGD(0.01), epochs=2)


globals().update({name: functools.partial(experiment, name) for name in MODELS})
