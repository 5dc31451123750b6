"""What a viewer that comes late needs: points of curves, epochs and events since the start, the end of the trace."""

from __future__ import annotations

from collections import deque

import msgspec

from ampviz.telemetry.snapshot import EpochReport, Event, LossPoint, RatePoint, Snapshot
from ampviz.telemetry.trace import RECORD

_MAX_POINTS = 8192
_MAX_EVENTS = 2000
MAX_TRACE = 16384  # records: the last seconds of a busy session, half a megabyte


class History:
    """Collects the `new_*` lists of snapshots, and their trace.

    Points are merged in pairs when there are too many; of the trace the oldest ticks go, and count as lost.
    """

    def __init__(self) -> None:
        self.points: list[LossPoint] = []
        self.rates: list[RatePoint] = []
        self.epochs: list[EpochReport] = []
        self.events: list[Event] = []
        self._trace: deque[bytes] = deque()
        self._traced = 0  # records in it
        self._lost = 0  # records that were let go

    def add(self, snapshot: Snapshot) -> None:
        """Append what a snapshot brings."""
        self.points += snapshot.new_points
        self.rates += snapshot.new_rates
        self.epochs += snapshot.new_epochs
        self.events += snapshot.new_events
        if len(self.points) > _MAX_POINTS:
            self.points = merged_pairs(self.points)
        if len(self.rates) > _MAX_POINTS:
            self.rates = merged_rates(self.rates)
        if len(self.events) > _MAX_EVENTS:
            del self.events[: _MAX_EVENTS // 2]
        if snapshot.trace:
            self._trace.append(snapshot.trace)
            self._traced += len(snapshot.trace) // RECORD.itemsize
            while self._traced > MAX_TRACE and len(self._trace) > 1:
                gone = len(self._trace.popleft()) // RECORD.itemsize
                self._traced -= gone
                self._lost += gone

    def copy(self) -> History:
        """An independent copy, for a viewer that lost nothing before it came."""
        other = History()
        other.points, other.rates = list(self.points), list(self.rates)
        other.epochs, other.events = list(self.epochs), list(self.events)
        other._trace, other._traced = self._trace.copy(), self._traced
        return other

    def take(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with everything collected in its `new_*` lists and trace; afterwards nothing is."""
        full = msgspec.structs.replace(
            snapshot,
            new_points=tuple(self.points),
            new_rates=tuple(self.rates),
            new_epochs=tuple(self.epochs),
            new_events=tuple(self.events),
            trace=b"".join(self._trace),
            trace_lost=snapshot.trace_lost + self._lost,
            units_lost=snapshot.units_lost + self._lost,
        )
        self.points, self.rates, self.epochs, self.events = [], [], [], []
        self._trace.clear()
        self._traced = 0
        return full


def merged_pairs(points: list[LossPoint]) -> list[LossPoint]:
    """Half as many points, each the weighted mean of two neighbours, standing where the later one stood."""
    merged = []
    for first, second in zip(points[::2], points[1::2], strict=False):
        count = first.count + second.count
        loss = (first.loss * first.count + second.loss * second.count) / count
        merged.append(LossPoint(second.instances, loss, count))
    return merged + points[len(merged) * 2 :]


def merged_rates(points: list[RatePoint]) -> list[RatePoint]:
    """Half as many points, each the sum of two neighbours, standing where the later one stood."""
    merged = [joined(first, second) for first, second in zip(points[::2], points[1::2], strict=False)]
    return merged + points[len(merged) * 2 :]


def joined(first: RatePoint, second: RatePoint) -> RatePoint:
    """What two points come to together."""
    gradients = first.gradients + second.gradients
    stale = first.staleness * first.gradients + second.staleness * second.gradients
    return RatePoint(
        second.instances,
        first.seconds + second.seconds,
        first.done + second.done,
        stale / gradients if gradients else 0.0,
        gradients,
    )
