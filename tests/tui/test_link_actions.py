"""The application and its link: read-only until control is taken, detached, lost and found again, suspended."""

from __future__ import annotations

import os
import signal

import pytest

from ampviz.telemetry.link import READ_ONLY, Finished, Pause, SetKnob, TakeControl
from ampviz.telemetry.snapshot import Status
from ampviz.tui.dialogs import StopDialog
from tests.tui.feed import epoch_report, points
from tests.tui.terminal import NARROW, WIDE, terminal


async def test_a_refused_key_of_a_read_only_viewer_says_which_key_takes_control():
    async with terminal(read_only=True) as shown:
        assert "RUN (READ-ONLY)" in shown.text
        shown.feed.refusal = READ_ONLY
        await shown.press("space")
        assert "read-only: press C to take control" in shown.text
        await shown.press("m", "enter")
        assert shown.text.count("read-only: press C to take control") >= 1
        assert shown.feed.sent == [Pause(1), SetKnob(2, "min_update_interval", "")]


async def test_control_is_asked_for_and_shown_once_granted():
    async with terminal(read_only=True) as shown:
        shown.feed.refusal = "not now"
        await shown.press("C")
        assert "not now" in shown.text
        assert "READ-ONLY" in shown.text
        shown.feed.refusal = ""
        await shown.press("C")
        assert "this viewer has control now" in shown.text
        assert "READ-ONLY" not in shown.text
        await shown.press("C")
        assert shown.feed.sent == [TakeControl(1), TakeControl(2)]


@pytest.mark.parametrize("keys", [["D"], ["q", "d"], ["q", "down", "enter"]], ids="".join)
async def test_detaching_leaves_and_asks_nothing_of_the_session(keys):
    async with terminal() as shown:
        await shown.pilot.press(*keys)
        assert not shown.app.is_running
        assert shown.app.detached
        assert shown.app.return_value is None
        assert shown.feed.sent == []


async def test_a_read_only_viewer_leaves_without_a_question():
    async with terminal(read_only=True) as shown:
        await shown.pilot.press("q")
        assert not shown.app.is_running
        assert shown.app.detached


async def test_a_session_that_has_ended_cannot_be_detached_from():
    async with terminal() as shown:
        shown.feed.end(Finished(0, "", {}))
        await shown.settle()
        await shown.pilot.press("D")
        assert shown.app.return_value == Finished(0, "", {})
        assert not shown.app.detached


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=str)
async def test_a_lost_link_is_shown_until_it_is_back_with_the_whole_history(size):
    async with terminal(size, new_points=points(1.0, 0.5), new_epochs=(epoch_report(1),)) as shown:
        await shown.press("y")
        shown.feed.link(False)
        await shown.settle()
        assert "LOST" in shown.text
        assert "the link to the session was lost: connecting again" in shown.text
        shown.feed.link(True)
        await shown.push(new_points=points(1.0, 0.5, 0.25), new_epochs=(epoch_report(1), epoch_report(2)))
        assert "RUN" in shown.text
        assert "lost" not in shown.text
        assert shown.app.view.past.points == list(points(1.0, 0.5, 0.25))
        assert [report.epoch for report in shown.app.view.past.epochs] == [1, 2]
        assert shown.app.view.log_scale


async def test_a_run_can_be_left_while_its_link_is_lost():
    async with terminal() as shown:
        shown.feed.link(False)
        await shown.pilot.press("q")
        assert not shown.app.is_running
        assert not shown.app.detached


async def test_a_paused_run_is_paused_after_the_link_was_lost():
    async with terminal(status=Status.PAUSED) as shown:
        shown.feed.link(False)
        shown.feed.link(True)
        await shown.push(status=Status.PAUSED)
        assert "PAUSED" in shown.text
        await shown.press("q")
        assert isinstance(shown.app.screen, StopDialog)


async def test_control_z_suspends_the_viewer_alone(monkeypatch):
    sent = []
    async with terminal() as shown:
        monkeypatch.setattr(type(shown.app._driver), "can_suspend", True)
        monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
        await shown.press("m", "ctrl+z")
        assert sent == [(os.getpid(), signal.SIGTSTP)]
        assert shown.feed.sent == []
