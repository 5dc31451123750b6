"""The command in a real pseudo-terminal: watch, pause, step, retune, and leave with the state saved."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.runtime.models import target
from tests.terminals import terminals


@pytest.fixture
def terminal(nothing_left_behind):
    with terminals() as start:
        yield start


def test_watch_pause_step_retune_and_leave(terminal):
    screen = terminal("run", target("endless"))
    screen.until("RUN")
    screen.until("inst/s")
    screen.press(" ")
    screen.until("PAUSED")
    screen.press("s")
    screen.until("last step")
    screen.press("]")
    screen.until("max_active_keys 4→5")
    screen.press(" ")
    screen.until("RUN")
    screen.press("q")
    screen.until("Stop the run?")
    screen.press("s")
    screen.until("ampviz resume")
    assert screen.exit_code() == 130
    assert list(Path(os.environ["AMPVIZ_STATE"]).glob("runs/*/checkpoint.safetensors"))
    assert not list(Path(os.environ["AMPVIZ_STATE"]).glob("runs/*/link"))


def test_a_run_that_fails_says_why_on_screen_and_after(terminal):
    screen = terminal("run", target("breaking"))
    screen.until("FAILED")
    screen.press("q")
    screen.until("cannot stomach this row")
    assert screen.exit_code() == 1


def test_wrong_usage_never_touches_the_screen(terminal):
    screen = terminal("run", "mnst")
    screen.until("did you mean mnist?")
    assert "\x1b" not in screen.text
    assert screen.exit_code() == 2


def test_a_theme_that_there_is_not_starts_no_session(terminal, monkeypatch):
    monkeypatch.setenv("AMPVIZ_THEME", "amviz")
    screen = terminal("run", target("endless"))
    screen.until("did you mean ampviz")
    assert screen.exit_code() == 2
    assert not list(Path(os.environ["AMPVIZ_STATE"]).glob("runs/*/session.json"))
