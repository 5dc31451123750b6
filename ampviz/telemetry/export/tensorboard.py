"""A recording as TensorBoard event files, through tensorboardX (extra `tensorboard`)."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from pathlib import Path

from ampviz.errors import UsageError
from ampviz.telemetry.reading import Recording

EVERY_S = 1.0  # between two values of a node or of the session


def write_tensorboard(recording: Recording, folder: Path, progress: Callable[[float], None]) -> int:
    """Write losses, metrics, throughput and nodes as scalars over training instances, knob changes as text.

    Returns the number of values.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise UsageError(
            "tensorboardX is not installed", where="--to tensorboard", hint="pip install 'ampviz[tensorboard]'"
        ) from None
    began = datetime.datetime.fromisoformat(recording.info.started).timestamp()
    count = 0
    with SummaryWriter(str(folder), write_to_disk=True) as writer:
        for name, value, step, at in _scalars(recording, progress):
            writer.add_scalar(name, value, step, walltime=began + at)
            count += 1
        for event in recording.events():
            if event.kind == "KNOB":
                writer.add_text("knobs", event.text, event.instances, walltime=began + event.at)
                count += 1
    return count


def _scalars(recording: Recording, progress: Callable[[float], None]) -> Iterator[tuple[str, float, int, float]]:
    """Every value as (name, value, step, at)."""
    for at, point in recording.points():
        yield "loss/train", point.loss, point.instances, at
    for at, report in recording.epochs():
        values = {"loss/train_epoch": report.train_loss, "loss/valid": report.valid_loss}
        values |= {f"metrics/{name}": value for name, value in report.metrics.items()}
        values |= {"throughput/instances_per_s_epoch": report.instances_per_s}
        for name, value in values.items():
            if value is not None:
                yield name, value, report.at_instances, at
    told, total = -EVERY_S, max(1, len(recording.times))
    for number, snapshot in enumerate(recording.snapshots(), 1):
        progress(number / total)
        if snapshot.at - told < EVERY_S and number < total:
            continue
        told = snapshot.at
        yield "throughput/instances_per_s", snapshot.instances_per_s, snapshot.instances, snapshot.at
        yield "session/in_flight", snapshot.in_flight_count, snapshot.instances, snapshot.at
        for node, stats in zip(recording.info.nodes, snapshot.nodes, strict=True):
            queue = stats.queued_forward + stats.queued_backward
            yield f"queue/{node.name}", queue, snapshot.instances, snapshot.at
            if node.parameters:
                yield f"updates/{node.name}", stats.updates, snapshot.instances, snapshot.at
                yield f"staleness/{node.name}", stats.staleness_mean, snapshot.instances, snapshot.at
