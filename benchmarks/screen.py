"""A terminal of 140x45 that takes everything at once, with the command line on it."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_PATIENCE_S = 120.0
_ESCAPE = re.compile(r"\x1b\[[0-9;?<>=$]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]")


class Screen:
    """A process on a pseudo-terminal. `text` is what it has drawn since the last key, without escape sequences."""

    def __init__(self, command: Sequence[str], state: str):
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 140, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**environment, "TERM": "xterm-256color", "AMPVIZ_STATE": state},
        )  # fmt: skip
        os.close(slave)
        self.text = ""

    def press(self, key: str) -> None:
        """Type a key; what was drawn before is forgotten."""
        self.text = ""
        os.write(self._master, key.encode())

    def until(self, words: str) -> float:
        """Read until the words have been drawn; the seconds that took. Ends the benchmark if they do not come."""
        start = time.perf_counter()
        while words not in self.text:
            if not self._read():
                sys.exit(f"{words!r} was not drawn, but {self.text[-2000:]}")
        return time.perf_counter() - start

    def rest(self) -> str:
        """What is drawn until the process leaves."""
        while self._read():
            continue
        self.process.wait()
        return self.text

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._master)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], _PATIENCE_S)[0]:
            return False
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # the terminal has no writer any more
            return False
        self.text += _ESCAPE.sub("", data.decode(errors="replace"))
        return bool(data)


@contextmanager
def screen(*command: str) -> Iterator[Screen]:
    """Start `python -m COMMAND` on a terminal, with a run folder to itself; killed if it has not left."""
    with tempfile.TemporaryDirectory() as state:
        opened = Screen(command, state)
        try:
            yield opened
        finally:
            opened.close()
