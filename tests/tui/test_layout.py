"""Which panes a screen shows, of its size and of what was asked for; the table of panes."""

from __future__ import annotations

import pytest

from ampviz.tui.layout import arrange
from ampviz.tui.pane import ALWAYS, ASIDE, Column, Pane, Place
from ampviz.tui.places import PANES

SOME = (
    Place("one", "1", "One", "the first", Pane, Column.LEFT),
    Place("two", "2", "Two", "the second", Pane, Column.RIGHT, (0, 20)),
    Place("three", "3", "Three", "the third", Pane, Column.LEFT, (120, 0)),
    Place("four", "4", "Four", "the fourth", Pane, Column.BELOW, ASIDE),
)


@pytest.mark.parametrize(
    ("size", "alone", "asked", "left", "right", "below"),
    [
        ((60, 15), "", {}, ["one"], [], []),
        ((80, 24), "", {}, ["one"], ["two"], []),
        ((140, 45), "", {}, ["one", "three"], ["two"], []),
        ((140, 19), "", {}, ["one", "three"], [], []),
        ((140, 45), "", {"four": True, "one": False}, ["three"], ["two"], ["four"]),
        ((140, 19), "", {"two": True}, ["one", "three"], ["two"], []),
        ((80, 24), "", {"four": True, "one": False}, ["one"], ["two"], []),
        ((80, 24), "four", {}, [], [], ["four"]),
        ((140, 45), "one", {"one": False}, ["one"], [], []),
        ((59, 15), "", {"one": True}, [], [], []),
        ((60, 14), "one", {}, [], [], []),
        ((0, 0), "one", {"one": True}, [], [], []),
    ],
)
def test_a_screen_shows(size, alone, asked, left, right, below):
    layout = arrange(SOME, size, alone, asked)
    assert [list(layout.columns[column]) for column in (Column.LEFT, Column.RIGHT, Column.BELOW)] == [
        left,
        right,
        below,
    ]
    assert layout.shown == {*left, *right, *below}


@pytest.mark.parametrize(
    ("size", "narrow", "small", "tabs"),
    [
        ((119, 45), True, False, True),
        ((120, 20), False, False, True),
        ((120, 19), False, False, False),
        ((59, 45), True, True, False),
        ((140, 14), False, True, False),
    ],
)
def test_a_screen_is_narrow_or_too_small_or_high_enough_for_tabs(size, narrow, small, tabs):
    layout = arrange(SOME, size, "", {})
    assert (layout.narrow, layout.small, layout.tabs) == (narrow, small, tabs)


def test_the_table_of_panes_has_one_name_digit_and_class_each():
    for field in ("name", "digit", "title", "pane"):
        assert len({getattr(place, field) for place in PANES}) == len(PANES)
    assert all(len(place.digit) == 1 and place.digit.isdigit() for place in PANES)
    assert any(place.least == ALWAYS for place in PANES)
