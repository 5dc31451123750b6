"""Snapshots and what they consist of, for tests that need some."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from ampviz.telemetry.recording import Recorder
from ampviz.telemetry.snapshot import (
    EdgeInfo,
    EpochReport,
    Event,
    InFlight,
    LossPoint,
    NodeInfo,
    NodeStats,
    SessionInfo,
    Snapshot,
    Status,
    WorkerStats,
)
from ampviz.telemetry.trace import RECORD

INFO = SessionInfo(
    id="20260101-120000-demo",
    target="demos/listred.py",
    backend="process",
    workers=2,
    seed=7,
    epochs=3,
    started="2026-01-01T12:00:00",
    nodes=(NodeInfo("fc1", "Linear", 0, 110, "listred.py:9", "10 -> 10"), NodeInfo("loss", "SoftmaxCrossEntropy", 1)),
    edges=(EdgeInfo(0, 0, 1, 0, ("key", "n")),),
)


def report(epoch: int = 1) -> EpochReport:
    """What an epoch may have come to."""
    return EpochReport(
        epoch=epoch,
        train_loss=1 / (1 + epoch),
        valid_loss=None,
        metrics={"accuracy": 0.75},
        instances=10,
        rows=1000,
        seconds=1.5,
        instances_per_s=6.7,
        rows_per_s=670.0,
        valid_instances_per_s=None,
        max_in_flight=4,
        at_instances=10 * epoch,
    )


def point(number: int) -> LossPoint:
    """A point of a falling curve."""
    return LossPoint(10 * number, 1 / (1 + number), 1 + number % 3)


def event(number: int, marker: str = "") -> Event:
    """One event of many."""
    return Event(float(number), "KNOB", f"event {number}", 10 * number, marker)


def snapshot(at: float = 0.0, status: Status = Status.RUNNING, **changes: Any) -> Snapshot:
    """A snapshot of a small session; `changes` replaces fields."""
    fields: dict[str, Any] = {
        "at": at,
        "status": status,
        "epoch": 1,
        "phase": "train",
        "epoch_done": 3,
        "epoch_size": 10,
        "instances": 3,
        "max_in_flight": 4,
        "paused_s": 0.0,
        "in_flight": (InFlight(3, 0.25), InFlight(-1, 0.125)),
        "in_flight_count": 2,
        "knobs": {"max_active_keys": 4, "learning_rate": 0.1, "policy": "mixed", "validate": True},
        "nodes": (NodeStats(queued_forward=1, staleness=(2, 1), staleness_mean=1 / 3), NodeStats()),
        "workers": (WorkerStats(pid=11, busy_s=0.5), WorkerStats(pid=12)),
    }
    return Snapshot(**{**fields, **changes})


def trace(count: int, start_s: float = 0.0, worker: int = 0, **fields: Any):
    """Units of work of a worker, a millisecond apart and almost as long; `fields` says what they all have."""
    records = np.zeros(count, RECORD)
    records["start"] = round(start_s * 1e9) + np.arange(count) * 1_000_000
    records["duration"], records["rows"], records["messages"], records["worker"] = 999_000, 3, 1, worker
    records["key"] = np.arange(count)
    for name, value in fields.items():
        records[name] = value
    return records


def write(path: Path, *snapshots: Snapshot, info: SessionInfo = INFO) -> Path:
    """A whole recording."""
    with closing(Recorder(path, info)) as recorder:
        for each in snapshots:
            recorder.record(each)
    return path


def as_a_kill_leaves_it(path: Path, folder: Path) -> Path:
    """The files of a recording as they are on disk now, elsewhere."""
    folder.mkdir()
    for file in path.parent.glob(path.name + "*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, folder)
    return folder / path.name
