"""Checks that ampviz learns as much as PyTorch in as many epochs, with several instances in flight and stale gradients.

    python -m benchmarks.accuracy [WORKLOAD ...] [--seeds N]

Both train on the whole training split, in another order and with other dropout; the metric of the validation split must
be as good as PyTorch's, or worse by no more than is allowed to chance. Exit code 1 if it is not.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.pytorch.serve import Server
from benchmarks.rounds import options, show
from benchmarks.session import measured
from benchmarks.workloads import WORKLOADS


@dataclass(frozen=True)
class Course:
    """How long to train, in which way of PyTorch, and what is compared."""

    epochs: int
    variant: str
    metric: str
    allowed: float  # by which ampviz may be worse, in the metric's own unit


COURSES = {
    "mnist": Course(1, "eager", "accuracy", 0.01),
    "listred": Course(3, "nn.RNN", "accuracy", 0.05),
    "sst 150": Course(1, "by depth", "accuracy", 0.01),
    "babi15": Course(1, "union", "accuracy", 0.0),
    "qm9": Course(1, "union", "mae", 0.05),
}


def by_ampviz(name: str, seed: int) -> float:
    """The metric of the validation split after the last epoch."""
    workload, course = WORKLOADS[name], COURSES[name]
    in_flight = max(2, 2 * workload.batch)  # as two processes of PyTorch, with which the speed is compared
    command = [
        workload.target,
        "--workers",
        "2",
        *workload.arguments(in_flight),
        "--set",
        "validate=on",
        "--seed",
        str(seed),
    ]
    run = measured([*command, "--epochs", str(course.epochs), "--no-record"])
    return float(run.epochs[-1]["metrics"][course.metric])


def by_pytorch(name: str, seed: int) -> float:
    """The same of the PyTorch model; its learning rate falls as the demo's does."""
    course, server = COURSES[name], Server(name)
    trainer = server.trainer(course.variant, seed)
    trainer.instances = len(server.experiment.train)
    for number in range(1, course.epochs + 1):
        trainer.epoch(number)
    assert server.experiment.valid is not None  # all demos have one
    return trainer.score(server.experiment.valid, len(server.experiment.valid))


def compared(name: str, seeds: int) -> dict[str, Any]:
    """The medians over the seeds, and whether ours is good enough."""
    course = COURSES[name]
    ours, theirs = ([measure(name, seed) for seed in range(seeds)] for measure in (by_ampviz, by_pytorch))
    worse = statistics.median(theirs) - statistics.median(ours)
    if course.metric == "mae":
        worse = -worse
    return {
        "workload": name, "metric": course.metric, "epochs": course.epochs, "ampviz": ours, "torch": theirs,
        "worse_by": worse, "allowed": course.allowed, "as_good": worse <= course.allowed,
    }  # fmt: skip


def main() -> int:
    parser = options(__doc__, workloads=COURSES)
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="default: 1")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    results = [compared(name, chosen.seeds) for name in chosen.workloads]
    for result in results:
        show("accuracy", result)
    return 0 if all(result["as_good"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
