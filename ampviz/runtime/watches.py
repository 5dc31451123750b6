"""Watches: conditions over the figures of a whole session, looked at once a tick."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable

from ampviz.conditions import Condition
from ampviz.telemetry.inspection import Breakpoint
from ampviz.telemetry.snapshot import NodeStats, Snapshot

_OF_SESSION: dict[str, Callable[[Snapshot], float]] = {
    "instances_per_s": lambda snapshot: snapshot.instances_per_s,
    "in_flight": lambda snapshot: snapshot.in_flight_count,
    "instances": lambda snapshot: snapshot.instances,
    "epoch": lambda snapshot: snapshot.epoch,
}
_OF_NODE: dict[str, Callable[[NodeStats], float]] = {
    "queue": lambda stats: stats.queued_forward + stats.queued_backward,
    "staleness": lambda stats: stats.staleness_mean,
    "updates": lambda stats: stats.updates,
    "pending": lambda stats: stats.pending,
    "cached": lambda stats: stats.cached,
}


class Watches:
    """Says which watches have come true: once, until they have been false again.

    A figure that is not known yet, such as the loss before the first instance, is nan and meets no comparison.
    """

    def __init__(self, nodes: Collection[str], metrics: Iterable[str]):
        self._nodes = {name: index for index, name in enumerate(nodes)}
        self._losses = dict.fromkeys(["train_loss", "valid_loss", *metrics], math.nan)
        self._true: set[int] = set()

    def names(self) -> set[str]:
        """All figures that a watch may read."""
        return {*_OF_SESSION, *self._losses, *(f"{node}.{figure}" for node in self._nodes for figure in _OF_NODE)}

    def look(self, snapshot: Snapshot, entries: Iterable[Breakpoint]) -> list[Breakpoint]:
        """The watches among the entries that have just come true."""
        if snapshot.new_points:
            self._losses["train_loss"] = snapshot.new_points[-1].loss
        for report in snapshot.new_epochs:
            self._losses |= report.metrics
            self._losses["valid_loss"] = math.nan if report.valid_loss is None else report.valid_loss
        met = []
        for entry in entries:
            if entry.watch and entry.enabled:
                holds = Condition.parse(entry.text, self.names()).holds(lambda name: self._figure(name, snapshot))
                if holds and entry.number not in self._true:
                    met.append(entry)
                (self._true.add if holds else self._true.discard)(entry.number)
        return met

    def _figure(self, name: str, snapshot: Snapshot) -> float:
        if name in self._losses:
            return self._losses[name]
        if name in _OF_SESSION:
            return float(_OF_SESSION[name](snapshot))
        node, _, figure = name.rpartition(".")
        return float(_OF_NODE[figure](snapshot.nodes[self._nodes[node]]))
