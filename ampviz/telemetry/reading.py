"""Reading a recording: what a session was like at any time, also while it is still being written or after a kill."""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import numpy as np
from numpy.typing import NDArray

from ampviz.errors import UsageError
from ampviz.telemetry.packing import SnapshotPacker, unpack_trace
from ampviz.telemetry.recording import FORMAT
from ampviz.telemetry.snapshot import Change, EpochReport, Event, LossPoint, RatePoint, SessionInfo, Snapshot
from ampviz.telemetry.trace import RECORD, joined, picked

_HINT = "recordings are written by `ampviz run`"
_EVER = float("inf")
_SQLITE = b"SQLite format 3\0"
_HEAD = 100  # bytes; size of a page at 16, number of pages at 28


class Recording:
    """A recording, open for reading. Raises UsageError with one clear line for a file that is none, or is damaged.

    Ranges are `start < at <= end` in seconds since the session started, so that ranges from tick to tick share nothing.
    """

    def __init__(self, path: Path):
        self.path = path
        self._db = _opened(path)
        try:
            self.info, dictionary = self._told()
        except BaseException:
            self._db.close()
            raise
        self._packer = SnapshotPacker(dictionary)
        self.times: NDArray[np.float64] = np.empty(0)
        """When the snapshots that it has were taken, ascending."""
        self._ticks: NDArray[np.int64] = np.empty(0, np.int64)
        self.refresh()

    def refresh(self) -> None:
        """Look again: a session that goes on has written more."""
        rows = self._rows("select tick, at from snapshots order by tick")
        self._ticks = np.array([tick for tick, _ in rows], np.int64)
        self.times = np.array([at for _, at in rows], np.float64)
        if not len(self._packer.dictionary):
            self._packer = SnapshotPacker(self._told()[1])

    @property
    def start(self) -> float:
        """When the first snapshot was taken; 0 where there is none."""
        return float(self.times[0]) if len(self.times) else 0.0

    @property
    def end(self) -> float:
        """When the last snapshot was taken; 0 where there is none."""
        return float(self.times[-1]) if len(self.times) else 0.0

    def index_at(self, at: float) -> int:
        """The number of the last snapshot that was taken by then; of the first one where that is none."""
        return max(0, int(np.searchsorted(self.times, at, "right")) - 1)

    def snapshot(self, index: int) -> Snapshot:
        """Snapshot number `index`, without its `new_*` lists and trace."""
        ((data,),) = self._rows("select data from snapshots where tick = ?", int(self._ticks[index]))
        return self._unpacked(data)

    def snapshots(self, start: float = -1.0, end: float = _EVER) -> Iterator[Snapshot]:
        """The snapshots of a range in turn, without their `new_*` lists and trace."""
        first, last = np.searchsorted(self.times, (start, end), "right")
        for index in range(first, last):
            yield self.snapshot(index)

    def points(self, start: float = -1.0, end: float = _EVER) -> list[tuple[float, LossPoint]]:
        """The training curve in a range, as (at, point)."""
        rows = self._rows("select at, instances, loss, count from points where at > ? and at <= ?", start, end)
        return [(at, LossPoint(*point)) for at, *point in rows]

    def rates(self, start: float = -1.0, end: float = _EVER) -> list[tuple[float, RatePoint]]:
        """Throughput and staleness in a range, as (at, rate)."""
        query = "select at, instances, seconds, done, staleness, gradients from rates where at > ? and at <= ?"
        return [(at, RatePoint(*rate)) for at, *rate in self._rows(query, start, end)]

    def epochs(self, start: float = -1.0, end: float = _EVER) -> list[tuple[float, EpochReport]]:
        """The epochs that ended in a range, as (at, report)."""
        rows = self._rows("select at, report from epochs where at > ? and at <= ? order by epoch", start, end)
        with _clear_errors(self.path):
            return [(at, msgspec.json.decode(text, type=EpochReport)) for at, text in rows]

    def events(self, start: float = -1.0, end: float = _EVER) -> list[Event]:
        """The events of a range."""
        query = "select at, kind, text, instances, marker, change from events where at > ? and at <= ? order by rowid"
        rows = self._rows(query, start, end)
        with _clear_errors(self.path):
            return [
                Event(at, kind, text, instances, marker, _change(change))
                for at, kind, text, instances, marker, change in rows
            ]

    def trace(self, start: float = -1.0, end: float = _EVER) -> NDArray[np.void]:
        """The records of work that ended in a range, as they were written: each worker's in the order of their ends."""
        low, high = (int(min(at * 1e9, 2**62)) for at in (start, end))
        rows = self._rows("select data from trace where last_ns > ? and first_ns <= ? order by rowid", low, high)
        if not rows:
            return np.empty(0, RECORD)
        with _clear_errors(self.path):
            records = joined([unpack_trace(data) for (data,) in rows])
        ends = records["start"] + records["duration"]
        return picked(records, (ends > low) & (ends <= high))

    def trace_span(self) -> tuple[float, float]:
        """From when to when there is trace; (0, 0) where there is none."""
        ((first, last),) = self._rows("select coalesce(min(first_ns), 0), coalesce(max(last_ns), 0) from trace")
        return first / 1e9, last / 1e9

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    # Inside

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with _clear_errors(self.path):
            return self._db.execute(query, values).fetchall()

    def _unpacked(self, data: bytes) -> Snapshot:
        with _clear_errors(self.path):
            return self._packer.unpack(data)

    def _told(self) -> tuple[SessionInfo, bytes]:
        """Session and dictionary, once the format is known to be this one."""
        if not self._rows("select 1 from sqlite_master where type = 'table' and name = 'meta'"):
            raise UsageError("an SQLite file, but not a recording", where=str(self.path), hint=_HINT)
        try:
            meta = dict(self._db.execute("select key, value from meta"))
        except (sqlite3.OperationalError, ValueError):
            meta = {}
        if "format" not in meta or "session" not in meta:
            raise UsageError("an SQLite file, but not a recording", where=str(self.path), hint=_HINT)
        if str(meta["format"]) != str(FORMAT):
            raise UsageError(
                "a recording of another version", where=str(self.path), expected=FORMAT, got=meta["format"]
            )
        with _clear_errors(self.path):
            return msgspec.json.decode(meta["session"], type=SessionInfo), meta.get("dictionary", b"")


def _opened(path: Path) -> sqlite3.Connection:
    """The file open for reading only; one that was closed well also where nobody may write."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        length = path.stat().st_size
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    if not head.startswith(_SQLITE):
        raise UsageError("not a recording", where=str(path), hint=_HINT)
    log = path.with_name(path.name + "-wal")
    closed = not log.exists() or not log.stat().st_size
    needed = int.from_bytes(head[16:18]) * int.from_bytes(head[28:32])
    if closed and length < max(needed, _HEAD):
        raise UsageError("the recording is cut off", where=str(path), expected=f"{needed} bytes", got=length)
    name = f"file:{quote(str(path))}"
    db = sqlite3.connect(f"{name}?mode=ro", uri=True)
    try:
        db.execute("select count(*) from sqlite_master")
    except sqlite3.OperationalError:  # it needs an index of its log, and none can be made
        db.close()
        if not closed:
            hint = "copy it with its -wal file to another folder"
            raise UsageError("not closed, in a folder that cannot be written", where=str(path), hint=hint) from None
        db = sqlite3.connect(f"{name}?immutable=1", uri=True)
    except sqlite3.DatabaseError as error:
        db.close()
        raise UsageError(f"the recording is damaged: {error}", where=str(path)) from error
    return db


def _change(text: str | None) -> Change | None:
    return None if text is None else msgspec.json.decode(text, type=Change)


@contextlib.contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, zlib.error, msgspec.MsgspecError, ValueError, TypeError) as error:
        raise UsageError(f"the recording is damaged: {error}", where=str(path)) from error
