"""The knobs on the screen: cells and table, turning and typing them, and what is said while they are typed."""

from __future__ import annotations

import pytest

from ampviz.knobs import KNOBS
from ampviz.telemetry.link import SetKnob
from ampviz.telemetry.snapshot import NodeInfo
from ampviz.tui.dialogs import KnobDialog
from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.knob_entry import advice, completed, knob_names, matching
from ampviz.tui.knob_table import cell_at, cells, flow, places, table
from tests.tui.feed import NODES, session_info
from tests.tui.terminal import HUGE, NARROW, WIDE, terminal

VALUES = {
    "learning_rate": 0.1,
    "max_active_keys": 8,
    "freeze": False,
    "policy": "fifo",
    "embed.learning_rate": 0.01,
    "cell.freeze": True,
}
INFO = session_info(nodes=(*NODES, NodeInfo("fc-1", "Linear", 0, parameters=9, part_of="fc")))

FLOW = """\
 max_active_keys [ 8 ]  learning_rate [ 0.1 ] ▸embed [ 0.01 ]
 freeze [ off ]  cell [ on ]  policy [ fifo ]"""

TABLE = """\
 max_active_keys [    8 ] a whole number from 1 to 100000: instances in flight
 learning_rate   [  0.1 ] a number from 0 to 1000000: step size of the optimiz
   embed         [ 0.01 ]
>freeze          [  off ] on or off: leave the parameters alone; gradients are
   cell          [   on ]
 policy          [ fifo ] one of backward, mixed, oldest, deepest, fifo: which"""


def plain(text) -> str:
    return "\n".join(line.rstrip() for line in text.plain.split("\n"))


def test_cells_flow_with_the_values_of_nodes_behind_their_knob():
    assert plain(flow(cells(VALUES), 64, 2, UNICODE)) == FLOW


def test_a_table_says_what_each_knob_may_be_and_is():
    assert plain(table(cells(VALUES), 78, 3, ASCII)) == TABLE


def test_every_cell_is_where_it_is_drawn():
    shown = cells(VALUES)
    lines = flow(shown, 64, -1, UNICODE).plain.split("\n")
    for index, (cell, (row, column)) in enumerate(zip(shown, places(shown, 64), strict=True)):
        assert lines[row][column + 1 :].startswith(f"{cell.label} [ {cell.shown} ]")
        assert cell_at(shown, 64, row, column + 1) == index
    assert cell_at(shown, 64, 5, 0) is None


NAMES = knob_names(INFO)


def test_names_are_those_of_knobs_nodes_with_parameters_and_layers():
    assert set(KNOBS) < set(NAMES)
    assert {"embed.freeze", "fc.freeze", "fc-1.freeze", "cell.learning_rate"} < set(NAMES)
    assert "loss.freeze" not in NAMES
    assert "cell.policy" not in NAMES


@pytest.mark.parametrize(
    ("line", "words", "problem"),
    [
        ("learning_rate", "a number from 0 to 1000000, now 0.1: step size of the optimizer", ""),
        ("embed.learning_rate = ", "a number from 0 to 1000000, now 0.01: step size of the optimizer", ""),
        ("fc.learning_rate = 2", "a number from 0 to 1000000, now 0.1: step size of the optimizer", ""),
        ("freeze = on", "on or off, now off: leave the parameters alone; gradients are still passed on", ""),
        (
            "max_active_keys = 0",
            "",
            "max_active_keys: out of range (expected a whole number from 1 to 100000, got '0')",
        ),
        ("max_active_keys = 1.5", "", "max_active_keys: not a value of this knob"),
        ("policy = best", "", "policy: unknown choice (expected one of backward, mixed, oldest, deepest, fifo"),
        ("max_activ = 3", "", "no knob is called 'max_activ'. Hint: did you mean max_active_keys or max_batch?"),
        ("cel.freeze = on", "", "no node with parameters is called 'cel'. Hint: did you mean cell?"),
        ("loss.freeze = on", "", "no node with parameters is called 'loss'"),
        ("cell.policy = fifo", "", "policy is one for the whole session"),
        ("max", "max_active_keys  max_batch", ""),
        ("embed.l", "embed.learning_rate  embed.learning_rate_decay", ""),
        ("lerning_rate", "learning_rate", ""),
        ("xyzzy", "", "nothing is called like 'xyzzy'"),
    ],
)
def test_what_is_said_of_a_line_while_it_is_typed(line, words, problem):
    said = advice(line, INFO, VALUES)
    assert said.words.startswith(words) if words else said.words == ""
    assert said.problem.startswith(problem) if problem else said.problem == ""


@pytest.mark.parametrize(
    ("line", "fuller"),
    [
        ("pol", "policy = "),
        ("max", "max_"),
        ("embed.l", "embed.learning_rate"),
        ("embed.f", "embed.freeze = "),
        ("lerning_rate_dec", "learning_rate_decay = "),
        ("xyzzy", "xyzzy"),
        ("max_batch = 3", "max_batch = 3"),
        ("", ""),
    ],
)
def test_completion_goes_as_far_as_is_certain(line, fuller):
    assert completed(line, NAMES) == fuller


def test_names_that_match_begin_contain_or_look_alike():
    assert matching("slow", NAMES) == ["slow_motion"]
    assert matching("active", NAMES) == ["max_active_keys"]
    assert matching("polcy", NAMES) == ["policy"]
    assert len(advice("", INFO, VALUES).words.split()) == 6


async def test_the_dialog_says_what_a_line_means_and_completes_it():
    async with terminal() as shown:
        await shown.press("m", "ctrl+u")
        await shown.write("cell.le")
        assert "cell.learning_rate  cell.learning_rate_decay" in shown.text
        await shown.press("tab")
        await shown.write(" = 1e9")
        assert "out of range" in shown.text
        await shown.press("backspace")
        await shown.write("-2")
        assert "out of range" not in shown.text
        assert "a number from 0 to 1000000, now 0.001: step size" in shown.text
        await shown.press("enter")
        assert shown.feed.sent == [SetKnob(1, "cell.learning_rate", "1e-2")]


async def test_letters_and_tab_that_come_in_one_burst_keep_their_order():
    async with terminal() as shown:
        await shown.press("m", "ctrl+u")
        for key in (*"cell.fr", "tab", *"on"):
            shown.type(key)
        await shown.press("enter")
        assert shown.feed.sent == [SetKnob(1, "cell.freeze", "on")]


@pytest.mark.parametrize("size", [NARROW, WIDE, HUGE], ids=str)
async def test_the_focused_pane_turns_and_edits_the_knob_under_its_cursor(size):
    async with terminal(size, knobs=VALUES) as shown:
        shown.app.query_one("#knobs").focus()
        await shown.settle()
        await shown.press("plus", "plus", "minus", "right", "minus", "l", "plus", "right", "plus", "down", "minus")
        asked = [(request.name, request.value) for request in shown.feed.sent]
        assert asked == [
            ("max_active_keys", 9),
            ("max_active_keys", 10),
            ("max_active_keys", 9),
            ("learning_rate", 0.09),
            ("embed.learning_rate", 0.02),
            ("freeze", True),
            ("cell.freeze", False),
        ]
        await shown.press("left", "h", "enter")
        assert isinstance(shown.app.screen, KnobDialog)
        await shown.write("0.5")
        await shown.press("enter")
        assert shown.feed.sent[-1] == SetKnob(8, "embed.learning_rate", "0.5")


async def test_a_knob_at_the_end_of_its_range_is_not_turned_further():
    async with terminal(knobs=VALUES | {"max_active_keys": 1}) as shown:
        shown.app.query_one("#knobs").focus()
        await shown.press("minus")
        assert shown.feed.sent == []


async def test_alone_the_pane_is_a_table():
    async with terminal(knobs=VALUES) as shown:
        await shown.press("5")
        pane = shown.app.query_one("#knobs")
        assert pane.render().plain.startswith("▸max_active_keys [    8 ] a whole number from 1 to 100000")
        assert "enter type  + - turn" in shown.text
        await shown.press("5")
        assert "a whole number" not in shown.text
        assert "max_active_keys [ 8 ]" in shown.text


async def test_a_click_chooses_a_knob_and_a_double_click_edits_it():
    async with terminal(WIDE, knobs=VALUES) as shown:
        await shown.pilot.click("#knobs", offset=(28, 1))
        await shown.press("plus")
        assert shown.feed.sent == [SetKnob(1, "learning_rate", 0.2)]
        await shown.pilot.double_click("#knobs", offset=(6, 1))
        await shown.settle()
        assert isinstance(shown.app.screen, KnobDialog)
        assert "max_active_keys = " in shown.text


async def test_no_knob_is_turned_before_the_first_snapshot():
    async with terminal(silent=True) as shown:
        shown.app.query_one("#knobs").focus()
        await shown.press("plus", "right", "enter", "minus")
        assert shown.feed.sent == []
