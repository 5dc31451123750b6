"""Panes of rows: the cursor under keys, click and wheel; it stays on its row; events are filtered by kind."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.snapshot import Event, InFlight
from ampviz.tui.panes.events import EventPane
from ampviz.tui.panes.flight import FlightPane
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.rows import first_row
from tests.tui.feed import node_stats, snapshot
from tests.tui.terminal import WIDE, terminal

FLYING = tuple(InFlight(key, 1.0) for key in range(60))
HAPPENED = tuple(Event(float(n), ("KNOB", "EPOCH", "LINT")[n % 3], f"event {n}", n) for n in range(30))


@settings(max_examples=100, deadline=None)
@given(count=st.integers(1, 40), room=st.integers(1, 20), cursor=st.integers(0, 39), before=st.integers(0, 50))
def test_the_cursor_is_in_sight_and_the_rows_move_no_further_than_needed(count, room, cursor, before):
    cursor = min(cursor, count - 1)
    first = first_row(count, room, cursor, before)
    assert first <= cursor < first + room
    assert 0 <= first <= max(0, count - room)
    if before <= cursor < before + room and before <= max(0, count - room):
        assert first == before


async def test_a_click_focuses_the_pane_and_chooses_the_row():
    async with terminal(WIDE) as shown:
        queues = shown.app.query_one(QueuePane)
        await shown.press("tab")
        await shown.click(queues, 5, 5)
        assert shown.app.focused is queues
        assert "▸cell" in shown.text
        await shown.click(queues, 5, 12)  # below the last row
        await shown.click(queues, 5, 0)  # on the border
        assert "▸cell" in shown.text


async def test_the_cursor_stays_on_its_row_when_the_rows_change_places():
    async with terminal(WIDE) as shown:
        await shown.press("l", "G", "k")  # by depth: loss cell phi embed words
        assert "▸embed" in shown.text
        await shown.push(nodes=tuple(node_stats(queued_forward=depth) for depth in (0, 9, 3, 4, 5)))
        assert "▸embed" in shown.text
        assert shown.app.selected_node() == "embed"


async def test_rows_that_have_gone_leave_the_cursor_at_their_place():
    async with terminal(WIDE, in_flight=FLYING) as shown:
        pane = shown.app.query_one(FlightPane)
        pane.focus()
        await shown.press("j", "j")
        assert "▸k2 " in shown.text
        await shown.push(in_flight=FLYING[3:])
        assert "▸k5 " in shown.text
        await shown.push(in_flight=())
        await shown.press("j")
        assert pane.cursor == 0


async def test_the_wheel_moves_what_is_seen_and_takes_the_cursor_along():
    async with terminal(WIDE, in_flight=FLYING) as shown:
        pane = shown.app.query_one(FlightPane)
        pane.focus()
        await shown.press("j")
        await shown.wheel(pane, 1)
        assert (pane.first, pane.cursor) == (3, 3)
        await shown.wheel(pane, 40)
        assert pane.first == 60 - pane.room
        assert "k59 " in shown.text
        await shown.wheel(pane, -40)
        assert (pane.first, pane.cursor) == (0, pane.room - 1)


async def test_events_are_scrolled_and_filtered_by_kind():
    async with terminal(WIDE, new_events=HAPPENED) as shown:
        pane = shown.app.query_one(EventPane)
        pane.focus()
        await shown.press("G")
        assert "▸00:00:00 KNOB       event 0" in shown.text
        await shown.press("g", "f", "f")
        assert "EPOCH only" in shown.text
        assert len(pane.row_keys(shown.app.view)) == 10
        assert "▸00:00:28 EPOCH      event 28" in shown.text
        await shown.press("f", "f")
        assert "only" not in shown.text


async def test_newer_events_do_not_move_the_cursor_off_its_event():
    async with terminal(WIDE, new_events=HAPPENED) as shown:
        shown.app.query_one(EventPane).focus()
        await shown.press("j", "j")
        shown.feed.push(snapshot(new_events=(Event(40.0, "KNOB", "a late one"),)))
        await shown.settle()
        assert "▸00:00:27" in shown.text
        assert "a late one" in shown.text


async def test_a_filter_shows_the_rows_that_have_its_words():
    async with terminal(WIDE) as shown:
        await shown.press("slash")
        await shown.write("w1 l")
        assert shown.nodes == ["cell", "loss"]
        assert "2 with /w1 l" in shown.text
        await shown.press("enter", "j")
        assert shown.app.selected_node() == "loss"
        await shown.press("slash", "backspace", "p", "h")
        assert shown.nodes == ["phi"]
        assert shown.app.selected_node() == "phi"
        await shown.press("escape")
        assert len(shown.nodes) == 5
        await shown.press("space")
        assert len(shown.feed.sent) == 1


async def test_a_filter_that_nothing_passes_selects_no_node():
    async with terminal(WIDE) as shown:
        await shown.press("slash", "x", "x", "enter", "b", "j")
        assert shown.nodes == []
        assert shown.feed.sent == []


async def test_the_focused_events_are_filtered():
    async with terminal(WIDE, new_events=HAPPENED) as shown:
        shown.app.query_one(EventPane).focus()
        await shown.press("slash")
        await shown.write("lint 29")
        assert "with /lint 29" in shown.text
        assert "event 29" in shown.text
        assert "event 26" not in shown.text
        assert len(shown.nodes) == 5
