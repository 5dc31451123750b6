"""The terminal that a command was started on: whether there is one, and what to do when it is gone."""

from __future__ import annotations

import os
import stat
import sys


def on_terminal() -> bool:
    """Whether there is one for the UI, which reads from standard input and draws on standard error."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def let_go() -> None:
    """Let the standard streams that lead to a terminal which has hung up lead nowhere: writing to it is an error."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
            os.dup2(null, descriptor)
    os.close(null)
