"""Breakpoints on the screen: what a line asks for, how they are listed, and what the keys send."""

from __future__ import annotations

import pytest

from ampviz.errors import UsageError
from ampviz.telemetry.inspection import Breakpoint
from ampviz.telemetry.link import Hold, RemoveBreakpoint, SetBreakpoint, Step, StepGoal
from ampviz.telemetry.snapshot import NodeInfo, Status
from ampviz.tui.dialogs import BreakpointDialog
from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.stops import asked, stop_lines
from tests.tui.feed import node_stats, session_info
from tests.tui.terminal import NARROW, WIDE, terminal

KNOWN = (
    Breakpoint(1, "cell.B:0 if staleness > 8", hits=12),
    Breakpoint(2, "embed.U", pause=False, enabled=False),
    Breakpoint(4, "valid_loss < 0.4", watch=True),
)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        (" cell.F ", SetBreakpoint(9, "cell.F")),
        ("watch valid_loss < 0.4", SetBreakpoint(9, "valid_loss < 0.4", watch=True)),
        ("tell embed.U", SetBreakpoint(9, "embed.U", pause=False)),
        ("tell  watch epoch > 2", SetBreakpoint(9, "epoch > 2", watch=True, pause=False)),
        ("watch tell epoch > 2", SetBreakpoint(9, "epoch > 2", watch=True, pause=False)),
        ("-1", RemoveBreakpoint(9, 1)),
        ("2 on", SetBreakpoint(9, "embed.U", pause=False, number=2)),
        ("2", SetBreakpoint(9, "embed.U", pause=False, number=2)),
        ("4 off", SetBreakpoint(9, "valid_loss < 0.4", watch=True, enabled=False, number=4)),
        ("watch", SetBreakpoint(9, "watch")),
    ],
)
def test_a_line_asks_for(text, request_):
    assert asked(text, KNOWN)(9) == request_


def test_a_number_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="there is no breakpoint 3"):
        asked("-3", KNOWN)


def test_the_list_says_what_each_does():
    lines = stop_lines(KNOWN, ("embed", "cell"), "breakpoint 1 at cell.B key=7 t=3", 60, 9, UNICODE)
    assert lines.plain == (
        "stopped by breakpoint 1 at cell.B key=7 t=3\n"
        "held: embed, cell\n"
        "● 1 cell.B:0 if staleness > 8  pause  hits 12\n"
        "○ 2 embed.U  tell  hits 0  off\n"
        "● 4 watch valid_loss < 0.4  pause  hits 0"
    )


def test_the_list_fits_and_is_ascii_where_asked_for():
    lines = stop_lines(KNOWN, (), "", 20, 2, ASCII).plain.split("\n")
    assert lines == ["* 1 cell.B:0 if stal", "o 2 embed.U  tell  h"]
    assert stop_lines((), (), "", 60, 3, UNICODE).plain == "none: b stops at the selected node, B sets any"


async def test_b_sets_and_removes_the_breakpoint_of_the_selected_node():
    async with terminal(WIDE) as shown:
        await shown.press("j", "b")
        await shown.push(breakpoints=(Breakpoint(5, "embed.F"),))
        assert "● 5 embed.F" in shown.text
        await shown.press("b")
        assert shown.feed.sent == [SetBreakpoint(1, "embed.F"), RemoveBreakpoint(2, 5)]


async def test_the_dialog_begins_with_the_selected_node_and_stays_while_refused():
    async with terminal(WIDE) as shown:
        await shown.press("j", "B")
        shown.feed.refusal = "column 1 of 'stale > 8'"
        await shown.write("stale > 8")
        await shown.press("enter")
        assert isinstance(shown.app.screen, BreakpointDialog)
        assert "column 1 of 'stale > 8'" in shown.text
        shown.feed.refusal = ""
        await shown.press("enter")
        assert not isinstance(shown.app.screen, BreakpointDialog)
        assert shown.feed.sent == [SetBreakpoint(number, "embed.B if stale > 8") for number in (1, 2)]


async def test_the_selected_node_is_held_let_go_and_stepped():
    async with terminal(WIDE) as shown:
        await shown.press("j", "j", "j", "H", "x")
        await shown.push(held=("cell",))
        assert "held: cell" in shown.text
        await shown.press("H", "E")
        assert shown.feed.sent == [
            Hold(1, "cell", held=True),
            Step(2, node="cell"),
            Hold(3, "cell", held=False),
            Step(4, StepGoal.EPOCH),
        ]


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=str)
async def test_what_stopped_the_run_is_said_at_every_size(size):
    async with terminal(size) as shown:
        await shown.push(status=Status.PAUSED, stopped_by="breakpoint 1 at cell.B key=7")
        assert "stopped by breakpoint 1 at cell.B key=7" in shown.text


async def test_the_list_grows_with_what_is_in_it():
    async with terminal(WIDE) as shown:
        await shown.push(status=Status.PAUSED, stopped_by="breakpoint 1", held=("cell",), breakpoints=KNOWN)
        for words in ("stopped by breakpoint 1", "held: cell", "1 cell.B:0", "2 embed.U", "4 watch valid_loss"):
            assert words in shown.text


async def test_a_layer_of_copies_asks_for_one_of_them():
    copies = tuple(NodeInfo(f"cell-{n}", "Linear", n, parameters=8, part_of="cell") for n in (0, 1))
    async with terminal(WIDE, info=session_info(nodes=copies, edges=()), nodes=(node_stats(), node_stats())) as shown:
        await shown.press("b")
        assert shown.feed.sent == []
        assert "cell has 2 copies: choose one of the rows below it" in shown.text
        await shown.press("j", "b")
        assert shown.feed.sent == [SetBreakpoint(1, "cell-0.F")]
