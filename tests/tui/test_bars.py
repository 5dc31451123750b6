"""The lines above and below the panes: what they say, how they fit, and what a click on them does."""

from __future__ import annotations

import pytest

from ampviz.telemetry.link import Pause
from ampviz.tui.bars import Bar, footer, tabs
from ampviz.tui.keys import KEYS, REPLAY_TABLE
from ampviz.tui.panes.loss import LossPane
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.places import PANES
from tests.tui.terminal import NARROW, WIDE, Terminal, terminal


def words(parts) -> str:
    return "".join(part.words for part in parts)


def place_of(shown: Terminal, bar: str, text: str) -> tuple[Bar, int]:
    """A bar, and the column at which a word on it begins."""
    widget = shown.app.query_one(f"#{bar}", Bar)
    return widget, widget.render().plain.index(text)


def test_tabs_tell_what_is_shown_and_focused_without_colour():
    parts = tabs(PANES, frozenset({"queues", "loss"}), "loss", 200)
    styles = {part.action: part.style for part in parts}
    assert (styles["pane('queues')"], styles["pane('loss')"], styles["pane('graph')"]) == (
        "bold",
        "bold reverse",
        "dim",
    )
    assert words(parts).startswith(" 1 Queues  2 Loss  3 In flight ")


def test_tabs_get_shorter_where_there_is_no_room_and_never_move_with_the_focus():
    everywhere = [words(tabs(PANES, frozenset(), "", width)) for width in (200, 80, 60)]
    assert all(len(line) <= width for line, width in zip(everywhere, (200, 80, 60), strict=True))
    assert everywhere[0].startswith(" 1 Queues  2 Loss  3 In flight  4 Task stream  5 Knobs ")
    assert everywhere[1] == "1 Queues 2 Loss 3 Flight 4 Tasks 5 Knobs 6 Events 7 Stops 8 Graph 9 Node 0 Lints"
    assert everywhere[2] == " 1  2  3  4  5  6  7  8  9  0 "
    for focused in ("graph", "lints"):
        assert words(tabs(PANES, frozenset({focused}), focused, 80)) == everywhere[1]
    focus = [part.words for part in tabs(PANES, frozenset({"graph"}), "graph", 80) if "reverse" in part.style]
    assert focus == ["8 Graph"]


def test_the_footer_says_what_went_wrong_or_the_keys():
    assert words(footer("out of range", KEYS)) == " out of range"
    assert words(footer("", KEYS)).startswith(" space  Pause ")
    assert " [ ]  Keys " in words(footer("", KEYS))


@pytest.mark.parametrize("keys", [KEYS, REPLAY_TABLE], ids=["run", "replay"])
def test_the_footer_has_at_most_seven_short_names_and_fits_in_eighty_columns(keys):
    parts = footer("", keys)
    assert 2 <= len(parts) <= 2 * 7
    assert all(len(part.words) <= 10 for part in parts)
    assert len(words(parts)) <= 80
    assert parts[-1].words == " Help "


async def test_a_click_on_a_tab_is_its_digit():
    async with terminal(WIDE) as shown:
        before = shown.panes
        await shown.click(*place_of(shown, "tabs", "Stops"), 0)
        assert shown.panes == before - {"stops"}
        await shown.click(*place_of(shown, "tabs", "7"), 0)
        assert shown.panes == before


async def test_a_click_on_a_key_is_the_key_and_one_on_a_message_brings_the_keys_back():
    async with terminal() as shown:
        await shown.click(*place_of(shown, "footer", "Pause"), 0)
        assert shown.feed.sent == [Pause(1)]
        shown.app.say("something")
        await shown.settle()
        await shown.click(*place_of(shown, "footer", "something"), 0)
        assert "Pause" in shown.text
        await shown.click(shown.app.query_one("#footer"), NARROW[0] - 1, 0)  # beside the last key
        assert len(shown.feed.sent) == 1


async def test_a_click_on_the_title_of_a_pane_shows_it_alone_and_back():
    async with terminal(WIDE) as shown:
        before = shown.panes
        await shown.click(shown.app.query_one(LossPane), 5, 0)
        assert shown.panes == {"loss"}
        await shown.click(shown.app.query_one(LossPane), 5, 0)
        assert shown.panes == before
        assert not isinstance(shown.app.focused, QueuePane)


async def test_the_tabs_follow_the_focus():
    async with terminal(WIDE) as shown:
        bar = shown.app.query_one("#tabs", Bar)
        reversed_words = [part.words for part in bar._parts if "reverse" in part.style]
        assert reversed_words == [" 1 Queues "]
        await shown.press("tab")
        reversed_words = [part.words for part in bar._parts if "reverse" in part.style]
        assert reversed_words == [" 3 In flight "]
