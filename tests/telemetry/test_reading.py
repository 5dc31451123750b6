"""Reading recordings: the same at any time as it was, also after a kill; every file that is none is one clear line."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ampviz.errors import UsageError
from ampviz.telemetry.reading import Recording
from ampviz.telemetry.recording import Recorder
from ampviz.telemetry.snapshot import Change, RatePoint, Snapshot, Status
from tests.telemetry.samples import INFO, as_a_kill_leaves_it, event, point, report, snapshot, trace, write

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


CHANGE = Change("cell.learning_rate", None, 0.5, "user")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.ampviz"


def ticks(count: int):
    """Snapshots half a second apart; each with a point and trace, some with an event, one with an epoch."""
    for number in range(1, count + 1):
        at = number / 2
        yield snapshot(
            at,
            epoch_done=number,
            new_points=(point(number),),
            new_rates=(RatePoint(number, 0.5, 10, 1.5, 4),),
            new_events=(msgspec.structs.replace(event(number), at=at - 0.25, change=CHANGE),) if number % 2 else (),
            new_epochs=(report(1),) if number == 3 else (),
            trace=trace(2, start_s=at - 0.25).tobytes(),
        )


def test_what_was_written_is_read(path):
    written = list(ticks(6))
    write(path, *written)
    with closing(Recording(path)) as recording:
        assert recording.info == INFO
        assert (recording.start, recording.end) == (0.5, 3.0)
        assert recording.times.tolist() == [0.5, 1.0, 1.5, 2.0, 2.5, 3.0]
        bare = {name: () for name in Snapshot.__struct_fields__ if name.startswith("new_")} | {"trace": b""}
        assert list(recording.snapshots()) == [msgspec.structs.replace(each, **bare) for each in written]
        assert recording.points() == [(each.at, each.new_points[0]) for each in written]
        assert recording.rates() == [(each.at, each.new_rates[0]) for each in written]
        assert recording.epochs() == [(1.5, report(1))]
        assert recording.events() == [entry for each in written for entry in each.new_events]
        assert recording.trace().tobytes() == b"".join(each.trace for each in written)
        assert recording.trace_span() == pytest.approx((0.25, 2.75 + 2e-3 - 1e-6))


def test_ranges_from_tick_to_tick_share_nothing_and_leave_nothing_out(path):
    written = list(ticks(6))
    write(path, *written)
    with closing(Recording(path)) as recording:
        before = -1.0
        for each in written:
            assert [entry.at for entry in recording.snapshots(before, each.at)] == [each.at]
            assert [entry for _, entry in recording.points(before, each.at)] == list(each.new_points)
            assert [entry for _, entry in recording.rates(before, each.at)] == list(each.new_rates)
            assert [entry for _, entry in recording.epochs(before, each.at)] == list(each.new_epochs)
            assert recording.events(before, each.at) == list(each.new_events)
            assert recording.trace(before, each.at).tobytes() == each.trace
            before = each.at


@pytest.mark.parametrize(("at", "shown"), [(-5, 0.5), (0.5, 0.5), (0.99, 0.5), (1.0, 1.0), (2.2, 2.0), (99, 3.0)])
def test_seeking_finds_the_last_snapshot_taken_by_then(path, at, shown):
    write(path, *ticks(6))
    with closing(Recording(path)) as recording:
        assert recording.snapshot(recording.index_at(at)).at == shown


def test_a_recording_of_nothing_is_empty(path):
    write(path)
    with closing(Recording(path)) as recording:
        assert (recording.start, recording.end, recording.trace_span()) == (0.0, 0.0, (0.0, 0.0))
        assert [*recording.snapshots(), *recording.points(), *recording.epochs(), *recording.events()] == []
        assert len(recording.trace()) == 0


def test_one_that_is_written_can_be_followed(path):
    with closing(Recorder(path, INFO)) as recorder, closing(Recording(path)) as recording:
        assert recording.end == 0.0
        recorder.record(snapshot(1.0))
        assert recording.end == 0.0
        recording.refresh()
        assert [each.at for each in recording.snapshots()] == [1.0]
        recorder.record(snapshot(2.0))
        recording.refresh()
        assert recording.end == 2.0


def test_a_killed_session_leaves_a_recording_that_opens(path, tmp_path):
    with closing(Recorder(path, INFO)) as recorder:
        for each in ticks(5):
            recorder.record(each)
        copy = as_a_kill_leaves_it(path, tmp_path / "copy")
    with closing(Recording(copy)) as recording:
        assert recording.end == 2.0
        assert len(recording.points()) == 4
        assert len(recording.trace()) == 8
        assert recording.snapshot(3).status is Status.RUNNING


_WRITER = """
import sys
from pathlib import Path
from ampviz.telemetry.recording import Recorder
from tests.telemetry.samples import INFO, point, snapshot, trace
recorder = Recorder(Path(sys.argv[1]), INFO)
for number in range(1, 6):
    recorder.record(snapshot(float(number), new_points=(point(number),), trace=trace(2, number - 0.5).tobytes()))
recorder.record(snapshot(5.5))
print("written", flush=True)
sys.stdin.read()
"""


def test_what_kill_9_leaves_opens(path):
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], cwd=Path(__file__).parents[2], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as writer:  # fmt: skip
        assert writer.stdout.readline() == "written\n"
        writer.kill()
    assert path.with_name(f"{path.name}-wal").exists()
    with closing(Recording(path)) as recording:
        assert [each.at for each in recording.snapshots()] == [1.0, 2.0, 3.0, 4.0, 5.0]
        assert len(recording.points()) == 5
        assert len(recording.trace()) == 10


def test_a_finished_one_opens_where_nobody_may_write(path):
    write(path, *ticks(2))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with closing(Recording(path)) as recording:
            assert recording.end == 1.0
        assert [file.name for file in path.parent.iterdir()] == [path.name]
    finally:
        path.parent.chmod(0o700)


def refusal(path: Path) -> str:
    """The one line that opening the file, and reading all of it, ends with."""
    with pytest.raises(UsageError) as caught, closing(Recording(path)) as recording:
        [*recording.snapshots(), *recording.points(), *recording.epochs(), *recording.events(), recording.trace()]
    assert caught.value.exit_code == 2
    assert caught.value.where == str(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_file_is_refused(path, tmp_path):
    assert "No such file" in refusal(path)
    assert "Is a directory" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"SQLite", b"PK\x03\x04" + bytes(5000), b"SQLite format 4\0" + bytes(4096)])
def test_what_is_no_sqlite_file_is_refused(path, content):
    path.write_bytes(content)
    assert "not a recording" in refusal(path)


def test_a_head_without_a_body_is_refused(path):
    path.write_bytes(b"SQLite format 3\0" + bytes(3000))
    assert "damaged" in refusal(path)


@pytest.mark.parametrize("schema", ["create table a (b)", "create table meta (a, b)", "create table meta (key, value)"])
def test_a_foreign_sqlite_file_is_refused(path, schema):
    with closing(sqlite3.connect(path)) as db:
        db.execute(schema)
    assert "an SQLite file, but not a recording" in refusal(path)


def test_another_version_is_refused(path):
    write(path, *ticks(2))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("update meta set value = '1' where key = 'format'")
    assert refusal(path).endswith("a recording of another version (expected 2, got 1)")


def test_one_that_is_cut_off_is_refused(path):
    write(path, *ticks(200))
    whole = path.read_bytes()
    for share in (0.1, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert "cut off" in refusal(path)


def test_damage_inside_is_told_when_it_is_met(path):
    write(path, *ticks(200))
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2 :] = np.random.default_rng(1).bytes(len(whole) - len(whole) // 2)
    path.write_bytes(whole)
    assert "damaged" in refusal(path)


@pytest.mark.parametrize(
    "change",
    [
        "update snapshots set data = x'00'",
        "update snapshots set data = 'text'",
        "update trace set data = x'789c'",
        "update epochs set report = '{}'",
        "update meta set value = '{' where key = 'session'",
        "drop table points",
    ],
)
def test_a_table_of_something_else_is_damage(path, change):
    write(path, *ticks(5))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(change)
    assert "damaged" in refusal(path)
