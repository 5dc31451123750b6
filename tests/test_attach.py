"""Leaving a run and coming back, in real pseudo-terminals: detach, attach, suspend, hang up, be killed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from ampviz.listed import Listed, listed
from tests.runtime.models import target
from tests.terminals import DEADLINE_S, Terminal, terminals
from tests.test_sessions import ended, gone, until

pytestmark = pytest.mark.slow

RUN = ("run", target("endless"), "--backend", "inline")


def runs() -> Path:
    return Path(os.environ["AMPVIZ_STATE"]) / "runs"


def only() -> Listed:
    """The one session that there is."""
    (one,) = listed(runs())
    return one


def goes_on() -> None:
    """The session trains, now and later."""
    epoch = only().epoch
    until(lambda: only().status == "running" and only().epoch > epoch)


def stopped(screen: Terminal) -> bool:
    """Whether the process on this terminal is stopped; reads what it draws until then."""
    screen.read()
    state = Path(f"/proc/{screen.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "T"


@pytest.fixture
def terminal(nothing_left_behind):
    """Opens terminals, closes them, and ends the sessions that go on without one."""
    with terminals() as start:
        yield start
    for session in listed(runs()):
        if not gone(session.pid):
            os.kill(session.pid, signal.SIGKILL)
            ended(session.pid)


def test_a_run_that_is_detached_from_goes_on_and_is_found_paused_again_and_stopped(terminal):
    screen = terminal(*RUN)
    screen.until("inst/s")
    screen.press("D")
    screen.until("it goes on; look at it with: ampviz attach ")
    assert screen.exit_code() == 0
    goes_on()
    looking = terminal("attach")
    looking.until("RUN (READ-ONLY)")
    looking.press(" ")
    looking.until("read-only: press C to take control")
    steering = terminal("attach", only().id[:-1], "--control", columns=80, rows=24)
    steering.until("RUN")
    assert only().viewers == 2
    steering.press(" ")
    looking.until("PAUSED (run, READ-ONLY)")
    steering.press("q")
    steering.until("Stop the run?")
    steering.press("s")
    assert steering.exit_code() == 130
    assert "ampviz resume" in steering.text
    looking.until("INTERRUPTED")
    looking.press("q")
    assert looking.exit_code() == 130
    assert (only().status, only().exit) == ("interrupted", 130)
    ended(only().pid)


def test_a_suspended_viewer_comes_back_to_a_run_that_did_not_wait(terminal):
    screen = terminal(*RUN)
    screen.until("inst/s")
    screen.press("\x1a")
    until(lambda: stopped(screen))
    goes_on()
    screen.text = ""
    os.kill(screen.process.pid, signal.SIGCONT)
    screen.until("inst/s")
    screen.press(" ")
    screen.until("PAUSED")
    screen.press("qn")
    assert screen.exit_code() == 130


def hang_up(screen: Terminal) -> int:
    """Take the terminal away and say so; the exit code."""
    os.close(screen.master)
    screen.master = os.open(os.devnull, os.O_RDWR)
    os.kill(screen.process.pid, signal.SIGHUP)
    return screen.process.wait(DEADLINE_S)


def test_a_hang_up_detaches_a_viewer_and_stops_the_run_of_a_terminal(terminal):
    screen = terminal(*RUN)
    screen.until("inst/s")
    looking = terminal("attach")
    looking.until("inst/s")
    assert hang_up(looking) == 0
    goes_on()
    assert hang_up(screen) == 130
    assert only().status == "interrupted"
    assert (Path(only().folder) / "checkpoint.safetensors").exists()


def test_a_hang_up_saves_a_run_without_the_ui_too(terminal):
    screen = terminal(*RUN, "--headless")
    screen.until("epoch 2/")
    assert hang_up(screen) == 130
    assert only().status == "interrupted"
    assert (Path(only().folder) / "checkpoint.safetensors").exists()


def test_a_killed_viewer_leaves_the_run_alone(terminal):
    screen = terminal(*RUN)
    screen.until("inst/s")
    screen.process.kill()
    screen.exit_code()
    goes_on()
    assert only().viewers == 0


def test_a_session_that_is_killed_is_lost_on_the_screen_and_an_error_after(terminal):
    screen = terminal(*RUN)
    screen.until("inst/s")
    os.kill(only().pid, signal.SIGKILL)
    screen.until("LOST")
    screen.press("q")
    screen.until("the session ended without a word")
    assert screen.exit_code() == 1


def losses(screen: Terminal) -> list[float]:
    """Those of training that the header has shown; reads what has been drawn by now."""
    assert screen.read(), screen.text[-3000:]
    return [float(loss) for loss in re.findall(r"train (\d+\.\d{3})", screen.text)]


def test_a_whole_session_from_the_first_look_to_the_end(terminal):
    screen = terminal("run", "listred", "--workers", "2", "--max-active-keys", "4", "--epochs", "1000")
    until(lambda: losses(screen))
    until(lambda: losses(screen)[-1] < 0.9 * losses(screen)[0])
    screen.press(" ")
    screen.until("PAUSED (run)")
    screen.press("s")
    screen.until("last step")
    screen.press("]")
    screen.until("max_active_keys 4→5")
    screen.press(" ")
    screen.until("RUN")
    screen.press("D")
    screen.until("it goes on")
    assert screen.exit_code() == 0
    back = terminal("attach", "--control", columns=80, rows=24)
    back.until("RUN")
    back.press("6")
    back.until("max_active_keys 4→5")
    back.press("q")
    back.until("Stop the run?")
    back.press("s")
    assert back.exit_code() == 130
    ended(only().pid)


def test_a_terminal_that_shrinks_to_nothing_and_back_is_drawn_again(terminal):
    screen = terminal(*RUN)
    screen.until("inst/s")
    for columns, rows in ((50, 10), (1, 1), (0, 0), (2, 40), (200, 1)):
        screen.resize(columns, rows)
        screen.read()
    screen.press("")
    screen.resize(140, 45)
    screen.until("In flight")
    screen.press(" ")
    screen.until("PAUSED (run)")
    screen.press("qn")
    assert screen.exit_code() == 130


def test_a_stopped_viewer_does_not_hold_up_the_run_and_catches_up_later(terminal):
    screen = terminal(*RUN)
    screen.until("inst/s")
    screen.process.send_signal(signal.SIGSTOP)
    until(lambda: stopped(screen))
    goes_on()
    goes_on()
    screen.press("")
    screen.process.send_signal(signal.SIGCONT)
    screen.until("inst/s")
    screen.press(" ")
    screen.until("PAUSED (run)")
    screen.press("qn")
    assert screen.exit_code() == 130
