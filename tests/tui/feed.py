"""A feed without a session for the UI tests, and factories for what a session would send."""

from __future__ import annotations

from collections.abc import Callable

from ampviz.errors import LinkError
from ampviz.telemetry.link import Finished, Reply, Request
from ampviz.telemetry.snapshot import (
    EdgeInfo,
    EpochReport,
    Event,
    InFlight,
    LossPoint,
    NodeInfo,
    NodeStats,
    SessionInfo,
    Snapshot,
    Status,
    WorkerStats,
)
from ampviz.tui.recent import NodeView

KNOBS = {"max_active_keys": 8, "min_update_interval": 50, "learning_rate": 0.001, "policy": "default", "validate": True}
NODES = (
    NodeInfo("words", "Source", 0),
    NodeInfo("embed", "Lookup", 0, parameters=1792),
    NodeInfo("phi", "Phi", 1),
    NodeInfo("cell", "Linear", 1, parameters=32896),
    NodeInfo("loss", "SoftmaxCrossEntropy", 1),
)


class FakeFeed:
    """A `Feed`: snapshots come from `push`, requests are kept in `sent` and answered with `refusal` ("" grants)."""

    def __init__(self, info: SessionInfo | None = None) -> None:
        self.info = info or session_info()
        self.sent: list[Request] = []
        self.refusal = ""
        self.hung_up = False
        self.closed = False

    def listen(
        self,
        on_snapshot: Callable[[Snapshot], None],
        on_end: Callable[[Finished | None], None],
        on_link: Callable[[bool], None],
    ) -> None:
        self._on_snapshot, self._on_end, self.link = on_snapshot, on_end, on_link

    async def request(self, make: Callable[[int], Request]) -> Reply:
        if self.hung_up:
            raise LinkError("the link was lost")
        request = make(len(self.sent) + 1)
        self.sent.append(request)
        return Reply(request.id, error=self.refusal)

    def close(self) -> None:
        self.closed = True

    def push(self, snapshot: Snapshot) -> None:
        """Send the UI one snapshot."""
        self._on_snapshot(snapshot)

    def end(self, finished: Finished | None) -> None:
        """End the session with an outcome, or the link with None."""
        self.hung_up = True
        self._on_end(finished)


def session_info(**changes) -> SessionInfo:
    """A session of two workers and five nodes, of which `embed` and `cell` learn."""
    fields = {
        "id": "s1",
        "target": "listred",
        "backend": "process",
        "workers": 2,
        "seed": 1,
        "epochs": 10,
        "started": "2026-01-01T12:00:00",
        "nodes": NODES,
        "edges": tuple(EdgeInfo(index, 0, index + 1, 0) for index in range(len(NODES) - 1)),
    }
    return SessionInfo(**(fields | changes))


def snapshot(**changes) -> Snapshot:
    """A running session in its second epoch: 3 instances in flight, queues of 0 to 4 messages."""
    fields = {
        "at": 10.0,
        "status": Status.RUNNING,
        "epoch": 2,
        "phase": "train",
        "epoch_done": 400,
        "epoch_size": 1000,
        "instances": 1400,
        "max_in_flight": 8,
        "paused_s": 0.0,
        "in_flight": (InFlight(17, 0.5), InFlight(18, 0.25), InFlight(-3, 0.012)),
        "in_flight_count": 3,
        "knobs": KNOBS,
        "nodes": tuple(node_stats(queued_forward=depth) for depth in range(len(NODES))),
        "workers": (WorkerStats(pid=4121), WorkerStats(pid=4122)),
        "instances_per_s": 312.0,
        "rows_per_s": 31200.0,
    }
    return Snapshot(**(fields | changes))


def node_stats(**changes) -> NodeStats:
    """A node that has done nothing yet, but for the changes."""
    return NodeStats(**changes)


def epoch_report(epoch: int = 1, valid_loss: float | None = 0.5, **changes) -> EpochReport:
    """The report of an epoch of 1000 instances."""
    fields = {
        "epoch": epoch,
        "train_loss": 0.4,
        "valid_loss": valid_loss,
        "metrics": {"accuracy": 0.875},
        "instances": 1000,
        "rows": 100_000,
        "seconds": 4.0,
        "instances_per_s": 250.0,
        "rows_per_s": 25_000.0,
        "valid_instances_per_s": 500.0,
        "max_in_flight": 8,
        "at_instances": 1000 * epoch,
    }
    return EpochReport(**(fields | changes))


def knob_event(instances: int = 900, marker: str = "mak 4 to 8", at: float = 8.0) -> Event:
    """What a session reports when somebody changed a knob."""
    return Event(at, "KNOB", "max_active_keys 4 to 8", instances, marker)


def points(*losses: float, every: int = 100) -> tuple[LossPoint, ...]:
    """Points of the training curve, one each `every` instances."""
    return tuple(LossPoint(every * index, loss) for index, loss in enumerate(losses, 1))


def node_view(name: str = "cell", **changes) -> NodeView:
    """One row of the queue pane: a learning node."""
    fields = {
        "name": name,
        "kind": "Linear",
        "worker": 1,
        "depth": 4,
        "backward": 1,
        "history": (0, 1, 2, 3, 4),
        "busy": 0.5,
        "waiting": 0.3,
        "updates": 12,
        "updates_per_s": 4.5,
        "staleness": 1.5,
        "learns": True,
    }
    return NodeView(**(fields | changes))
