"""What a worker has to say to the controller, until its backend carries it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ampviz.runtime.commands import CameHome, LossSeen, Report

_TOGETHER = 4  # reports that are looked at for one that another can be added to


class Reports(list[Report]):
    """Reports in their order; losses and instances that came home are added to the last ones of their kind."""

    def came_home(self, keys: Sequence[int]) -> None:
        """All sources of the worker have their backward messages for these."""
        for report in self[-_TOGETHER:]:
            if type(report) is CameHome:
                report.keys += keys
                return
        self.append(CameHome([*keys]))

    def loss(self, rows: int, total: float, metrics: Mapping[str, float]) -> None:
        """A loss has got messages with so many rows; sums over these."""
        for report in self[-_TOGETHER:]:
            if type(report) is LossSeen and report.metrics.keys() == metrics.keys():
                report.add(rows, total, metrics)
                return
        self.append(LossSeen(rows, total, dict(metrics)))
