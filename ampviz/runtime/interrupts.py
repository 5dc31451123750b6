"""Signals that ask a process to end, as calls of a function; uses asyncio."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable


class Interrupts:
    """While active, SIGINT, SIGTERM and SIGHUP call a function of the running loop instead of ending the process.

    A hang-up that was to be ignored, as under nohup, still is.
    """

    def __init__(self, action: Callable[[], None]):
        self._action = action
        hears_hang_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
        self._signals = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hears_hang_up else [])]

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.add_signal_handler(number, self._action)

    def __exit__(self, *exc: object) -> None:
        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.remove_signal_handler(number)
