"""The last seconds of a session: rates, shares and depths of the nodes and workers, from successive snapshots."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from ampviz.telemetry.snapshot import SessionInfo, Snapshot, Status

HISTORY = 120  # ticks of queue depth kept per node
_WINDOW_S = 2.0  # what "per second" and shares look back on
_LEAST_S = 0.01  # snapshots closer than this, as in a pause, take one place in the window


@dataclass(frozen=True, slots=True)
class NodeView:
    """One row of the queue pane: a node, or a replicated layer with its copies in the rows below."""

    name: str
    kind: str
    worker: int
    depth: int
    backward: int
    history: tuple[int, ...]
    busy: float  # shares of the time of those who host it; with waiting and idle they add up to 1
    waiting: float
    updates: int
    updates_per_s: float
    staleness: float
    learns: bool
    part_of: str = ""  # the replicated layer that this node is a copy of
    copies: int = 0  # how many nodes this row adds up, 0 for a node by itself


class Recent:
    """The snapshots that rates and shares look back on. Give it every one with `add`."""

    def __init__(self, info: SessionInfo):
        self._info = info
        self._depths: list[deque[int]] = [deque(maxlen=HISTORY) for _ in info.nodes]
        self._window: deque[Snapshot] = deque()

    def add(self, snapshot: Snapshot) -> None:
        if len(self._window) > 1 and _active(snapshot) - _active(self._window[-2]) < _LEAST_S:
            self._window.pop()
        self._window.append(snapshot)
        while len(self._window) > 2 and _active(self._window[1]) < _active(snapshot) - _WINDOW_S:
            self._window.popleft()
        for depths, stats in zip(self._depths, snapshot.nodes, strict=True):
            depths.append(stats.queued_forward + stats.queued_backward)

    @property
    def units_lost(self) -> int:
        """How many units of work did not get on the screen in this time."""
        return self._window[-1].units_lost - self._window[0].units_lost if self._window else 0

    def nodes(self) -> list[NodeView]:
        """A row for each node."""
        if not self._window:
            return []
        old, new = self._window[0], self._window[-1]
        seconds = _elapsed(old, new)
        rows = []
        for info, before, now, depths in zip(self._info.nodes, old.nodes, new.nodes, self._depths, strict=True):
            hosted_s = seconds * info.hosts(self._info.workers)
            busy = _share(now.busy_s - before.busy_s, hosted_s)
            rows.append(
                NodeView(
                    name=info.name,
                    kind=info.kind,
                    worker=info.worker,
                    depth=now.queued_forward + now.queued_backward,
                    backward=now.queued_backward,
                    history=tuple(depths),
                    busy=busy,
                    waiting=min(1 - busy, _share(now.waiting_s - before.waiting_s, hosted_s)),
                    updates=now.updates,
                    updates_per_s=(now.updates - before.updates) / seconds if seconds > 0 else 0.0,
                    staleness=now.staleness_mean,
                    learns=info.parameters > 0,
                    part_of=info.part_of,
                )
            )
        return rows

    def worker_shares(self) -> list[tuple[float, float, float]]:
        """Per worker: share of time executing, share inside kernels, messages per second."""
        if not self._window:
            return []
        old, new = self._window[0], self._window[-1]
        seconds = _elapsed(old, new)
        return [
            (
                _share(now.busy_s - before.busy_s, seconds),
                _share(now.kernel_s - before.kernel_s, seconds),
                (now.messages - before.messages) / seconds if seconds > 0 else 0.0,
            )
            for before, now in zip(old.workers, new.workers, strict=True)
        ]


def whole(copies: list[NodeView]) -> NodeView:
    """The row of a replicated layer: sums, and means of shares and of the staleness of updates."""
    count, updates = len(copies), sum(row.updates for row in copies)
    return NodeView(
        name=copies[0].part_of,
        kind=copies[0].kind,
        worker=-1,
        depth=sum(row.depth for row in copies),
        backward=sum(row.backward for row in copies),
        history=tuple(map(sum, zip(*(row.history for row in copies), strict=True))),
        busy=sum(row.busy for row in copies) / count,
        waiting=sum(row.waiting for row in copies) / count,
        updates=updates,
        updates_per_s=sum(row.updates_per_s for row in copies),
        staleness=sum(row.staleness * row.updates for row in copies) / updates if updates else 0.0,
        learns=True,
        copies=count,
    )


def _elapsed(old: Snapshot, new: Snapshot) -> float:
    """Seconds between two snapshots without pauses; while paused with them, or single steps would fill all the time."""
    return new.at - old.at if new.status is Status.PAUSED else _active(new) - _active(old)


def _active(snapshot: Snapshot) -> float:
    return snapshot.at - snapshot.paused_s


def _share(part: float, whole: float) -> float:
    return min(1.0, max(0.0, part / whole)) if whole > 0 else 0.0
