"""Running a session without the UI: progress on standard error, for a person or for a log."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ampviz.graph import EVERY
from ampviz.telemetry.snapshot import EpochReport, Event, SessionInfo, Snapshot
from ampviz.terminal import let_go

_SHOWN_EVENTS = {"ERROR", "STOP", "TARGET", "VIEWER"}


class HeadlessProgress:
    """A line per epoch, and on a terminal a live bar below. Give each snapshot to `show`."""

    def __init__(self, info: SessionInfo, console: Console):
        self._info, self._console = info, console
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=None, rate="")

    def __enter__(self) -> HeadlessProgress:
        info = self._info
        all_on_each = any(node.worker == EVERY for node in info.nodes)
        where = f"{', all on each of' if all_on_each else ' on'} {info.workers} {info.backend} worker(s)"
        self._console.print(
            f"{info.target}: {len(info.nodes)} nodes{where}, seed {info.seed}",
            highlight=False,
            soft_wrap=True,
        )
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._bar.stop()
        except OSError:
            let_go()

    def show(self, snapshot: Snapshot) -> None:
        """Bring the bar up to date and print what is new. A terminal that is gone is no error."""
        try:
            self._show(snapshot)
        except OSError:
            let_go()

    def _show(self, snapshot: Snapshot) -> None:
        for report in snapshot.new_epochs:
            self._console.print(self._epoch_line(report, snapshot), highlight=False, soft_wrap=True)
        for event in snapshot.new_events:
            if event.kind in _SHOWN_EVENTS:
                self._console.print(_event_line(event), highlight=False, soft_wrap=True, markup=False)
        self._bar.update(
            self._task,
            description=f"{snapshot.status} epoch {snapshot.epoch}/{self._info.epochs} {snapshot.phase}",
            total=snapshot.epoch_size,
            completed=snapshot.epoch_done,
            rate=f"{snapshot.instances_per_s:,.0f} inst/s  in flight {snapshot.in_flight_count}",
        )

    def _epoch_line(self, report: EpochReport, snapshot: Snapshot) -> str:
        parts = [f"epoch {report.epoch}/{self._info.epochs}", f"train {report.train_loss:.4f}"]
        if report.valid_loss is not None:
            parts.append(f"valid {report.valid_loss:.4f}")
        parts += [f"{name} {value:.4f}" for name, value in report.metrics.items()]
        parts.append(f"{report.instances_per_s:,.0f} inst/s  {report.rows_per_s:,.0f} rows/s")
        updating = [node for node in snapshot.nodes if node.updates]
        if updating:
            parts.append(f"stale {max(node.staleness_mean for node in updating):.1f}")
        parts.append(f"{report.seconds:.1f} s")
        left = (self._info.epochs - report.epoch) * report.seconds
        parts.append(f"left {int(left) // 60}:{int(left) % 60:02d}")
        return "  ".join(parts)


def _event_line(event: Event) -> str:
    return f"{event.kind.lower()}: {event.text}"
