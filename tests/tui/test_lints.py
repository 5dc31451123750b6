"""Lints on the screen: the table, the count in the header, and switching."""

from __future__ import annotations

from ampviz.telemetry.inspection import Lint
from ampviz.telemetry.link import SwitchLint
from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.lint_table import lint_table
from tests.tui.terminal import NARROW, WIDE, terminal

LINTS = (
    Lint(1, "starved worker", "Host more nodes on it.", 0.2),
    Lint(2, "staleness over limit", "Lower max_active_keys.", 4, True, ("embed: 5.9 > 4", "cell: 4.2 > 4")),
    Lint(3, "node never updated", "See whether its output reaches a loss.", 30, on=False),
    Lint(4, "knob past saturation", "Lower max_active_keys.", 4, True, ("max_active_keys: 4→8 gained nothing",)),
)

TABLE = """\
      lint                 limit  found
  1 ● starved worker         0.2  ·
▸ 2 ● staleness over limit     4  ! embed: 5.9 > 4  +1
  3 ○ node never updated      30  switched off
  4 ● knob past saturation     4  ! max_active_keys: 4→8 gained n…
2: Lower max_active_keys.
   ! embed: 5.9 > 4
   ! cell: 4.2 > 4"""

LOW = """\
      lint                 limit  found
  3 o node never updated      30  switched off
> 4 * knob past saturation     4  ! max_active_keys: 4->8 gained n
4: Lower max_active_keys.
   ! max_active_keys: 4->8 gained nothing"""


def shown(*args) -> str:
    return "\n".join(line.rstrip() for line in lint_table(LINTS, *args).plain.split("\n"))


def test_the_table_looks_like_this():
    assert shown(66, 9, 1, 0, UNICODE) == TABLE


def test_a_low_table_keeps_the_advice_in_sight_and_can_be_ascii():
    assert shown(66, 5, 3, 2, ASCII) == LOW


def test_no_lints_no_table():
    assert lint_table((), 40, 5, 0, 0, ASCII).plain == "      lint limit  found"


async def test_enter_switches_the_lint_under_the_cursor():
    for size in (NARROW, WIDE):
        async with terminal(size, lints=LINTS) as screen:
            await screen.press("0")
            assert "staleness over limit" in screen.text
            await screen.press("j", "enter", "j", "enter")
            assert screen.feed.sent == [SwitchLint(1, 2, on=False), SwitchLint(2, 3, on=True)]
            assert "3: See whether its output reaches a loss." in screen.text


async def test_the_header_counts_the_lints_that_have_found_something():
    async with terminal(WIDE, lints=LINTS) as screen:
        assert "! 2 lints" in screen.text.split("\n")[0]
        await screen.push(lints=LINTS[:2])
        assert "! 1 lint " in screen.text.split("\n")[0]
        await screen.push(lints=LINTS[:1])
        assert "lint" not in screen.text.split("\n")[0]


async def test_there_is_nothing_to_switch_before_the_first_snapshot():
    async with terminal(silent=True) as screen:
        await screen.press("0", "enter")
        assert screen.feed.sent == []
