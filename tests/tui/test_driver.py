"""Drawing on a terminal that is gone."""

from __future__ import annotations

import contextlib
import os
import threading

import pytest
from textual.drivers._writer_thread import WriterThread

from ampviz.tui.driver import Forgiving

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
