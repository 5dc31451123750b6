"""Recordings: what any SQL client reads of them, also after the writer was killed, and what cannot be written."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ampviz.errors import UsageError
from ampviz.telemetry.packing import SnapshotPacker, pack_trace, unpack_trace
from ampviz.telemetry.recording import Recorder
from ampviz.telemetry.snapshot import SessionInfo, Status
from ampviz.telemetry.trace import RECORD
from tests.telemetry.samples import INFO, as_a_kill_leaves_it, event, point, report, snapshot, trace, write

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


def rows(path: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def test_a_closed_recording_is_readable_with_plain_sqlite(path):
    write(
        path,
        snapshot(0.5, new_points=(point(1), point(2)), new_events=(event(1, "lr 0.1→0.2"),)),
        snapshot(0.6, new_points=(point(3),), new_epochs=(report(1), report(2)), new_events=(event(2),)),
    )
    assert rows(path, "select * from points") == [
        (at, p.instances, p.loss, p.count) for at, p in zip((0.5, 0.5, 0.6), map(point, (1, 2, 3)), strict=True)
    ]
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
    assert int(meta["format"]) == 2
    assert msgspec.json.decode(meta["session"], type=SessionInfo) == INFO


def test_every_snapshot_is_kept_without_what_the_tables_hold(path):
    bare = [snapshot(0.25 * number, epoch_done=number, next=("fc1.F key=1",)) for number in range(4)]
    write(path, *(msgspec.structs.replace(each, new_points=(point(1),), new_events=(event(1),)) for each in bare))
    kept = rows(path, "select at, data from snapshots order by at")
    assert [at for at, _ in kept] == [0.0, 0.25, 0.5, 0.75]
    ((dictionary,),) = rows(path, "select value from meta where key = 'dictionary'")
    assert [SnapshotPacker(dictionary).unpack(data) for _, data in kept] == bare


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


# Bounds


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.parent.glob(path.name + "*") if not file.name.endswith("-shm"))


def noise(number: int, count: int) -> bytes:
    """Trace that does not compress."""
    return np.random.default_rng(number).bytes(count * RECORD.itemsize)


def test_the_oldest_trace_goes_first_and_nothing_else(path):
    with closing(Recorder(path, INFO, limit_mb=0.25)) as recorder:
        for number in range(100):
            recorder.record(
                snapshot(
                    float(number), new_points=(point(number),), trace=trace(1, number).tobytes() + noise(number, 300)
                )
            )
    firsts = [first for (first,) in rows(path, "select count from trace order by rowid")]
    assert 10 < len(firsts) < 30
    ((tail,),) = rows(path, "select data from trace order by rowid desc limit 1")
    assert unpack_trace(tail)[0] == trace(1, 99)[0]
    assert rows(path, "select count(*) from snapshots") == [(100,)]
    assert rows(path, "select count(*) from points") == [(100,)]
    assert size(path) < 0.3 * 2**20


def test_then_every_second_snapshot_goes_and_metrics_never(path):
    with closing(Recorder(path, INFO, limit_mb=0.25)) as recorder:
        for number in range(1, 3000):
            recorder.record(
                snapshot(
                    number / 10, epoch_done=number, new_points=(point(number),), new_events=(event(number),),
                    new_epochs=(report(number),) if number % 1000 == 0 else (),
                )
            )  # fmt: skip
        recorder.record(snapshot(300.05, Status.FINISHED))
    kept = [tick for (tick,) in rows(path, "select tick from snapshots order by tick")]
    step = kept[1] - kept[0]
    assert step in (4, 8, 16)
    assert kept == [*range(step, 3000, step), 3000]
    assert rows(path, "select status from (select 1 as status from snapshots where at = 300.05)") == [(1,)]
    assert rows(path, "select count(*) from points") == [(2999,)]
    assert rows(path, "select count(*) from events") == [(2999,)]
    assert rows(path, "select count(*) from epochs") == [(2,)]


def test_the_bound_holds_with_both(path):
    with closing(Recorder(path, INFO, limit_mb=1)) as recorder:
        for number in range(1, 2500):
            wide = snapshot(number / 2, next=(noise(number, 30).hex(),), trace=noise(number, 100))
            recorder.record(wide)
    assert path.stat().st_size < 1.1 * 2**20
    assert rows(path, "pragma integrity_check") == [("ok",)]


def test_a_long_pause_adds_nothing(path):
    pause = {"status": Status.PAUSED, "next": ("fc1.F key=1",)}
    write(
        path,
        snapshot(1.0),
        *(snapshot(number / 10, paused_s=number / 10, **pause) for number in range(11, 200)),
        snapshot(20.0, new_points=(point(1),), stepped="fc1.F key=1", **pause),
        snapshot(20.1, new_points=(point(2),), stepped="fc1.F key=1", **pause),
        snapshot(20.2),
        snapshot(20.3),
    )
    assert rows(path, "select at from snapshots") == [(1.0,), (1.1,), (20.0,), (20.2,), (20.3,)]
    assert rows(path, "select count(*) from points") == [(2,)]


def test_a_full_disk_ends_the_recording_and_says_why(path):
    with closing(Recorder(path, INFO)) as recorder:
        recorder.record(snapshot(1.0))
        recorder._db.execute("pragma max_page_count = 20")
        told = [recorder.record(snapshot(float(number), trace=noise(number, 300))) for number in range(2, 50)]
    assert [words for words in told if words] == ["database or disk is full"]
    assert rows(path, "pragma integrity_check") == [("ok",)]
    assert (1.0,) in rows(path, "select at from snapshots")


def test_trace_comes_back_as_it_was_and_packs_well():
    records = trace(1000, 5.0, worker=1, node=3)
    assert (unpack_trace(pack_trace(records)) == records).all()
    assert len(pack_trace(records)) < 2 * len(records)
    assert len(unpack_trace(pack_trace(records[:0]))) == 0
