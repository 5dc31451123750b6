"""A session on disk: one SQLite file in WAL mode, readable by any SQL client, whole up to the last second after a kill.

Tables, times in seconds since the session started unless they say ns:
  meta (key, value)                                  format, session (JSON of SessionInfo), dictionary (see `packing`)
  points (at, instances, loss, count)                the training curve
  rates (at, instances, seconds, done, staleness, gradients)   throughput and staleness of the training
  epochs (at, epoch, report)                         report: JSON of EpochReport
  events (at, kind, text, instances, marker, change) change: JSON of Change for a knob that was turned, else null
  snapshots (tick, at, data)                         a packed Snapshot without its `new_*` lists and its trace
  trace (first_ns, last_ns, count, data)             packed records of the trace, about a second each

The file is bounded. Points, rates, epochs and events always stay. The trace has three quarters of the bound: the
oldest goes first. The snapshots have one quarter: when it is full, every second one goes, and half as many are kept
from then on.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ampviz.errors import UsageError
from ampviz.telemetry.packing import SnapshotPacker, pack_trace
from ampviz.telemetry.snapshot import SessionInfo, Snapshot, Status
from ampviz.telemetry.trace import RECORD

FORMAT = 2
_COMMIT_S = 1.0
_FILL = 0.8  # of the pages of a file is data
_SCHEMA = """
create table meta (key text primary key, value);
create table points (at real, instances integer, loss real, count integer);
create table rates (at real, instances integer, seconds real, done integer, staleness real, gradients integer);
create table epochs (at real, epoch integer primary key, report text);
create table events (at real, kind text, text text, instances integer, marker text, change text);
create table snapshots (tick integer primary key, at real, data blob);
create table trace (first_ns integer, last_ns integer, count integer, data blob);
"""
_HALVE = """
create table half (tick integer primary key, at real, data blob);
insert into half select * from snapshots where tick % {every} = 0 or tick = (select max(tick) from snapshots);
drop table snapshots;
alter table half rename to snapshots;
"""


_ELSEWHERE: dict[str, Any] = {"new_points": (), "new_rates": (), "new_epochs": (), "new_events": (), "trace": b""}
"""What has tables of its own, as snapshots have it."""


class Recorder:
    """Writes every snapshot it is given; commits once a second and on `close`. The file has about `limit_mb` at most.

    A disk that is full, or goes away, ends the recording and not the session.
    """

    def __init__(self, path: Path, info: SessionInfo, limit_mb: float = 64):
        self.path = path
        self._broken = False
        if path.exists():
            raise UsageError("the file exists already", where=str(path), hint="recordings are never overwritten")
        try:
            self._db = sqlite3.connect(path)
        except sqlite3.Error as error:
            raise UsageError(f"cannot be written: {error}", where=str(path)) from error
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        self._set_meta("format", FORMAT)
        self._set_meta("session", msgspec.json.encode(info).decode())
        self._db.commit()
        self._packer: SnapshotPacker | None = None
        self._last: Snapshot | None = None  # the last one written
        self._tick, self._every = 0, 1
        self._trace: list[bytes] = []  # since the last commit
        self._committed = 0.0
        room = limit_mb * (1 << 20) * _FILL
        self._trace_room, self._snapshot_room = room * 3 / 4, room / 4
        self._trace_bytes = self._snapshot_bytes = 0

    def record(self, snapshot: Snapshot) -> str:
        """Add one tick. One that shows nothing new, as in a pause, adds no snapshot.

        Returns the reason if this was the end of the recording, else "".
        """
        if self._broken:
            return ""
        try:
            self._write(snapshot)
            if snapshot.at - self._committed >= _COMMIT_S or snapshot.status.ended:
                self._commit(snapshot.at)
        except sqlite3.OperationalError as error:
            self._broken = True
            return str(error)
        return ""

    def close(self) -> None:
        """Commit and close. The finished file needs no company: any reader may open it, also where nobody may write."""
        with contextlib.suppress(
            sqlite3.OperationalError
        ):  # disk full, or somebody reads it: the log beside it does as well
            self._commit(self._committed)
            self._db.execute("pragma journal_mode=delete")
        self._db.close()

    # Inside

    def _write(self, snapshot: Snapshot) -> None:
        at, db = snapshot.at, self._db
        if snapshot.new_points:
            db.executemany(
                "insert into points values (?, ?, ?, ?)",
                [(at, point.instances, point.loss, point.count) for point in snapshot.new_points],
            )
        if snapshot.new_rates:
            db.executemany(
                "insert into rates values (?, ?, ?, ?, ?, ?)",
                [(at, *msgspec.structs.astuple(rate)) for rate in snapshot.new_rates],
            )
        for report in snapshot.new_epochs:
            text = msgspec.json.encode(report).decode()
            db.execute("insert or replace into epochs values (?, ?, ?)", (at, report.epoch, text))
        for event in snapshot.new_events:
            change = event.change and msgspec.json.encode(event.change).decode()
            row = (event.at, event.kind, event.text, event.instances, event.marker, change)
            db.execute("insert into events values (?, ?, ?, ?, ?, ?)", row)
        if snapshot.trace:
            self._trace.append(snapshot.trace)
        self._tick += 1
        if snapshot.status.ended or (self._tick % self._every == 0 and not _same(self._last, snapshot)):
            self._write_snapshot(snapshot)

    def _write_snapshot(self, snapshot: Snapshot) -> None:
        bare = msgspec.structs.replace(snapshot, **_ELSEWHERE)
        if self._packer is None:
            self._packer = SnapshotPacker.like(bare)
            self._set_meta("dictionary", self._packer.dictionary)
        data = self._packer.pack(bare)
        self._db.execute("insert into snapshots values (?, ?, ?)", (self._tick, snapshot.at, data))
        self._snapshot_bytes += len(data)
        self._last = snapshot

    def _commit(self, at: float) -> None:
        if self._trace:
            records = np.frombuffer(b"".join(self._trace), RECORD)
            self._trace.clear()
            first, last = int(records["start"].min()), int((records["start"] + records["duration"]).max())
            data = pack_trace(records)
            self._db.execute("insert into trace values (?, ?, ?, ?)", (first, last, len(records), data))
            self._trace_bytes += len(data)
        self._thin()
        self._db.commit()
        self._committed = at

    def _thin(self) -> None:
        """Keep to the bound."""
        db = self._db
        while self._trace_bytes > self._trace_room:
            row, size = db.execute("select rowid, length(data) from trace order by rowid limit 1").fetchone()
            db.execute("delete from trace where rowid = ?", (row,))
            self._trace_bytes -= size
        # What is kept is copied, so that whole pages become free: beside the others it must fit into the room.
        while self._snapshot_bytes * 1.5 > self._snapshot_room and self._every < self._tick:
            self._every *= 2
            for statement in _HALVE.format(every=self._every).split(";"):
                db.execute(statement)
            (self._snapshot_bytes,) = db.execute("select coalesce(sum(length(data)), 0) from snapshots").fetchone()

    def _set_meta(self, key: str, value: str | int | bytes) -> None:
        self._db.execute("insert into meta values (?, ?)", (key, value))


def _same(before: Snapshot | None, now: Snapshot) -> bool:
    """Whether a tick within a pause shows what the one before has shown, but for the time."""
    if before is None or before.status is not Status.PAUSED or now.status is not Status.PAUSED:
        return False
    passing = {"at": 0.0, "paused_s": 0.0, "in_flight": (), **_ELSEWHERE}
    return msgspec.structs.replace(before, **passing) == msgspec.structs.replace(now, **passing)
