"""From controller and board to the snapshot of one tick."""

from __future__ import annotations

from collections import deque

from ampviz.runtime.controller import Controller
from ampviz.runtime.trail import Trail
from ampviz.telemetry.board import Board
from ampviz.telemetry.snapshot import InFlight, Snapshot, Status

_WINDOW_S = 5.0
_SHOWN_IN_FLIGHT = 64


class Rates:
    """Instances and rows per second over the last seconds of the current phase, pauses cut out."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()
        self._phase: tuple[int, str] = (0, "")

    def update(self, controller: Controller) -> tuple[float, float]:
        """Look again; returns (instances per second, rows per second)."""
        phase, tally = (controller.progress.epoch, controller.phases.current), controller.phases.tally
        if phase != self._phase:
            self._seen.clear()
            self._phase = phase
        now = controller.time.active
        self._seen.append((now, tally.instances, tally.rows))
        while len(self._seen) > 2 and self._seen[1][0] < now - _WINDOW_S:
            self._seen.popleft()
        (then, instances, rows), elapsed = self._seen[0], now - self._seen[0][0]
        if elapsed <= 0 or now == then:
            return 0.0, 0.0
        return (tally.instances - instances) / elapsed, (tally.rows - rows) / elapsed


class Fold:
    """Folds what there is to know of a session into one snapshot a tick, with what came since the last in `new_*`."""

    def __init__(self, controller: Controller, board: Board, trail: Trail):
        self._controller, self._board, self._trail = controller, board, trail
        self._rates = Rates()
        self._epochs_seen = 0

    def snapshot(self) -> Snapshot:
        """The snapshot of this tick."""
        controller, trail, board = self._controller, self._trail, self._board
        now = controller.time.now
        paths = trail.look(controller.in_flight)
        oldest = list(controller.in_flight.items())[:_SHOWN_IN_FLIGHT]
        paused = controller.status is Status.PAUSED
        point = controller.phases.take_point()
        epochs = controller.progress.epochs[self._epochs_seen :]
        self._epochs_seen += len(epochs)
        instances_per_s, rows_per_s = self._rates.update(controller)
        return Snapshot(
            at=now,
            status=controller.status,
            epoch=min(controller.progress.epoch, controller.plan.epochs),
            phase=controller.phases.current,
            epoch_done=controller.phases.done,
            epoch_size=controller.phases.size,
            instances=controller.progress.instances,
            max_in_flight=controller.phases.tally.max_in_flight,
            paused_s=controller.time.paused,
            in_flight=tuple(InFlight(key, now - admitted, paths.get(key, ())) for key, admitted in oldest),
            in_flight_count=len(controller.in_flight),
            knobs=controller.knobs.as_dict(),
            nodes=board.node_stats(),
            workers=board.worker_stats(),
            instances_per_s=instances_per_s,
            rows_per_s=rows_per_s,
            new_points=(point,) if point else (),
            new_epochs=tuple(epochs),
            new_events=tuple(controller.take_events()),
            stepped=controller.stepped,
            next=tuple(controller.next_tokens) if paused else (),
            stopped_by=controller.stopped_by,
            dropped=controller.phases.dropped,
            trace=trail.trace,
            trace_lost=trail.lost,
            units_lost=trail.units_lost,
        )
