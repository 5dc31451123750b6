"""What a knob change did: throughput, staleness and slope of the loss in equal windows before and after it. Pure.

Windows are seconds of training, without pauses and validation. They never reach over another change: changes close to
each other are told as one, and a window that the next change cuts is compared with as much from before, and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ampviz.runtime.retuning import said
from ampviz.telemetry.history import joined
from ampviz.telemetry.snapshot import Change, LossPoint, RatePoint, Snapshot

WINDOW_S = 5.0
LEAST_S = 1.0  # changes closer than this are told as one; a shorter window tells nothing


@dataclass(frozen=True, slots=True)
class Figures:
    """How training went over a window; None is what cannot be said."""

    instances_per_s: float | None = None
    staleness: float | None = None
    loss_slope: float | None = None  # per 1000 instances


@dataclass(frozen=True, slots=True)
class Effect:
    """One change, or the sum of some that were close, and the windows around it."""

    changes: tuple[Change, ...]
    before: Figures
    after: Figures
    seconds: float  # of each window
    cut: str = ""  # by what the windows were cut short

    def __str__(self) -> str:
        parts = [
            f"inst/s {_shown(self.before.instances_per_s)}→{_shown(self.after.instances_per_s)}",
            f"stale {_shown(self.before.staleness)}→{_shown(self.after.staleness)}",
            f"loss slope {_shown(self.before.loss_slope)}→{_shown(self.after.loss_slope)} per 1000",
        ]
        windows = f"{self.seconds:.1f} s each" if self.before != Figures() else "too early to compare"
        cut = f", cut by {self.cut}" if self.cut else ""
        return f"{', '.join(map(said, self.changes))}: {', '.join(parts)} ({windows}{cut})"


@dataclass(slots=True)
class _Stretch:
    """Training under the same knobs: what came tick by tick, at most one window of it if only the end matters."""

    ticks: list[tuple[RatePoint, tuple[LossPoint, ...]]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(rate.seconds for rate, _ in self.ticks)

    def last(self, seconds: float) -> _Stretch:
        """The shortest end of it that is at least so long."""
        kept, total = [], 0.0
        for tick in reversed(self.ticks):
            if total >= seconds - 1e-9:
                break
            kept.append(tick)
            total += tick[0].seconds
        return _Stretch(kept[::-1])

    def figures(self) -> Figures:
        if self.seconds < LEAST_S:
            return Figures()
        whole = self.ticks[0][0]
        for rate, _ in self.ticks[1:]:
            whole = joined(whole, rate)
        staleness = whole.staleness if whole.gradients else None
        points = [point for _, points in self.ticks for point in points]
        return Figures(whole.done / whole.seconds, staleness, loss_slope(points))


class Effects:
    """Give it every snapshot with its `new_rates`; it says what has been measured since the last one."""

    def __init__(self) -> None:
        self._changes: list[Change] = []  # those under measurement
        self._before, self._now = _Stretch(), _Stretch()

    def look(self, snapshot: Snapshot) -> list[Effect]:
        """The effects whose second window has just ended."""
        found: list[Effect] = []
        changes = [event.change for event in snapshot.new_events if event.change is not None]
        if changes:  # this tick is partly before and partly after, and counts for neither
            if self._changes and self._now.seconds >= LEAST_S:
                found += self._measured("the next change")
            if not self._changes:
                self._before = self._now.last(WINDOW_S)
            self._changes += changes
            self._now = _Stretch()
        elif snapshot.new_rates:
            self._now.ticks += [(rate, snapshot.new_points) for rate in snapshot.new_rates]
            if not self._changes:
                self._now = self._now.last(WINDOW_S)
            elif self._now.seconds >= self._wanted - 1e-9:
                found += self._measured("")
        if self._changes and snapshot.status.ended:
            found += self._measured("the end")
        return found

    @property
    def _wanted(self) -> float:
        """How long the second window is to be: as long as the first one, where that is of use."""
        before = self._before.seconds
        return min(WINDOW_S, before) if before >= LEAST_S else WINDOW_S

    def _measured(self, cut: str) -> list[Effect]:
        changes, self._changes = summed(self._changes), []
        seconds = self._now.seconds
        if not changes or seconds < LEAST_S:  # all went back to where it was, or it ended at once
            return []
        before = self._before.last(seconds)
        return [Effect(changes, before.figures(), self._now.figures(), seconds, cut)]


def summed(changes: Iterable[Change]) -> tuple[Change, ...]:
    """One change for each knob, from its first value to its last; none for a knob that is where it was."""
    sums: dict[str, Change] = {}
    for change in changes:
        old = sums[change.name].old if change.name in sums else change.old
        sums[change.name] = Change(change.name, old, change.new, change.who)
    return tuple(change for change in sums.values() if change.old != change.new)


def loss_slope(points: Sequence[LossPoint]) -> float | None:
    """By how much the loss changes in 1000 instances: the weighted line through the points; None for less than 3."""
    if len({point.instances for point in points}) < 3:
        return None
    x = np.array([point.instances for point in points], float)
    y, weight = np.array([point.loss for point in points]), np.array([point.count for point in points], float)
    dx = x - np.average(x, weights=weight)
    dy = y - np.average(y, weights=weight)
    return float(1000 * (weight * dx * dy).sum() / (weight * dx * dx).sum())


def _shown(figure: float | None) -> str:
    if figure is None:
        return "?"
    return f"{figure:.0f}" if abs(figure) >= 10 else f"{figure:.2g}"
