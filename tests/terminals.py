"""Real pseudo-terminals with the command on them."""

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
from contextlib import ExitStack, closing, contextmanager

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


@contextmanager
def terminals():
    """Opens terminals, with the command's arguments and a size, and closes them all at the end."""
    with ExitStack() as opened:
        yield lambda *arguments, **size: opened.enter_context(closing(Terminal(arguments, **size)))
