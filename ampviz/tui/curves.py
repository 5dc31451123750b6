"""The curves of a session: loss, metrics, throughput, staleness; smoothed as they grow. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ampviz.telemetry.history import History
from ampviz.tui.chart import Curve, Plot

LOSS, THROUGHPUT, STALENESS = "loss", "instances per s", "staleness"


class Smooth:
    """An exponential mean over a list that only grows, or is another list: what was done once is not done again.

    `parts` gives x, the value times its weight, and the weight of an item.
    """

    def __init__(self, parts: Callable[[Any], tuple[float, float, float]]):
        self._parts = parts
        self._of: Sequence[Any] = ()
        self._keep = 0.0
        self._x: list[float] = []
        self._y: list[float] = []
        self._value = self._weight = 0.0
        self._done = 0

    def curve(self, items: Sequence[Any], keep: float) -> tuple[list[float], list[float]]:
        """x and smoothed y of the items; `keep` is the share of the old mean, 0 for no smoothing."""
        if items is not self._of or keep != self._keep or len(items) < self._done:
            self._of, self._keep = items, keep
            self._start()
        for item in items[self._done :]:
            x, value, weight = self._parts(item)
            self._value = keep * self._value + (1 - keep) * value
            self._weight = keep * self._weight + (1 - keep) * weight
            if self._weight > 0:
                self._x.append(x)
                self._y.append(self._value / self._weight)
        self._done = len(items)
        return self._x, self._y

    def _start(self) -> None:
        self._x, self._y = [], []
        self._value = self._weight = 0.0
        self._done = 0


class Curves:
    """What a chart can show of a history."""

    def __init__(self) -> None:
        self._loss = Smooth(lambda point: (point.instances, point.loss, 1.0))
        self._rate = Smooth(lambda rate: (rate.instances, rate.done, rate.seconds))
        self._stale = Smooth(lambda rate: (rate.instances, rate.staleness * rate.gradients, rate.gradients))

    def subjects(self, past: History) -> list[str]:
        """The names of the curves there are, the loss first."""
        metrics = dict.fromkeys(name for report in past.epochs for name in report.metrics)
        return [LOSS, *metrics, THROUGHPUT, STALENESS]

    def train_loss(self, past: History, smoothing: float) -> tuple[list[float], list[float]]:
        """x (instances) and y (loss) of the training curve, smoothed."""
        return self._loss.curve(past.points, smoothing)

    def plot(self, subject: str, past: History, smoothing: float) -> Plot:
        """One curve with its points, the ends of epochs, and the markers of changes."""
        line: Curve = ((), ())
        points: list[tuple[float, float | None]] = []
        if subject == THROUGHPUT:
            line = self._rate.curve(past.rates, smoothing)
            points = [(report.at_instances, report.instances_per_s) for report in past.epochs]
        elif subject == STALENESS:
            line = self._stale.curve(past.rates, smoothing)
        elif subject == LOSS:
            line = self.train_loss(past, smoothing)
            points = [(report.at_instances, report.valid_loss) for report in past.epochs]
        else:
            points = [(report.at_instances, report.metrics.get(subject)) for report in past.epochs]
        known = [(x, y) for x, y in points if y is not None]
        dots: Curve = ([x for x, _ in known], [y for _, y in known])
        return Plot(
            line if subject in (LOSS, THROUGHPUT, STALENESS) else dots,
            dots,
            [(event.instances, event.marker) for event in past.events if event.marker],
            [(report.at_instances, report.epoch) for report in past.epochs],
            subject,
            reach=max([1.0, *(one[-1].instances for one in (past.points, past.rates) if one)]),
        )
