"""What a session is to do, and how far it has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ampviz.errors import UsageError
from ampviz.experiment import Experiment
from ampviz.graph import EVERY, Graph
from ampviz.nodes.loss import Loss
from ampviz.nodes.terminal import Source
from ampviz.runtime.goal import Goal
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.tally import Tally
from ampviz.telemetry.snapshot import EpochReport

ALL = -1
ANY = -2
"""Addresses of commands: every worker; the worker whose turn it is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is to do. Sizes are instances an epoch; `source_workers` host the sources of the graph."""

    epochs: int
    train_size: int
    valid_size: int
    seed: int
    workers: int
    source_workers: int
    by_key: bool = False  # every worker hosts all nodes, and an instance stays with one of them
    goal: Goal | None = None

    @classmethod
    def of(cls, spec: RunSpec, experiment: Experiment, graph: Graph, placement: Sequence[int]) -> Plan:
        """What is asked for, of what there is. Raises UsageError for a limit below 1 or a goal that cannot be met."""
        goal = Goal.parse(spec.goal) if spec.goal else None
        valid_size = 0 if experiment.valid is None else len(experiment.valid)
        if goal:
            losses = [node for node in graph.nodes if isinstance(node, Loss)]
            goal.check({name: 0 for node in losses for name in node.metrics}, bool(valid_size))
        return cls(
            epochs=experiment.epochs if spec.epochs is None else spec.epochs,
            train_size=_limited(len(experiment.train), spec.limit),
            valid_size=_limited(valid_size, spec.valid_limit),
            seed=spec.seed,
            workers=spec.workers,
            source_workers=len({placement[node.id] for node in graph.nodes if isinstance(node, Source)}),
            by_key=EVERY in placement,
            goal=goal,
        )


@dataclass(slots=True)
class Progress:
    """Where a session stands between two phases, enough to go on from: what a checkpoint keeps beside parameters."""

    epoch: int = 1
    position: int = 0  # instances of this epoch already trained or dropped
    instances: int = 0  # training instances so far
    epochs: list[EpochReport] = field(default_factory=list)
    train: Tally = field(default_factory=Tally)  # what the current epoch adds up to so far


def _limited(size: int, limit: int | None) -> int:
    if limit is not None and limit < 1:
        raise UsageError("a limit is at least 1", got=limit)
    return size if limit is None else min(size, limit)
