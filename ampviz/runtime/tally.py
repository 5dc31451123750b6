"""Counts what a phase of an epoch (training or validation) adds up to."""

from __future__ import annotations

from dataclasses import dataclass, field

from ampviz.runtime.commands import LossSeen
from ampviz.telemetry.snapshot import EpochReport


@dataclass(slots=True)
class Tally:
    """Sums over one phase. `rows` counts what the losses saw; `seconds` has pauses cut out.

    A metric is averaged over the rows of the losses that report it, so that losses of several kinds do not dilute it.
    """

    instances: int = 0
    rows: int = 0
    loss: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    max_in_flight: int = 0
    metric_rows: dict[str, int] = field(default_factory=dict)

    def add(self, seen: LossSeen) -> None:
        self.rows += seen.rows
        self.loss += seen.total
        for name, total in seen.metrics.items():
            self.metrics[name] = self.metrics.get(name, 0.0) + total
            self.metric_rows[name] = self.metric_rows.get(name, 0) + seen.rows

    @property
    def mean_loss(self) -> float:
        return self.loss / self.rows if self.rows else 0.0

    def mean_metrics(self) -> dict[str, float]:
        return {name: total / self.metric_rows[name] for name, total in self.metrics.items() if self.metric_rows[name]}

    def per_second(self, count: int) -> float:
        return count / self.seconds if self.seconds > 0 else 0.0


def epoch_report(epoch: int, train: Tally, valid: Tally | None, at_instances: int) -> EpochReport:
    """One epoch as the command line reports it. Without validation its metrics are those of training."""
    return EpochReport(
        epoch=epoch,
        train_loss=train.mean_loss,
        valid_loss=None if valid is None else valid.mean_loss,
        metrics=(train if valid is None else valid).mean_metrics(),
        instances=train.instances,
        rows=train.rows,
        seconds=train.seconds,
        instances_per_s=train.per_second(train.instances),
        rows_per_s=train.per_second(train.rows),
        valid_instances_per_s=None if valid is None else valid.per_second(valid.instances),
        max_in_flight=train.max_in_flight,
        at_instances=at_instances,
    )
