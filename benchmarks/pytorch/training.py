"""Training a PyTorch model for some seconds, or for an epoch, and asking it what it has learned."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import nn

from ampviz.data.dataset import Dataset, Instance
from ampviz.experiment import Experiment
from ampviz.optim import SGD, Adagrad, Adam, Optimizer
from benchmarks.pytorch.model import Model


class Trainer:
    """Steps a model batch by batch through the data of an experiment, in a new random order every epoch.

    Optimizer, clipping and the decay of the learning rate are those of the experiment; PyTorch clips all parameters
    together, in one call.
    """

    def __init__(self, model: Model, experiment: Experiment, *, instances: int, batch: int, seed: int = 0):
        self.model, self.data, self.size, self.seed = model, experiment.train, batch, seed
        self.optimizers = optimizers(model, experiment.optimizer)
        self.limit = float(experiment.knobs.get("gradient_clip", 0.0))
        self.decay = float(experiment.knobs.get("learning_rate_decay", 1.0))
        self.instances = min(instances, len(self.data))
        self._batches = self._endless()

    def step(self, instances: list[Instance]) -> torch.Tensor:
        """One update; the mean loss of the instances."""
        total = torch.zeros(())
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        for loss in self.model.losses(instances):
            loss.backward()
            total += loss.detach()
        if self.limit > 0:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.limit)
        for optimizer in self.optimizers:
            optimizer.step()
        return total

    def warm_up(self) -> None:
        """Some batches that nobody measures."""
        for batch in self.batches(3):
            self.step(batch)

    def batches(self, count: int) -> Iterator[list[Instance]]:
        """The next batches."""
        return islice(self._batches, count)

    def run(self, seconds: float) -> dict[str, Any]:
        """Train for so long; the instances, wall and CPU seconds it took."""
        done, began, worked = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < seconds:
            batch = next(self._batches)
            self.step(batch)
            done += len(batch)
        return {
            "instances": done, "seconds": time.perf_counter() - began, "cpu_s": time.process_time() - worked,
        }  # fmt: skip

    def epoch(self, number: int) -> None:
        """Every instance once; the learning rates decay at its end."""
        for batch in self._epoch(number):
            self.step(batch)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] *= self.decay

    def score(self, data: Dataset, instances: int) -> float:
        """The mean metric over the first instances of a data set."""
        self.model.eval()
        with torch.no_grad():
            said = [self.model.predict([data[index]]) for index in range(min(instances, len(data)))]
            scores = [self.model.score(*pair).reshape(-1) for pair in said]
        self.model.train()
        return float(torch.cat(scores).mean())

    def _endless(self) -> Iterator[list[Instance]]:
        number = 0
        while True:
            number += 1
            yield from self._epoch(number)

    def _epoch(self, number: int) -> Iterator[list[Instance]]:
        order = np.random.default_rng([self.seed, number]).permutation(self.instances).tolist()
        for start in range(0, len(order) - self.size + 1, self.size):
            yield [self.data[index] for index in order[start : start + self.size]]


def optimizers(model: Model, declared: Optimizer) -> list[torch.optim.Optimizer]:
    """PyTorch's of this kind: the fused one, and for tables with sparse gradients one that steps only their rows."""
    tables = [layer.weight for layer in model.modules() if isinstance(layer, nn.Embedding) and layer.sparse]
    others = [parameter for parameter in model.parameters() if all(parameter is not table for table in tables)]
    found = [_optimizer(declared, others, fused=True)]
    return [*found, _optimizer(declared, tables, fused=False)] if tables else found


def _optimizer(declared: Optimizer, parameters: list[nn.Parameter], *, fused: bool) -> torch.optim.Optimizer:
    match declared:
        case SGD(rate):
            return torch.optim.SGD(parameters, lr=rate, fused=fused)
        case Adam(rate, beta1, beta2, epsilon):
            return torch.optim.Adam(parameters, lr=rate, betas=(beta1, beta2), eps=epsilon, fused=fused)
        case Adagrad(rate, initial, epsilon):
            start = {"initial_accumulator_value": initial, "eps": epsilon}
            return torch.optim.Adagrad(parameters, lr=rate, fused=fused, **start)
    raise TypeError(f"no PyTorch optimizer is known for {declared}")
