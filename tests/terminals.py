"""Real pseudo-terminals with the command on them."""

from __future__ import annotations

import select
import signal
from contextlib import ExitStack, closing, contextmanager

from benchmarks.screen import Screen

DEADLINE_S = 30


class Terminal(Screen):
    """The command on a pseudo-terminal."""

    def __init__(self, *arguments, **size):
        super().__init__("ampviz", *arguments, **size, patience=DEADLINE_S)

    def read(self):
        """Read what has been drawn by now; whether there is still something that draws."""
        while select.select([self.master], [], [], 0)[0]:
            if not self._read():
                return False
        return True

    def resize(self, columns, rows):
        self.shape(columns, rows)
        self.process.send_signal(signal.SIGWINCH)


@contextmanager
def terminals():
    """Opens terminals, with the command's arguments and a size, and closes them all at the end."""
    with ExitStack() as opened:
        yield lambda *arguments, **size: opened.enter_context(closing(Terminal(*arguments, **size)))
