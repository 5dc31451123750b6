"""A recording as a feed: shows a session as it was at any time, plays it, and finds its landmarks. Has no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from ampviz.telemetry.link import Finished, Reply, Request
from ampviz.telemetry.reading import Recording
from ampviz.telemetry.snapshot import Event, Snapshot
from ampviz.telemetry.trace import in_order, picked
from ampviz.tui.recent import HISTORY

Entry = TypeVar("Entry")

SPEEDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0)
_TRACE_S = 12.0  # of trace that lead up to a new time
_LONGEST_GAP_S = 1.0  # between two snapshots; a pause in which nothing changed takes no longer

LANDMARKS: dict[str, tuple[str, ...]] = {
    "event": (),  # of any kind
    "epoch": ("EPOCH",),
    "knob change": ("KNOB",),
    "stop": ("BREAK", "WATCH", "PAUSE"),
    "lint": ("LINT", "ERROR"),
}
"""What one can go to, and the kinds of events that are meant."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a replay stands: what the scrubber shows."""

    at: float
    start: float
    end: float
    playing: bool
    speed: float
    landmark: str  # what the keys go to
    events: tuple[Event, ...]


class ReplayFeed:
    """A Feed that reads a recording. Somebody must call `advance` while it plays.

    Going back, or far ahead, calls `on_rewind`, then gives some snapshots that lead up to the new time, the first of
    them with the whole history; `catching_up` is on while more of them follow.
    """

    def __init__(self, recording: Recording):
        self.info = recording.info
        self.recording = recording
        self.on_rewind: Callable[[], None] = lambda: None
        self.catching_up = False
        self.playing = True
        self.speed = 1.0
        self.landmark = "event"
        self._events = tuple(recording.events())
        self._index = -1  # the snapshot that is shown
        self._at = recording.start
        self._on_snapshot: Callable[[Snapshot], None] = lambda snapshot: None

    # A Feed

    def listen(
        self,
        on_snapshot: Callable[[Snapshot], None],
        on_end: Callable[[Finished | None], None],
        on_link: Callable[[bool], None] = lambda up: None,
    ) -> None:
        """Show the beginning; a recording has no end that one would be thrown out at."""
        self._on_snapshot = on_snapshot
        if len(self.recording.times):
            self._show(0)

    async def request(self, make: Callable[[int], Request]) -> Reply:
        """Refuse: what is past cannot be steered."""
        return Reply(make(0).id, error="not in a replay")

    def close(self) -> None:
        self.recording.close()

    # Time

    @property
    def position(self) -> Position:
        recording = self.recording
        return Position(self._at, recording.start, recording.end, self.playing, self.speed, self.landmark, self._events)

    def advance(self, seconds: float) -> None:
        """Play on for some seconds of the viewer's time; stops at the end, unless the session has written more."""
        times = self.recording.times
        if not self.playing or not len(times):
            return
        if self._index + 1 >= len(times) and not self._more():
            self.playing = False
            return
        nearest = float(self.recording.times[self._index + 1]) - _LONGEST_GAP_S * max(1.0, self.speed)
        self._at = min(max(self._at, nearest) + seconds * self.speed, self.recording.end)
        self._show(self.recording.index_at(self._at))

    def toggle(self) -> None:
        """Play, or stand still; at the end, play from the beginning."""
        self.playing = not self.playing
        if self.playing and self._at >= self.recording.end and not self._more():
            self.seek(self.recording.start)

    def change_speed(self, by: int) -> None:
        """To the next higher or lower speed."""
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, SPEEDS.index(self.speed) + by))]

    def seek(self, at: float) -> None:
        """Show the session as it was then."""
        if len(self.recording.times):
            self._at = max(self.recording.start, min(at, self.recording.end))
            self._show(self.recording.index_at(self._at))

    def to_end(self) -> None:
        """Show the last that there is by now."""
        self._more()
        self.seek(self.recording.end)

    def step(self, by: int) -> None:
        """Stand still at a snapshot so many further on."""
        self.playing = False
        if len(self.recording.times):
            self.seek(float(self.recording.times[max(0, min(len(self.recording.times) - 1, self._index + by))]))

    # Landmarks

    def next_landmark_kind(self) -> None:
        """Go to something else from now on."""
        kinds = list(LANDMARKS)
        self.landmark = kinds[(kinds.index(self.landmark) + 1) % len(kinds)]

    def to_landmark(self, by: int) -> Event | None:
        """Stand still where the next landmark, or the one before, is first seen; None if there is none."""
        self.playing = False
        if not len(self.recording.times):
            return None
        kinds = LANDMARKS[self.landmark]
        found = [(self._seen_at(event), event) for event in self._events if not kinds or event.kind in kinds]
        if by > 0:
            rest = [entry for entry in found if entry[0] > self._index]
        else:
            rest = [entry for entry in reversed(found) if entry[0] < self._index]
        if not rest:
            return None
        index, event = rest[0]
        self.seek(float(self.recording.times[index]))
        return event

    # Inside

    def _seen_at(self, event: Event) -> int:
        """The first snapshot that shows an event."""
        times = self.recording.times
        return min(int(np.searchsorted(times, event.at)), len(times) - 1)

    def _more(self) -> bool:
        """Whether the session has written more."""
        before = self.recording.end
        self.recording.refresh()
        self._events = tuple(self.recording.events())
        return self.recording.end > before

    def _show(self, index: int) -> None:
        if index == self._index:
            return
        again = index < self._index or index - self._index > HISTORY
        first = max(0, index - HISTORY) if again else self._index + 1
        if again:
            self.on_rewind()
        self._index = index
        for number, snapshot in enumerate(self._whole(first, index, from_start=again), first):
            self.catching_up = number < index
            self._on_snapshot(snapshot)

    def _whole(self, first: int, last: int, *, from_start: bool) -> Iterator[Snapshot]:
        """Snapshots with their `new_*` lists and trace; with the whole history in the first one if asked for."""
        recording = self.recording
        times = recording.times[first : last + 1]
        before = -1.0 if first == 0 else float(recording.times[first - 1])
        since = -1.0 if from_start else before
        until = float(times[-1])
        points, rates = recording.points(since, until), recording.rates(since, until)
        epochs = recording.epochs(since, until)
        events = [(event.at, event) for event in recording.events(since, until)]
        records = recording.trace(max(before, until - _TRACE_S), until)
        ends = (records["start"] + records["duration"]) / 1e9
        order = np.argsort(ends, kind="stable")
        bounds = [0, *np.searchsorted(ends[order], times, "right").tolist()]
        for number, at in enumerate(times.tolist()):
            mine = in_order(picked(records, order[bounds[number] : bounds[number + 1]]))
            yield msgspec.structs.replace(
                recording.snapshot(first + number),
                new_points=tuple(_taken(points, at)),
                new_rates=tuple(_taken(rates, at)),
                new_epochs=tuple(_taken(epochs, at)),
                new_events=tuple(_taken(events, at)),
                trace=mine.tobytes(),
            )


def _taken(entries: list[tuple[float, Entry]], until: float) -> list[Entry]:
    """Take out what came by then."""
    count = next((number for number, (at, _) in enumerate(entries) if at > until), len(entries))
    taken = [entry for _, entry in entries[:count]]
    del entries[:count]
    return taken
