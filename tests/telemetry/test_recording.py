"""Recordings: what any SQL client reads of them, also after the writer was killed, and what cannot be written."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from ampviz.errors import UsageError
from ampviz.telemetry.recording import Recorder
from ampviz.telemetry.snapshot import SessionInfo, Snapshot, Status
from tests.telemetry.samples import INFO, event, point, report, snapshot

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.ampviz"


@pytest.fixture
def recorder(path: Path):
    """A recorder that writes at `path`."""
    made = Recorder(path, INFO)
    yield made
    made.close()


def write(path: Path, *snapshots: Snapshot) -> None:
    """A whole recording."""
    with closing(Recorder(path, INFO)) as recorder:
        for each in snapshots:
            recorder.record(each)


def rows(path: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def as_a_kill_leaves_it(path: Path, folder: Path) -> Path:
    """The files of a recording as they are on disk now, elsewhere."""
    folder.mkdir()
    for file in path.parent.glob(path.name + "*"):
        if not file.name.endswith("-shm"):
            shutil.copy(file, folder)
    return folder / path.name


def test_a_closed_recording_is_readable_with_plain_sqlite(path):
    write(
        path,
        snapshot(0.5, new_points=(point(1), point(2)), new_events=(event(1, "lr 0.1→0.2"),)),
        snapshot(0.6, new_points=(point(3),), new_epochs=(report(1), report(2)), new_events=(event(2),)),
    )
    assert rows(path, "select * from points") == [(p.instances, p.loss, p.count) for p in map(point, (1, 2, 3))]
    assert rows(path, "select at, kind, text, instances, marker from events") == [
        (1.0, "KNOB", "event 1", 10, "lr 0.1→0.2"),
        (2.0, "KNOB", "event 2", 20, ""),
    ]
    epochs = [(epoch, json.loads(text)) for epoch, text in rows(path, "select epoch, report from epochs")]
    assert epochs == [(number, msgspec.to_builtins(report(number))) for number in (1, 2)]


def test_the_session_is_told_once_with_the_format(path):
    write(path)
    meta = dict(rows(path, "select * from meta"))
    assert meta.keys() == {"format", "session"}
    assert int(meta["format"]) == 1
    assert msgspec.json.decode(meta["session"], type=SessionInfo) == INFO


def test_every_snapshot_is_kept_without_what_the_tables_hold(path):
    bare = [snapshot(0.25 * number, epoch_done=number, next=("fc1.F key=1",)) for number in range(4)]
    write(path, *(msgspec.structs.replace(each, new_points=(point(1),), new_events=(event(1),)) for each in bare))
    kept = rows(path, "select at, data from snapshots order by at")
    assert [at for at, _ in kept] == [0.0, 0.25, 0.5, 0.75]
    assert [msgspec.msgpack.decode(zlib.decompress(data), type=Snapshot) for _, data in kept] == bare


def test_a_killed_writer_leaves_what_was_committed(recorder, path, tmp_path):
    for at in (0.5, 1.0, 1.5, 1.9):
        recorder.record(snapshot(at, new_points=(point(int(at * 10)),)))
    copy = as_a_kill_leaves_it(path, tmp_path / "copy")
    assert rows(copy, "select at from snapshots") == [(0.5,), (1.0,)]
    assert rows(copy, "select instances from points") == [(point(5).instances,), (point(10).instances,)]
    assert rows(copy, "pragma integrity_check") == [("ok",)]


def test_at_most_a_second_is_lost_at_any_time(recorder, path, tmp_path):
    for number in range(1, 40):
        recorder.record(snapshot(number / 10))
        if number % 13 == 0:
            copy = as_a_kill_leaves_it(path, tmp_path / f"copy{number}")
            ((last,),) = rows(copy, "select coalesce(max(at), 0) from snapshots")
            assert number / 10 - last <= 1.0


def test_a_recording_is_readable_while_it_is_written(recorder, path):
    recorder.record(snapshot(1.0, new_points=(point(1),)))
    assert rows(path, "select count(*) from points") == [(1,)]
    recorder.record(snapshot(2.0, new_points=(point(2),)))
    assert rows(path, "select count(*) from points") == [(2,)]


@pytest.mark.parametrize("status", [status for status in Status if status.ended])
def test_the_last_snapshot_is_committed_at_once(recorder, path, status):
    recorder.record(snapshot(0.1, status))
    assert rows(path, "select at from snapshots") == [(0.1,)]


def test_a_recording_of_nothing_is_whole(recorder, path, tmp_path):
    copy = as_a_kill_leaves_it(path, tmp_path / "copy")
    assert [rows(copy, f"select count(*) from {name}") for name in ("points", "epochs", "events", "snapshots")] == [
        [(0,)]
    ] * 4


def test_an_existing_file_is_refused_and_kept(path):
    path.write_bytes(b"mine")
    with pytest.raises(UsageError, match="exists already") as caught:
        Recorder(path, INFO)
    assert caught.value.where == str(path)
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("place", ["absent/run.ampviz", "file/run.ampviz", "/proc/run.ampviz", "/dev/null/run.ampviz"])
def test_an_unwritable_path_is_one_clear_error(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot be written") as caught:
        Recorder(tmp_path / place, INFO)
    assert caught.value.where == str(tmp_path / place)
    assert "\n" not in str(caught.value)
