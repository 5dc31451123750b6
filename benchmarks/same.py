"""Checks that PyTorch and ampviz compute the same: the loss and all gradients, from the same weights and instances.

    python -m benchmarks.same [WORKLOAD ...]

The model is that of the demo without dropout, as many instances are in flight as in an update, and every way to write
it in PyTorch is checked. Losses must agree to 1e-6 of the loss, and the gradient of each array to 2e-5 of its norm, or
of a tenth of that of all arrays if that is larger (a bias before a softmax over rows has none): both sides compute
in float32, but add up in another order. Exit code 1 if one does not.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import ampviz as amp
from ampviz.data.dataset import Instance
from ampviz.experiment import Experiment, load_experiment
from ampviz.nodes.base import Node
from ampviz.nodes.parameterised import Parameterised
from ampviz.placement import place
from ampviz.runtime.commands import Admit, Retune
from ampviz.runtime.hosting import Hosting
from ampviz.runtime.router import Router
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.worker import Worker
from ampviz.state import State
from benchmarks.pytorch.model import Model
from benchmarks.rounds import options, show
from benchmarks.workloads import WORKLOADS, Workload

LOSS = 1e-6
GRADIENT = 2e-5
_RATE = 1024.0  # of one step of SGD, from which the gradient is read: large, so that rounding is small beside it
_EVER = 1_000_000

Arrays = dict[str, NDArray[Any]]


def without_dropout(experiment: Experiment) -> Experiment:
    """The experiment as it is compared: nothing drawn at random, and SGD."""
    model = experiment.model
    if isinstance(model, partial) and "vectors" in model.keywords:
        model = partial(model, keep=1.0)
    return dataclasses.replace(experiment, model=model, optimizer=amp.SGD(_RATE))


class _Listening(Hosting):
    """Adds up the means of the messages of each loss, where reports add up all rows."""

    def __init__(self, worker: Worker, router: Router):
        super().__init__(worker, router)
        self.means = self.totals = 0.0

    def loss(self, node: Node, states: Sequence[State], rows: int, total: float, metrics: Mapping[str, float]) -> None:
        self.totals += total
        self.means += len(states) * total / rows  # those that come together have as many rows each


class _HeardWorker(Worker):
    hosting = _Listening
    host: _Listening


def by_ampviz(experiment: Experiment, indices: list[int], *, at_every_node: bool) -> tuple[float, Arrays, Arrays]:
    """The mean loss of these instances, the arrays at the start, and their gradients.

    The loss of an instance is the mean over the rows of its one message, or with a loss at every node the sum of all.
    """
    graph = experiment.graph()
    store = ParameterStore(graph, experiment.optimizer)
    start = {name: array.copy() for name, array in store.arrays().items()}
    worker = _HeardWorker(0, graph, place(graph, 1), store, (experiment.train, None), clock=time.perf_counter_ns)
    nodes = [node for node in graph.nodes if isinstance(node, Parameterised)]
    intervals = {f"{node.name}.min_update_interval": _EVER for node in nodes}
    knobs = {"learning_rate": _RATE, "gradient_clip": 0.0, **intervals}
    worker.apply(Retune(experiment.knob_values(graph, knobs).as_dict(), 1))
    worker.apply(Admit(tuple(range(len(indices))), tuple(indices)))
    while worker.ready:
        worker.run_unit()
    for node in nodes:
        node.update()
    loss = (worker.host.totals if at_every_node else worker.host.means) / len(indices)
    return loss, start, {name: (start[name] - array) / _RATE for name, array in store.arrays().items()}


def by_pytorch(model: Model, instances: list[Instance]) -> tuple[float, Arrays]:
    """The same by one of the PyTorch models."""
    loss = 0.0
    for part in model.losses(instances):
        part.backward()
        loss += part.item()
    return loss, {name: gradient.detach().numpy() for name, gradient in model.gradients().items()}


def differences(workload: Workload) -> dict[str, dict[str, float]]:
    """By variant: how far the loss is off, relatively, and the gradient that is off most, by its norm."""
    experiment = without_dropout(load_experiment(workload.target))
    indices = np.random.default_rng(0).permutation(workload.instances)[: workload.batch].tolist()
    loss, start, expected = by_ampviz(experiment, indices, at_every_node=workload.module == "sst")
    instances = [experiment.train[index] for index in indices]
    found = {}
    for name, variant in importlib.import_module(f"benchmarks.pytorch.{workload.module}").VARIANTS.items():
        model = variant(start)
        if hasattr(model, "dropped"):
            model.dropped = 0.0
        other, gradients = by_pytorch(model, instances)
        assert gradients.keys() == expected.keys(), gradients.keys() ^ expected.keys()
        off = _distances(gradients, expected)
        worst = max(off, key=lambda array: off[array])
        found[name] = {"loss": abs(other - loss) / abs(loss), "gradient": off[worst], "of": worst}
    return found


def _distances(got: Arrays, expected: Arrays) -> dict[str, float]:
    norms = {name: float(np.linalg.norm(array)) for name, array in expected.items()}
    least = 0.1 * float(np.linalg.norm(list(norms.values())))
    return {name: float(np.linalg.norm(got[name] - expected[name])) / max(norm, least) for name, norm in norms.items()}


def main() -> int:
    chosen = options(__doc__, workloads=WORKLOADS).parse_args()
    torch.set_num_threads(1)
    agreed = True
    for name in chosen.workloads:
        variants = differences(WORKLOADS[name])
        agreed &= all(off["loss"] <= LOSS and off["gradient"] <= GRADIENT for off in variants.values())
        show("same", {"workload": name, "loss_within": LOSS, "gradient_within": GRADIENT, "variants": variants})
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
