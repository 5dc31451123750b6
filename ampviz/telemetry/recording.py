"""A session on disk: one SQLite file in WAL mode, readable by any SQL client, whole up to the last second after a kill.

Tables: meta (key, value), points (instances, loss, count), epochs (epoch, report as JSON), events (at, kind, text,
instances, marker), snapshots (at, zlib-compressed msgpack of a Snapshot without its `new_*` lists).
"""

from __future__ import annotations

import sqlite3
import zlib
from pathlib import Path

import msgspec

from ampviz.errors import UsageError
from ampviz.telemetry.snapshot import SessionInfo, Snapshot

FORMAT = 1
_COMMIT_S = 1.0
_SCHEMA = """
create table meta (key text primary key, value text);
create table points (instances integer, loss real, count integer);
create table epochs (epoch integer primary key, report text);
create table events (at real, kind text, text text, instances integer, marker text);
create table snapshots (at real, data blob);
"""


class Recorder:
    """Writes every snapshot it is given; commits once a second and on `close`."""

    def __init__(self, path: Path, info: SessionInfo):
        self.path = path
        if path.exists():
            raise UsageError("the file exists already", where=str(path), hint="recordings are never overwritten")
        try:
            self._db = sqlite3.connect(path)
        except sqlite3.Error as error:
            raise UsageError(f"cannot be written: {error}", where=str(path)) from error
        self._db.execute("pragma journal_mode=wal")
        self._db.execute("pragma synchronous=normal")
        self._db.executescript(_SCHEMA)
        self._db.execute("insert into meta values ('format', ?)", (str(FORMAT),))
        self._db.execute("insert into meta values ('session', ?)", (msgspec.json.encode(info).decode(),))
        self._db.commit()
        self._encoder = msgspec.msgpack.Encoder()
        self._committed = 0.0

    def record(self, snapshot: Snapshot) -> None:
        """Add one tick."""
        db = self._db
        db.executemany(
            "insert into points values (?, ?, ?)", [(p.instances, p.loss, p.count) for p in snapshot.new_points]
        )
        db.executemany(
            "insert or replace into epochs values (?, ?)",
            [(report.epoch, msgspec.json.encode(report).decode()) for report in snapshot.new_epochs],
        )
        db.executemany(
            "insert into events values (?, ?, ?, ?, ?)",
            [(e.at, e.kind, e.text, e.instances, e.marker) for e in snapshot.new_events],
        )
        bare = msgspec.structs.replace(snapshot, new_points=(), new_epochs=(), new_events=())
        db.execute("insert into snapshots values (?, ?)", (snapshot.at, zlib.compress(self._encoder.encode(bare), 1)))
        if snapshot.at - self._committed >= _COMMIT_S or snapshot.status.ended:
            db.commit()
            self._committed = snapshot.at

    def close(self) -> None:
        """Commit and close."""
        self._db.commit()
        self._db.close()
