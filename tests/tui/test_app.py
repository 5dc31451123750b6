"""The application: what it shows at each size, panes and view under the keys, the end of a session."""

from __future__ import annotations

import pytest

from ampviz.telemetry.link import Finished, Pause
from ampviz.telemetry.snapshot import Event, Status
from ampviz.tui.dialogs import HelpDialog, StopDialog
from ampviz.tui.keys import KEYS
from ampviz.tui.pane import Pane
from tests.tui.feed import epoch_report, knob_event, node_stats, points
from tests.tui.terminal import HUGE, NARROW, WIDE, terminal

OVERVIEW = {"queues", "loss", "knobs"}
ALL = {"queues", "loss", "flight", "workers", "knobs", "events", "stops"}
DIGITS = pytest.mark.parametrize(
    ("digit", "name"),
    list(zip("1234567", ["queues", "loss", "flight", "workers", "knobs", "events", "stops"], strict=True)),
)
BUSY = {
    "new_points": points(1.0, 0.5),
    "new_epochs": (epoch_report(1),),
    "new_events": (knob_event(), Event(9.0, "EPOCH", "1 done 8→16", 1000)),
}


@pytest.mark.parametrize("size", [(60, 15), NARROW, WIDE, HUGE], ids=str)
async def test_the_panes_that_fit_are_shown_with_their_text(size):
    async with terminal(size, **BUSY) as shown:
        text = shown.text
        assert shown.panes == (ALL if size[0] >= 120 else OVERVIEW if size[1] >= 20 else OVERVIEW - {"knobs"})
        everywhere = ["ampviz listred", "▶ RUN", "epoch 2/10", "Pause"]
        everywhere += ["max_active_keys [ 8 ]", "validate [ on ]"] if size[1] >= 20 else []
        narrow = ["cell", "instances", "in flight 3", "312 inst/s"] if size[0] >= 80 else []
        wide = ["k17", "4121", "1 done 8→16", "valid 0.500", "A 900 mak 4 to 8"] if size[0] >= 120 else []
        assert [words for words in everywhere + narrow + wide if words not in text] == []
        assert all(len(line) <= size[0] for line in text.split("\n"))


async def test_before_the_first_snapshot_the_screen_says_it_is_warming_up():
    async with terminal(silent=True) as shown:
        await shown.press("right_square_bracket", "m", "space")
        assert "WARMING UP" in shown.text
        assert shown.feed.sent == [Pause(1)]


async def test_an_ascii_screen_has_only_ascii_characters():
    async with terminal(WIDE, ascii_only=True, **BUSY) as shown:
        assert shown.text.isascii()
        assert "1 done 8->16" in shown.text


@pytest.mark.parametrize(
    ("finished", "status", "words"),
    [
        (Finished(0, "", {}), "FINISHED", "the run has ended: q leaves"),
        (Finished(3, "cell: shape [3, 4] [/b]", {}), "FINISHED", "cell: shape [3, 4] [/b]"),
        (None, "LOST", "the link to the session was lost: q leaves"),
    ],
)
async def test_the_end_is_shown_until_it_is_left(finished, status, words):
    async with terminal() as shown:
        await shown.push(status=Status.FINISHED)
        shown.feed.end(finished)
        await shown.settle()
        assert status in shown.text
        assert words in shown.text
        await shown.press("space")
        assert "the link was lost" in shown.text
        await shown.pilot.press("q")
        assert shown.app.return_value == finished
        assert not shown.app.is_running


@DIGITS
async def test_a_digit_shows_a_pane_alone_on_a_narrow_screen(digit, name):
    async with terminal() as shown:
        await shown.press(digit)
        assert shown.panes == {name}
        await shown.press(digit)
        assert shown.panes == OVERVIEW
        await shown.press(digit, "escape")
        assert shown.panes == OVERVIEW


@DIGITS
async def test_a_digit_hides_a_pane_on_a_wide_screen(digit, name):
    async with terminal(WIDE) as shown:
        await shown.press(digit)
        assert shown.panes == ALL - {name}
        await shown.press(digit)
        assert shown.panes == ALL


async def test_the_graph_is_beside_the_panes_and_shown_by_its_digit():
    async with terminal(WIDE) as shown:
        await shown.press("8")
        assert shown.panes == ALL | {"graph"}
        await shown.press("8")
        assert shown.panes == ALL
        await shown.press("8", "escape")
        assert shown.panes == ALL
    async with terminal() as shown:
        await shown.press("8")
        assert shown.panes == {"graph"}
        await shown.press("8")
        assert shown.panes == OVERVIEW


async def test_hidden_panes_come_back_with_escape():
    async with terminal(WIDE) as shown:
        await shown.press("1", "3", "4", "7")
        assert shown.panes == {"loss", "events", "knobs"}
        await shown.press("2", "6")
        assert shown.panes == {"knobs"}
        await shown.press("escape")
        assert shown.panes == ALL


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=str)
async def test_the_focused_pane_is_maximised_and_back(size):
    async with terminal(size) as shown:
        before = shown.panes
        await shown.press("tab", "F")
        assert len(shown.panes) == 1
        assert shown.panes < before - {"queues"}
        (pane,) = (shown.app.query_one(f"#{name}") for name in shown.panes)
        assert pane.region.width == size[0]
        assert pane.region.height == size[1] - 3
        await shown.press("F")
        assert shown.panes == before


async def test_a_frozen_view_stands_still_until_it_is_thawed():
    async with terminal() as shown:
        await shown.press("p")
        assert "PAUSED (view)" in shown.text
        before = shown.text
        await shown.push(epoch=7)
        assert shown.text == before
        await shown.press("j", "k")
        assert shown.text == before
        await shown.press("p")
        assert "epoch 7/10" in shown.text
        assert "PAUSED" not in shown.text


async def test_the_queues_are_sorted_inverted_and_walked():
    stats = tuple(node_stats(queued_forward=depth) for depth in (1, 4, 2, 5, 3))
    async with terminal(nodes=stats) as shown:
        assert shown.nodes == ["words", "embed", "phi", "cell", "loss"][: len(shown.nodes)]
        await shown.press("1", "l")
        assert shown.nodes == ["cell", "embed", "loss", "phi", "words"]
        assert "sort depth" in shown.text
        await shown.press("i")
        assert shown.nodes == ["words", "phi", "loss", "embed", "cell"]
        assert "sort depth inverted" in shown.text
        await shown.press("j", "down", "j", "k", "j", "j", "j", "j")
        assert "▸cell" in shown.text
        await shown.press("up", "k")
        assert "▸loss" in shown.text
        await shown.press("g")
        assert "▸words" in shown.text
        await shown.press("G", "k")
        assert "▸embed" in shown.text
        await shown.press("h", "h", "h", "h")
        assert "sort graph inverted" in shown.text


async def test_the_loss_axis_and_its_smoothing_change():
    async with terminal(**BUSY) as shown:
        assert "smooth 0.9" in shown.text
        smoothings = []
        for _ in range(4):
            await shown.press("z")
            smoothings.append(shown.app.view.smoothing)
            assert f"smooth {smoothings[-1]:g}" in shown.text
        assert sorted(smoothings) == [0.0, 0.6, 0.9, 0.98]
        await shown.press("y")
        assert "smooth 0.9  log" in shown.text
        await shown.press("y")
        assert "log" not in shown.text


async def test_a_knob_change_is_marked_in_chart_and_events():
    async with terminal(WIDE, **BUSY) as shown:
        loss, events = (shown.app.query_one(f"#{name}") for name in ("loss", "events"))
        for pane, words in ((loss, "A 900 mak 4 to 8"), (loss, "┆"), (events, "KNOB       A max_active_keys 4 to 8")):
            assert words in pane.render().plain
            assert words in shown.text


async def test_the_help_lists_the_keys_and_q_closes_it():
    async with terminal(HUGE) as shown:
        await shown.press("question_mark")
        assert isinstance(shown.app.screen, HelpDialog)
        text = shown.text
        assert [key.help for key in KEYS if key.help not in text] == []
        await shown.press("q")
        assert not isinstance(shown.app.screen, HelpDialog | StopDialog)
        await shown.press("question_mark", "escape", "space")
        assert shown.feed.sent == [Pause(1)]


async def test_a_terminal_that_is_too_small_says_so_and_recovers():
    async with terminal((50, 10)) as shown:
        assert "the terminal is too small" in shown.text
        assert "60x15 needed, have 50x10" in shown.text
        assert shown.panes == set()
        await shown.pilot.resize_terminal(*NARROW)
        await shown.settle()
        assert shown.panes == OVERVIEW
        assert "too small" not in shown.text
        await shown.pilot.resize_terminal(80, 14)
        await shown.settle()
        assert "60x15 needed, have 80x14" in shown.text
        await shown.pilot.resize_terminal(*WIDE)
        await shown.settle()
        assert shown.panes == ALL


async def test_while_a_run_just_goes_on_frames_keep_their_distance_until_somebody_asks_for_something():
    async with terminal(frame_s=1000.0, epoch=2) as shown:
        await shown.push(epoch=3)
        assert "epoch 2/10" in shown.text
        await shown.push(epoch=4, status=Status.PAUSED)
        assert "epoch 4/10" in shown.text
        await shown.push(epoch=5)
        assert "epoch 4/10" in shown.text
        await shown.press("space")
        await shown.push(epoch=6)
        assert "epoch 6/10" in shown.text


async def test_a_pane_that_looks_as_before_is_not_drawn_again():
    async with terminal(WIDE, **BUSY) as shown:
        drawn = []
        for pane in shown.app.query(Pane):
            pane.render = lambda pane=pane, render=pane.render: (drawn.append(pane.id), render())[1]
        await shown.push()
        drawn.clear()
        await shown.push()
        assert "knobs" not in drawn
        assert "stops" not in drawn
        await shown.press("m", "escape")
        await shown.push(knobs={"max_active_keys": 9, "validate": True})
        assert "knobs" in drawn
