"""The trace of the last seconds, as a viewer has got it."""

from __future__ import annotations

from collections import deque

from ampviz.telemetry.snapshot import Snapshot, Status
from ampviz.telemetry.trace import PAUSE, Records, decode, joined, spans

KEPT_S = 10.0
_KEPT_RECORDS = 1 << 17
_LONGEST = 1 << 32  # nanoseconds of a record


class Timeline:
    """The trace of the last seconds, each unit once, up to the time until which it is known."""

    def __init__(self) -> None:
        self._ticks: deque[Records] = deque()
        self._count = 0
        self._at = 0.0
        self.until = 0  # nanoseconds since the session began

    def add(self, snapshot: Snapshot) -> None:
        """Take what a snapshot brings; one from before the last, as in a replay, begins anew."""
        if snapshot.at < self._at:
            self._ticks.clear()
            self._count = self.until = 0
        self._at = snapshot.at
        fresh = spans(decode(snapshot.trace))
        if len(fresh):
            self._ticks.append(fresh)
            self._count += len(fresh)
            ends = (fresh["start"] + fresh["duration"])[fresh["action"] != PAUSE]
            self.until = max(self.until, int(ends.max(initial=0)))
        elif snapshot.status is not Status.PAUSED:
            self.until = max(self.until, int(snapshot.at * 1e9))
        oldest = self.until - int(KEPT_S * 1e9)
        while self._ticks and (self._ticks[0]["start"][-1] < oldest or self._count > _KEPT_RECORDS):
            self._count -= len(self._ticks.popleft())

    def between(self, start: int, end: int) -> Records:
        """The records of this time, and perhaps some before and after it."""
        found = [tick for tick in self._ticks if tick["start"][0] < end and tick["start"][-1] + _LONGEST > start]
        return joined(found)
