"""`ampviz replay`: what it refuses, in one line. What it shows is in tests/tui/test_replay.py."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from ampviz.cli import main
from tests.telemetry.samples import snapshot, write


@pytest.fixture
def on_a_terminal(monkeypatch):
    monkeypatch.setattr("ampviz.commands.replay.on_terminal", lambda: True)


def refusal(capsys, *arguments: str) -> str:
    assert main(["replay", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_without_a_recording(capsys):
    assert "there is no recording" in refusal(capsys)
    assert "no such file" in refusal(capsys, "absent")


def test_without_a_terminal(capsys, tmp_path):
    path = write(tmp_path / "run.ampviz", snapshot())
    assert "needs a terminal" in refusal(capsys, str(path))


@pytest.mark.usefixtures("on_a_terminal", "nothing_left_behind")
def test_what_is_no_recording(capsys, tmp_path):
    path = tmp_path / "run.ampviz"
    path.write_text("mine")
    assert "not a recording" in refusal(capsys, str(path))
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table a (b)")
    assert "an SQLite file, but not a recording" in refusal(capsys, str(path))
    path.unlink()
    write(path, *(snapshot(float(number)) for number in range(500)))
    path.write_bytes(path.read_bytes()[:-5000])
    assert "cut off" in refusal(capsys, str(path))
    path.unlink()
    write(path, snapshot())
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("update meta set value = 99 where key = 'format'")
    assert "another version (expected 2, got 99)" in refusal(capsys, str(path))
