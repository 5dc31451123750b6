"""Snapshots of a session that trains, one after the other, for machines that look at a session over time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from ampviz.runtime.meter import Meter
from ampviz.telemetry.snapshot import Change, Event, LossPoint, NodeStats, Snapshot, Status
from tests.telemetry.samples import snapshot

TICK_S = 0.1


@dataclass
class Training:
    """Goes on tick by tick. Rates are per second of training: set them as the story goes."""

    instances_per_s: float = 100.0
    staleness: int = 1  # of every gradient; each instance gives one
    loss_slope: float = -1.0  # per 1000 instances
    knobs: dict[str, Any] = field(default_factory=lambda: {"max_active_keys": 4})
    at: float = 0.0
    paused_s: float = 0.0
    loss: float = 10.0
    done: float = 0.0
    counts: dict[int, int] = field(default_factory=dict)
    meter: Meter = field(default_factory=Meter)

    def tick(self, *changes: Change, phase: str = "train", status: Status = Status.RUNNING, **more: Any) -> Snapshot:
        """The next tenth of a second."""
        self.at += TICK_S
        points: tuple[LossPoint, ...] = ()
        if status is Status.PAUSED:
            self.paused_s += TICK_S
        elif phase == "train":
            fresh = int(self.done + self.instances_per_s * TICK_S) - int(self.done)
            self.done += self.instances_per_s * TICK_S
            self.loss += self.loss_slope * fresh / 1000
            self.counts[self.staleness] = self.counts.get(self.staleness, 0) + fresh
            points = (LossPoint(int(self.done), self.loss, fresh),) if fresh else ()
        total = sum(self.counts.values())
        histogram = tuple(self.counts.get(index, 0) for index in range(max(self.counts, default=0) + 1))
        mean = sum(stale * count for stale, count in self.counts.items()) / total if total else 0.0
        fields: dict[str, Any] = {
            "phase": phase,
            "instances": int(self.done),
            "paused_s": self.paused_s,
            "knobs": self.knobs,
            "nodes": (NodeStats(staleness=histogram, staleness_mean=mean), NodeStats()),
            "new_points": points,
            "new_events": tuple(Event(self.at, "KNOB", "", int(self.done), "", change) for change in changes),
        }
        seen = snapshot(self.at, status, **{**fields, **more})
        rate = self.meter.look(seen)
        return msgspec.structs.replace(seen, new_rates=(rate,) if rate else ())
