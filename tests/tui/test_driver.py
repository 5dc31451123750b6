"""Drawing on a terminal that is gone, and on one whose size changes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from types import SimpleNamespace

import pytest
from textual.drivers._writer_thread import WriterThread
from textual.drivers.linux_driver import LinuxDriver

from ampviz.tui.driver import Forgiving, ForgivingDriver

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.fixture
def gone():
    """A terminal whose other end has hung up."""
    master, slave = os.openpty()
    os.close(master)
    with pytest.raises(OSError, match="Input/output"):
        os.write(slave, b"x")
    with contextlib.suppress(OSError), open(slave, "w") as stream:  # closing it writes what is left
        yield stream


def test_writing_on_a_terminal_that_is_gone_is_no_error(gone):
    stream = Forgiving(gone)
    assert stream.write("words") == len("words")
    stream.flush()
    assert stream.fileno() == gone.fileno()


def test_the_thread_that_draws_takes_everything_and_ends_when_told(gone):
    drawing = WriterThread(Forgiving(gone))
    drawing.start()

    def draw() -> None:
        for _ in range(200):
            drawing.write("a frame")
        drawing.stop()

    application = threading.Thread(target=draw, daemon=True)
    application.start()
    application.join(10)
    assert not application.is_alive()
    assert not drawing.is_alive()


def test_the_size_told_last_is_the_newest_also_where_one_signal_interrupts_another(monkeypatch):
    told, sizes = [], [(50, 10), (140, 45)]

    class Resized(ForgivingDriver):
        def __init__(self):
            self._in_band_window_resize, self._loop = False, asyncio.get_running_loop()
            self._app = SimpleNamespace(post_message=lambda event: told.append(tuple(event.size)))

        def _get_terminal_size(self):
            size = sizes.pop(0)
            if sizes:
                signal.raise_signal(signal.SIGWINCH)  # before this one is told
            return size

    async def resize():
        Resized().start_application_mode()
        signal.raise_signal(signal.SIGWINCH)
        for _ in range(4):  # turns of the loop: two would do
            await asyncio.sleep(0)

    monkeypatch.setattr(LinuxDriver, "start_application_mode", lambda driver: None)
    before = signal.getsignal(signal.SIGWINCH)
    try:
        asyncio.run(resize())
    finally:
        signal.signal(signal.SIGWINCH, before)
    assert told == [(50, 10), (140, 45)]
