"""A recording as two CSV tables: metrics over time, and the nodes over time. The first line names the columns."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import IO

from ampviz.telemetry.reading import Recording

METRICS = (
    "kind",  # "point": the training loss since the last point; "epoch": the report of an epoch; "knob": a change
    "at",  # seconds since the session started
    "instances",  # training instances retired since the session started
    "epoch",
    "train_loss",
    "valid_loss",
    "seconds",  # of training in the epoch, pauses cut out
    "instances_per_s",
    "rows_per_s",
    "valid_instances_per_s",
    "max_in_flight",
    "count",  # instances that the loss of a point is the mean of
    "text",  # of a knob change
)
"""Columns of the table of metrics; after them one for each metric of the validation split, called `metric.NAME`."""

NODES = (
    "at", "epoch", "phase", "instances", "node", "kind", "worker", "queued_forward", "queued_backward", "max_queue",
    "forward", "backward", "updates", "busy_s", "waiting_s", "cached", "pending", "staleness_mean", "staleness_max",
)  # fmt: skip
"""Columns of the table of nodes: one row for every node of every snapshot; counts are totals since the start."""


def write_metrics(recording: Recording, out: IO[str]) -> int:
    """Write points, epochs and knob changes in the order of their times; returns the number of rows."""
    epochs = recording.epochs()
    names = sorted({name for _, report in epochs for name in report.metrics})
    table = csv.DictWriter(out, [*METRICS, *(f"metric.{name}" for name in names)], restval="", lineterminator="\n")
    rows: list[dict[str, object]] = []
    for at, point in recording.points():
        rows.append(
            {"kind": "point", "at": at, "instances": point.instances, "train_loss": point.loss, "count": point.count}
        )
    for at, report in epochs:
        shared = {name: getattr(report, name) for name in METRICS if hasattr(report, name)}
        metrics = {f"metric.{name}": value for name, value in report.metrics.items()}
        rows.append({**shared, **metrics, "kind": "epoch", "at": at, "instances": report.at_instances})
    rows += [
        {"kind": "knob", "at": event.at, "instances": event.instances, "text": event.text}
        for event in recording.events()
        if event.kind == "KNOB"
    ]
    table.writeheader()
    table.writerows(sorted(rows, key=lambda row: float(str(row["at"]))))
    return len(rows)


def write_nodes(recording: Recording, out: IO[str], progress: Callable[[float], None]) -> int:
    """Write every node of every snapshot; returns the number of rows."""
    table = csv.writer(out, lineterminator="\n")
    table.writerow(NODES)
    figures = NODES[NODES.index("queued_forward") :]
    count, total = 0, max(1, len(recording.times))
    for number, snapshot in enumerate(recording.snapshots(), 1):
        when = (snapshot.at, snapshot.epoch, snapshot.phase, snapshot.instances)
        for node, stats in zip(recording.info.nodes, snapshot.nodes, strict=True):
            table.writerow([*when, node.name, node.kind, node.worker, *(getattr(stats, name) for name in figures)])
            count += 1
        progress(number / total)
    return count
