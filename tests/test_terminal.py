"""The command in a real pseudo-terminal: watch, pause, step, retune, and leave with the state saved."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.runtime.models import target

DEADLINE_S = 30
_ESCAPE = re.compile(r"\x1b\[[0-9;?<>=$]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]")


class Terminal:
    """A process on a pseudo-terminal. `until` reads what it draws, without the escape sequences."""

    def __init__(self, arguments, columns=140, rows=45):
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ampviz", *arguments],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**environment, "TERM": "xterm-256color"},
        )  # fmt: skip
        os.close(slave)
        self.text = ""

    def press(self, keys):
        self.text = ""
        os.write(self.master, keys.encode())

    def until(self, words):
        """Read until the words have been drawn since the last key; raises with what was drawn instead."""
        end = time.monotonic() + DEADLINE_S
        while words not in self.text:
            if time.monotonic() > end or not self._read():
                raise AssertionError(f"{words!r} was not drawn: {self.text[-3000:]}")

    def read(self):
        """Read what has been drawn by now; whether there is still something that draws."""
        while select.select([self.master], [], [], 0)[0]:
            if not self._read():
                return False
        return True

    def resize(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def exit_code(self):
        """Read to the end; how the process ended."""
        while self._read():
            continue
        return self.process.wait(DEADLINE_S)

    def _read(self):
        if not select.select([self.master], [], [], DEADLINE_S)[0]:
            raise AssertionError(f"nothing more is drawn after {self.text[-3000:]}")
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return False
        self.text += _ESCAPE.sub("", data.decode(errors="replace"))
        return bool(data)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal(nothing_left_behind):
    opened = []

    def start(*arguments, **size):
        opened.append(Terminal(arguments, **size))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


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
