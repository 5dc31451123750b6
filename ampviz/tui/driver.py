"""Textual's driver for a terminal that may hang up, stop, or change its size faster than it is told."""

from __future__ import annotations

import contextlib
import signal
from typing import IO, Any

from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.geometry import Size


class Forgiving:
    """A stream on which writing never fails: what is drawn on a terminal that is gone is lost, and nothing else."""

    def __init__(self, stream: IO[str]):
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()

    def fileno(self) -> int:
        return self._stream.fileno()


class ForgivingDriver(LinuxDriver):
    """Goes on drawing when the terminal is gone.

    Textual draws in a thread that an error of the terminal would end; then the application would wait for it forever,
    and never hear that it should leave.
    """

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self._file: Any = Forgiving(self._file)

    def start_application_mode(self) -> None:
        """Begin to draw, and to listen for what the terminal says."""
        super().start_application_mode()  # type: ignore[no-untyped-call] # Textual gives this one no types
        signal.signal(signal.SIGWINCH, lambda *_: self._loop.call_soon_threadsafe(self._tell_size))

    def _tell_size(self) -> None:
        """The size as it is now. Textual reads it in the signal's handler, which the next signal may interrupt between
        reading and telling: then the older size is told last, and stays."""
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self._app.post_message(Resize(size, size))

    def _sigcont_application(self, *_: object) -> None:
        """Go on after a stop. One that came without warning (SIGSTOP) has left the thread that reads keys at work: a
        second one would take turns with it, and at the end one of them would wait for a key forever."""
        if self._key_thread is not None and self._key_thread.is_alive():
            self._app.refresh(layout=True)
        else:
            super()._sigcont_application()
