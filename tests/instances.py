"""A small data set for the models that tests make up, and their graphs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ampviz.data.dataset import Instance
from ampviz.graph import Graph
from ampviz.tracing import trace


def instances(lengths=(2, 5, 3)) -> list[Instance]:
    """Instances of 3 rows: `x` (rows, 4), `y` (rows, 2), `label` and `tokens` (rows, n) with the state field `n`."""
    rng = np.random.default_rng(0)
    return [
        Instance(
            {
                "x": rng.normal(size=(3, 4)).astype(np.float32),
                "y": rng.normal(size=(3, 2)).astype(np.float32),
                "label": rng.integers(0, 2, 3),
                "tokens": rng.integers(0, 7, (3, n)),
            },
            {"n": n},
            {"parent": [0, 0, 1]},
        )
        for n in lengths
    ]


def traced(model: Callable, dataset: list[Instance] | None = None) -> Graph:
    """The graph of a model over a data set, `instances()` unless told otherwise."""
    return trace(model, instances() if dataset is None else dataset)
