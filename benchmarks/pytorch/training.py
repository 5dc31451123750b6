"""Training a PyTorch model for some seconds, or for an epoch, and asking it what it has learned."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ampviz.data.dataset import Dataset, Instance
from benchmarks.pytorch.model import Model


class Trainer:
    """Steps a model batch by batch through a data set, in a new random order every epoch."""

    def __init__(self, model: Model, data: Dataset, *, instances: int, batch: int, seed: int = 0):
        self.model, self.data, self.size, self.seed = model, data, batch, seed
        self.optimizers = model.optimizers()
        self.instances = min(instances, len(data))
        self._batches = self._endless()

    def step(self, instances: list[Instance]) -> torch.Tensor:
        """One update; the mean loss of the instances."""
        total = torch.zeros(())
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        for loss in self.model.losses(instances):
            loss.backward()
            total += loss.detach()
        self.model.clip()
        for optimizer in self.optimizers:
            optimizer.step()
        return total

    def warm_up(self) -> None:
        """Some batches that nobody measures."""
        for _ in range(3):
            self.step(next(self._batches))

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
        """Every instance once."""
        for batch in self._epoch(number):
            self.step(batch)

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
