"""A process that trains one workload in PyTorch as it is asked to, so that a measurement needs no start-up.

    python -m benchmarks.pytorch.serve WORKLOAD

Reads a line of JSON a request, {"variant", "processes", "threads", "seconds"}, and answers each by one: instances,
wall seconds and CPU seconds. Every answer starts from the first weights. Two processes share the parameters and update
them without locks (Hogwild), each with an optimizer of its own, as in PyTorch's example.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import multiprocessing

from ampviz.experiment import load_experiment
from ampviz.runtime.store import ParameterStore
from benchmarks.pytorch.model import Model
from benchmarks.pytorch.training import Trainer
from benchmarks.workloads import WORKLOADS


class Server:
    """Measures the variants of a workload."""

    def __init__(self, name: str):
        self.name, self.workload = name, WORKLOADS[name]
        self.experiment = load_experiment(self.workload.target)
        self.arrays = ParameterStore(self.experiment.graph(), self.experiment.optimizer).arrays()
        self.variants = importlib.import_module(f"benchmarks.pytorch.{self.workload.module}").VARIANTS
        self._helpers: list[Connection] = []

    def measure(self, variant: str, processes: int, threads: int, seconds: float) -> dict[str, Any]:
        """One measurement."""
        if processes > 1:
            return self._together(variant, processes, seconds)
        torch.set_num_threads(threads)
        trainer = self.trainer(variant, seed=0)
        trainer.warm_up()
        return trainer.run(seconds)

    def trainer(self, variant: str, seed: int, shared: dict[str, Any] | None = None) -> Trainer:
        """A trainer of this workload, from the first weights or on the parameters of others."""
        model: Model = self.variants[variant](self.arrays)
        for name, parameter in model.named_parameters() if shared else ():
            parameter.data = shared[name]
        workload = self.workload
        return Trainer(model, self.experiment, instances=workload.instances, batch=workload.batch, seed=seed)

    def _together(self, variant: str, processes: int, seconds: float) -> dict[str, Any]:
        while len(self._helpers) < processes:
            self._helpers.append(_helper(self.name))
        model = self.variants[variant](self.arrays)
        model.share_memory()
        shared = {name: parameter.data for name, parameter in model.named_parameters()}
        for seed, helper in enumerate(self._helpers):
            helper.send((variant, seed, shared))
        for helper in self._helpers:
            helper.recv()  # it is ready
        began = time.perf_counter()
        for helper in self._helpers:
            helper.send(seconds)
        answers = [helper.recv() for helper in self._helpers]
        together = {name: sum(answer[name] for answer in answers) for name in ("instances", "cpu_s")}
        return {**together, "seconds": max(time.perf_counter() - began, seconds)}


def _helper(name: str) -> Connection:
    """A process that trains on shared parameters as it is told."""
    context = multiprocessing.get_context("spawn")
    end, other = context.Pipe()
    context.Process(target=_help, args=(other, name), daemon=True).start()
    other.close()
    return end


def _help(end: Connection, name: str) -> None:
    torch.set_num_threads(1)
    server = Server(name)
    while True:
        try:
            variant, seed, shared = end.recv()
        except EOFError:
            return
        trainer = server.trainer(variant, seed, shared)
        trainer.warm_up()
        end.send("ready")
        end.send(trainer.run(end.recv()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", metavar="WORKLOAD", choices=WORKLOADS, help=", ".join(WORKLOADS))
    server = Server(parser.parse_args().workload)
    print(json.dumps({"variants": list(server.variants), "torch": torch.__version__}), flush=True)
    for line in sys.stdin:
        print(json.dumps(server.measure(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
