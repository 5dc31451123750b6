"""The graph pane in the application: shown by its digit, zoomed and scrolled by its keys, following the work."""

from __future__ import annotations

import pytest

from ampviz.telemetry.snapshot import Status
from ampviz.tui.diagram import Zoom
from ampviz.tui.panes.graph import FRAMES, GraphPane
from ampviz.tui.panes.queues import QueuePane
from tests.tui.feed import KNOBS, NODES, node_stats
from tests.tui.terminal import HUGE, NARROW, WIDE, Terminal, terminal

SMALL = (60, 15)
SLOW = KNOBS | {"slow_motion": 0.5}
IDLE = tuple(node_stats() for _ in NODES)


def pane(shown: Terminal) -> GraphPane:
    return shown.app.query_one(GraphPane)


def zoom(shown: Terminal) -> Zoom:
    return pane(shown).zoom(shown.app.view.info)


@pytest.mark.parametrize("size", [SMALL, NARROW, WIDE, HUGE], ids=str)
async def test_the_graph_is_drawn_with_its_queues(size):
    async with terminal(size) as shown:
        await shown.press(*(["8", "F"] if size[0] >= 120 else ["8"]))
        assert shown.panes == {"graph"}
        assert all(node.name in shown.text for node in NODES)
        assert "cell  3↓]" in shown.text or "▼3" in shown.text


async def test_an_ascii_screen_has_an_ascii_graph():
    async with terminal(WIDE, ascii_only=True) as shown:
        await shown.press("8")
        assert "8 Graph" in shown.text
        assert shown.text.isascii()


async def test_the_digit_gives_the_focus_and_takes_it_back():
    async with terminal(WIDE) as shown:
        await shown.press("8")
        assert shown.app.focused is pane(shown)
        await shown.press("j", "l")
        assert shown.app.view.sort == "graph"
        await shown.press("8")
        assert isinstance(shown.app.focused, QueuePane)
        await shown.press("l")
        assert shown.app.view.sort == "depth"


async def test_the_zoom_is_what_fits_until_a_key_sets_it():
    async with terminal(NARROW) as shown:
        await shown.press("8")
        assert zoom(shown) is Zoom.NORMAL
        await shown.pilot.resize_terminal(80, 40)
        await shown.settle()
        assert zoom(shown) is Zoom.DETAILED
        assert "detailed" in shown.text
        assert "Lookup" in shown.text
        await shown.press("minus", "minus", "minus")
        assert zoom(shown) is Zoom.COMPACT
        assert "embed   1↓]" in shown.text
        await shown.press("plus")
        assert zoom(shown) is Zoom.NORMAL
        await shown.press("plus", "plus", "r")
        assert zoom(shown) is Zoom.DETAILED


async def test_a_graph_that_does_not_fit_is_scrolled_to_its_ends_and_not_further():
    async with terminal(SMALL) as shown:
        await shown.press("8", "plus", "plus")
        assert zoom(shown) is Zoom.DETAILED
        assert "words" in shown.text
        assert "loss" not in shown.text
        await shown.press(*["j"] * 12)
        assert "loss" in shown.text
        assert "words" not in shown.text
        bottom = shown.text
        await shown.press("down", "h", "right")
        assert shown.text == bottom
        await shown.press(*["k"] * 12)
        assert "words" in shown.text


async def test_a_paused_graph_follows_the_next_message():
    stats = tuple(node_stats(queued_forward=1) for _ in NODES)
    async with terminal(SMALL, nodes=stats) as shown:
        await shown.press("8", "plus", "plus")
        await shown.push(status=Status.PAUSED, nodes=stats, next=("loss.F key=17", ""), stepped="cell.F key=17")
        assert "▸loss" in shown.text
        assert "last cell.F key=17" in shown.text


async def test_a_message_moves_along_its_wire_and_rests_in_front_of_its_node():
    async with terminal(NARROW, nodes=IDLE, knobs=SLOW) as shown:
        await shown.press("8", "minus")
        graph_pane = pane(shown)
        later = (IDLE[0], IDLE[1], node_stats(forward=1), node_stats(queued_forward=1), IDLE[4])
        graph_pane.show(shown.app.view, shown.app.glyphs)
        assert "●" not in shown.text
        await shown.push(nodes=later, knobs=SLOW)
        for _ in range(FRAMES + 1):
            graph_pane.advance()
        await shown.settle()
        lines = [line for line in shown.text.split("\n") if line.strip()]
        (row,) = [index for index, line in enumerate(lines) if "●" in line]
        assert "phi" in lines[row - 1]
        assert "cell  1↓]" in lines[row + 1]
        await shown.push(nodes=later)
        assert "●" not in shown.text


async def test_before_the_first_snapshot_the_keys_do_nothing():
    async with terminal(silent=True) as shown:
        await shown.press("8", "j", "plus", "r")
        assert "warming up" in shown.text
