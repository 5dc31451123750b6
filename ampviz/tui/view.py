"""What the panes show, folded from successive snapshots. Pure data, no widgets."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from ampviz.telemetry.history import History
from ampviz.telemetry.link import Finished
from ampviz.telemetry.snapshot import SessionInfo, Snapshot, Status
from ampviz.tui.chart import Plot, marker_letter
from ampviz.tui.curves import LOSS, Curves
from ampviz.tui.following import Followed
from ampviz.tui.recent import HISTORY, NodeView, Recent, whole
from ampviz.tui.timeline import Timeline

_FRESH_S = 1.0  # a change that came longer before its snapshot is of the history

SORTS = ("graph", "depth", "busy", "updates", "staleness")


class View:
    """The state of the screen. Give it every snapshot with `add`; read the rest."""

    def __init__(self, info: SessionInfo):
        self.info = info
        self.snapshot: Snapshot | None = None
        self.past = History()
        self.finished: Finished | None = None
        self.lost = False
        self.replayed = False  # it shows a recording
        self.read_only = False  # it may look, not steer
        self._behind: tuple[History, Snapshot] | None = None  # what came since the view was frozen
        self._anew = False  # the next snapshot brings the whole history
        self.frozen = False
        self.sort = "graph"
        self.inverted = False
        self.log_scale = False
        self.smoothing = 0.9
        self.subject = LOSS  # of the chart
        self.message = ""
        self.names = tuple(node.name for node in info.nodes)
        self.followed: Followed | None = None
        self.timeline = Timeline()
        self.recent = Recent(info)
        self._curves = Curves()
        self._ticks = 0
        self._marks: deque[tuple[int, str]] = deque(maxlen=HISTORY)

    def add(self, snapshot: Snapshot) -> None:
        """Take one more snapshot; while frozen, keep it for later."""
        if self.frozen:
            missed = self._behind[0] if self._behind else History()
            missed.add(snapshot)
            self._behind = (missed, snapshot)
            return
        if self._anew:
            self.past, self._anew = History(), False
        self.past.add(snapshot)
        self.recent.add(snapshot)
        self.timeline.add(snapshot)
        self._ticks += 1
        self._mark(snapshot)
        if self.followed is not None:
            self.followed = self.followed.after(snapshot)
        self.snapshot = snapshot

    def follow(self, key: int | None) -> None:
        """Follow an instance in flight from now on; None: none any more."""
        entries = self.snapshot.in_flight if self.snapshot is not None else ()
        entry = next((entry for entry in entries if entry.key == key), None)
        self.followed = Followed.of(entry, self.snapshot) if entry is not None and self.snapshot is not None else None

    def freeze(self, frozen: bool) -> None:
        """Stand still, or catch up with what came meanwhile."""
        self.frozen = frozen
        if not frozen and self._behind is not None:
            missed, snapshot = self._behind
            self._behind = None
            self.add(missed.take(snapshot))

    def restart(self) -> None:
        """The next snapshot brings the whole history once more."""
        self._behind, self._anew = None, True

    def rewind(self) -> None:
        """Forget what was shown: the next snapshot is of another time, and brings the history up to then."""
        self.restart()
        self.followed = None
        self.recent = Recent(self.info)

    @property
    def status_words(self) -> str:
        """The state of the session, or of the view where that matters more."""
        if self.lost and self.finished is None:
            return "LOST"
        if self.snapshot is None:
            return "WARMING UP"
        words = {
            Status.STARTING: "WARMING UP",
            Status.RUNNING: "RUN",
            Status.PAUSED: "PAUSED",
            Status.STOPPING: "STOPPING",
        }.get(self.snapshot.status, self.snapshot.status.upper())
        if self.replayed:
            return f"REPLAY ({words})"
        paused = words == "PAUSED"
        notes = ["run"] if paused else []
        if self.frozen:
            words, note = ("PAUSED", "view") if paused or words == "RUN" else (words, "view paused")
            notes.append(note)
        notes += ["READ-ONLY"] if self.read_only else []
        return f"{words} ({', '.join(notes)})" if notes else words

    def nodes(self) -> list[NodeView]:
        """The rows of the queue pane, sorted; copies stand below the layer that they are parts of."""
        return self._sorted(self.recent.nodes())

    def train_curve(self) -> tuple[list[float], list[float]]:
        """x (instances) and y (loss) of the training curve, smoothed."""
        return self._curves.train_loss(self.past, self.smoothing)

    def plot(self) -> Plot:
        """The curve that is looked at."""
        return replace(self._curves.plot(self.subject, self.past, self.smoothing), log=self.log_scale)

    def subjects(self) -> list[str]:
        """The names of the curves that can be looked at."""
        return self._curves.subjects(self.past)

    def marks(self) -> list[tuple[int, str]]:
        """How many ticks ago something was changed, with the letter that it has on the charts."""
        return [(self._ticks - tick, letter) for tick, letter in self._marks]

    def _mark(self, snapshot: Snapshot) -> None:
        """Note the changes of this tick; not those of long ago, which come with the first one."""
        fresh = [event for event in snapshot.new_events if event.marker and snapshot.at - event.at < _FRESH_S]
        if fresh:
            count = sum(bool(event.marker) for event in self.past.events)
            self._marks += [(self._ticks, marker_letter(count - len(fresh) + index)) for index in range(len(fresh))]

    def _sorted(self, rows: list[NodeView]) -> list[NodeView]:
        keys = {
            "depth": lambda row: -row.depth,
            "busy": lambda row: -row.busy,
            "updates": lambda row: -row.updates,
            "staleness": lambda row: -row.staleness,
        }
        groups: dict[str, list[NodeView]] = {}
        for row in rows:
            groups.setdefault(row.part_of or row.name, []).append(row)
        blocks = [[whole(block), *block] if block[0].part_of else block for block in groups.values()]
        if self.sort in keys:
            blocks.sort(key=lambda block: keys[self.sort](block[0]))
        return [row for block in (blocks[::-1] if self.inverted else blocks) for row in block]
