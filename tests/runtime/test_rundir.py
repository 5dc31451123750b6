"""Run folders: private, never the same twice, and only the newest and the live ones are kept."""

from __future__ import annotations

import datetime
import os
import socket
import stat
from pathlib import Path

import msgspec
import pytest

from ampviz.runtime import rundir
from ampviz.runtime.catalogue import entered
from ampviz.runtime.rundir import RECORDING, drop_run_folder, make_run_folder, newest_recording, runs_root
from tests.telemetry.samples import INFO


@pytest.fixture
def clock(monkeypatch):
    """The time that folders are named by; the test sets `now`."""

    class Clock(datetime.datetime):
        at = datetime.datetime(2026, 3, 4, 15, 6, 7)

        @classmethod
        def now(cls, tz=None):
            return cls.at

    monkeypatch.setattr(rundir.datetime, "datetime", Clock)
    return Clock


def make_many(clock, count: int) -> list[Path]:
    """Folders a minute apart."""
    made = []
    for _ in range(count):
        clock.at += datetime.timedelta(minutes=1)
        made.append(make_run_folder("demo"))
    return made


def test_folders_lie_below_the_state_directory(tmp_path):
    assert runs_root() == tmp_path / "state" / "runs"
    assert make_run_folder("demo").parent == runs_root()


def test_without_an_override_the_users_state_directory_is_used(monkeypatch, tmp_path):
    monkeypatch.delenv("AMPVIZ_STATE")
    monkeypatch.setattr(rundir, "user_state_dir", lambda name: str(tmp_path / "users" / name))
    assert runs_root() == tmp_path / "users" / "ampviz" / "runs"


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("mnist", "mnist"),
        ("demos/mnist.py:experiment", "mnist-py-experiment"),
        ("/home/me/my models/tree lstm.py", "tree-lstm-py"),
        ("../../etc", "etc"),
        ("..", ""),
    ],
)
def test_a_folder_is_named_by_time_and_target(clock, target, name):
    folder = make_run_folder(target)
    assert folder.name == f"20260304-150607-{name}"
    assert folder.is_dir()


@pytest.mark.parametrize("mask", [0o022, 0o000])
def test_a_folder_is_private_whatever_the_umask(mask):
    before = os.umask(mask)
    try:
        folder = make_run_folder("demo")
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_folders_of_one_second_are_different(clock):
    names = [make_run_folder("demo").name for _ in range(3)]
    assert names == [f"20260304-150607-demo{suffix}" for suffix in ("", "-1", "-2")]


def test_the_newest_recording_is_that_of_the_last_session_that_has_one(clock):
    assert newest_recording() is None
    first, second, _ = make_many(clock, 3)
    for folder in (second, first):
        (folder / RECORDING).touch()
    assert newest_recording() == second / RECORDING


def test_recordings_go_with_their_folders(clock):
    folders = make_many(clock, 20)
    for folder in folders:
        (folder / RECORDING).touch()
    make_many(clock, 5)
    assert sorted(runs_root().glob(f"*/{RECORDING}")) == [folder / RECORDING for folder in folders[5:]]


def test_only_the_newest_twenty_are_kept(clock):
    made = make_many(clock, 25)
    assert sorted(runs_root().iterdir()) == made[-20:]


def test_a_dropped_folder_goes_with_all_it_holds(clock):
    first, *_ = make_many(clock, 1)
    (first / "checkpoint.safetensors").write_bytes(b"x")
    make_many(clock, 20)
    assert not first.exists()


def test_a_session_under_way_keeps_its_folder(clock):
    live, ended, *_ = made = make_many(clock, 20)
    with entered(live, INFO):
        newer = make_many(clock, 5)
        kept = sorted(runs_root().iterdir())
        assert live in kept
        assert ended not in kept
        assert set(newer) < set(kept)
        assert len(kept) <= 21
    make_many(clock, 1)
    assert sorted(runs_root().iterdir())[0] > made[1]


@pytest.mark.parametrize("deep", ["", "deep" * 30])
def test_the_socket_that_a_killed_session_left_keeps_nothing(clock, tmp_path, monkeypatch, deep):
    """It lies in the folder, or elsewhere where the folder's path is too long for one."""
    monkeypatch.setenv("AMPVIZ_STATE", str(tmp_path / "state" / deep))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    killed, *_ = make_many(clock, 1)
    (killed / "session.json").write_bytes(msgspec.json.encode(INFO))
    path = elsewhere / "link" if deep else killed / "link"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    if deep:
        (killed / "link").symlink_to(path)
    make_many(clock, 20)
    assert not killed.exists()
    assert elsewhere.exists() is not bool(deep)


def test_what_is_no_folder_is_left_alone(clock):
    runs_root().mkdir(parents=True)
    note = runs_root() / "0-note.txt"
    note.write_text("mine")
    make_many(clock, 22)
    assert note.read_text() == "mine"


def test_the_folder_of_a_session_that_lives_is_not_dropped(clock):
    (folder,) = make_many(clock, 1)
    with entered(folder, INFO):
        drop_run_folder(folder)
        assert folder.exists()
    drop_run_folder(folder)
    assert not folder.exists()
