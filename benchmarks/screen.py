"""A terminal that takes everything at once, with a program on it."""

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
from collections.abc import Iterator
from contextlib import closing, contextmanager

_ESCAPE = re.compile(r"\x1b\[[0-9;?<>=$]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b[=>]")


class Screen:
    """`python -m COMMAND` on a pseudo-terminal. `text` is what it has drawn since the last key, without escapes.

    What waits for the process raises TimeoutError, with what was drawn instead, after `patience` seconds.
    """

    def __init__(self, *command: str, columns: int = 140, rows: int = 45, patience: float = 600.0, **variables: str):
        self.patience = patience
        self.master, slave = os.openpty()
        self.shape(columns, rows)
        environment = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**environment, "TERM": "xterm-256color", **variables},
        )  # fmt: skip
        os.close(slave)
        self.text = ""

    def shape(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        """Type; what was drawn before is forgotten."""
        self.text = ""
        os.write(self.master, keys.encode())

    def until(self, words: str) -> float:
        """Read until the words have been drawn; the seconds that took."""
        start = time.perf_counter()
        while words not in self.text:
            if time.perf_counter() > start + self.patience or not self._read():
                raise TimeoutError(f"{words!r} was not drawn, but {self.text[-3000:]}")
        return time.perf_counter() - start

    def exit_code(self) -> int:
        """Read to the end; how the process ended."""
        while self._read():
            continue
        return self.process.wait(self.patience)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def _read(self) -> bool:
        if not select.select([self.master], [], [], self.patience)[0]:
            raise TimeoutError(f"nothing more is drawn after {self.text[-3000:]}")
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:  # the terminal has no writer any more
            return False
        self.text += _ESCAPE.sub("", data.decode(errors="replace"))
        return bool(data)


@contextmanager
def screen(*command: str) -> Iterator[Screen]:
    """Start a command on a terminal of 140x45, with a run folder to itself; killed if it has not left."""
    with tempfile.TemporaryDirectory() as state, closing(Screen(*command, AMPVIZ_STATE=state)) as opened:
        yield opened
