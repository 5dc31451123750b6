"""What the lints look at: counters of the last seconds of training, without pauses and validation. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ampviz.telemetry.snapshot import NodeStats, SessionInfo, Snapshot

WINDOW_S = 5.0
_MARK_S = 0.2  # of training between two marks
_COUNTED = ("busy_s", "forward", "backward", "updates", "stale", "gradients")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Mark:
    """Everything counted up to a moment of training, and how full queues and memories were then."""

    elapsed: float
    done: int
    nodes: Array  # (nodes, counted)
    workers: Array  # seconds at work
    queues: Array  # (nodes, direction)
    cached: Array
    in_flight: int


@dataclass(frozen=True, slots=True)
class Sight:
    """A window of training that is full, and the snapshot at its end. Arrays are by node or worker."""

    info: SessionInfo
    now: Snapshot
    elapsed: float  # seconds of training so far
    seconds: float  # of the window
    done: int  # instances retired in it; the others below are of the window too
    nodes: dict[str, Array]  # busy_s, forward, backward, updates, stale, gradients
    at_work: Array  # share of the time, by worker
    queues: tuple[Array, Array]  # mean depth (nodes, direction) in its first and in its second half
    least_cached: Array
    most_in_flight: int


class Watcher:
    """Adds up successive snapshots. Those without a rate, and those of a run that is slowed or held, do not count.

    A window holds no knob change.
    """

    def __init__(self, info: SessionInfo):
        self._info = info
        self._before: Snapshot | None = None
        self._elapsed, self._done = 0.0, 0
        self._nodes, self._workers = np.zeros((len(info.nodes), len(_COUNTED))), np.zeros(info.workers)
        self._counted = self._nodes  # of the snapshot before
        self._marks: deque[_Mark] = deque()

    @property
    def elapsed(self) -> float:
        """Seconds of training looked at so far."""
        return self._elapsed

    def look(self, snapshot: Snapshot) -> Sight | None:
        """The window that ends here; None while there is too little, and where this snapshot does not count."""
        before, self._before = self._before, snapshot
        counted, self._counted = self._counted, _counted(snapshot)
        if before is None or not snapshot.new_rates or snapshot.held or snapshot.knobs.get("slow_motion"):
            return None
        rate = snapshot.new_rates[-1]
        self._elapsed += rate.seconds
        self._done += rate.done
        self._nodes = self._nodes + self._counted - counted
        self._workers = self._workers + _at_work(snapshot) - _at_work(before)
        marks = self._marks
        if snapshot.knobs != before.knobs:  # queues fill or drain for a while, which says nothing
            marks.clear()
        if not marks or self._elapsed - marks[-1].elapsed >= _MARK_S - 1e-9:
            marks.append(self._mark(snapshot))
            while len(marks) > 2 and marks[1].elapsed <= self._elapsed - WINDOW_S + 1e-9:
                marks.popleft()
            if self._elapsed - marks[0].elapsed >= WINDOW_S - 1e-9:
                return self._sight(snapshot)
        return None

    def _mark(self, snapshot: Snapshot) -> _Mark:
        queues = [(node.queued_forward, node.queued_backward) for node in snapshot.nodes]
        return _Mark(
            self._elapsed,
            self._done,
            self._nodes,
            self._workers,
            np.array(queues, float).reshape(len(queues), 2),
            np.array([node.cached for node in snapshot.nodes], float),
            snapshot.in_flight_count,
        )

    def _sight(self, snapshot: Snapshot) -> Sight:
        first, last, half = self._marks[0], self._marks[-1], len(self._marks) // 2
        queues = [mark.queues for mark in self._marks]
        nodes = (last.nodes - first.nodes).T
        seconds = last.elapsed - first.elapsed
        return Sight(
            self._info,
            snapshot,
            self._elapsed,
            seconds,
            last.done - first.done,
            dict(zip(_COUNTED, nodes, strict=True)),
            (last.workers - first.workers) / seconds,
            (np.mean(queues[:half], axis=0), np.mean(queues[half:], axis=0)),
            np.min([mark.cached for mark in self._marks], axis=0),
            max(mark.in_flight for mark in self._marks),
        )


def _counted(snapshot: Snapshot) -> Array:
    return np.array([_row(node) for node in snapshot.nodes], float).reshape(len(snapshot.nodes), len(_COUNTED))


def _row(node: NodeStats) -> tuple[float, ...]:
    gradients = sum(node.staleness)
    return node.busy_s, node.forward, node.backward, node.updates, node.staleness_mean * gradients, gradients


def _at_work(snapshot: Snapshot) -> Array:
    return np.array([worker.busy_s for worker in snapshot.workers])
