"""What a session is to do, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field

from ampviz.runtime.goal import Goal
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


@dataclass(slots=True)
class Progress:
    """Where a session stands between two phases, enough to go on from: what a checkpoint keeps beside parameters."""

    epoch: int = 1
    position: int = 0  # instances of this epoch already trained or dropped
    instances: int = 0  # training instances so far
    epochs: list[EpochReport] = field(default_factory=list)
    train: Tally = field(default_factory=Tally)  # what the current epoch adds up to so far
