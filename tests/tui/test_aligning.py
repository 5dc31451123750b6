"""Straight wires and the columns of what they tie together."""

from __future__ import annotations

from ampviz.tui.aligning import GAP, Link, placed
from ampviz.tui.layering import Lane

LANE = Lane(0, 0)


def test_a_chain_is_straight_whatever_the_widths():
    links = [Link((0, 0), (1, 1), 4, 2), Link((1, 1), (2, 2), 2, 6)]
    at = placed([[0], [1], [2]], links, [9, 5, 13])
    assert at[0, 0] + 4 == at[1, 1] + 2 == at[2, 2] + 6


def test_neighbours_keep_their_order_and_a_gap():
    at = placed([[0, 1, 2]], [], [5, 7, 3])
    assert at[1, 0] == at[0, 0] + 5 + GAP
    assert at[2, 0] == at[1, 0] + 7 + GAP


def test_of_two_wires_that_cross_one_is_straight():
    links = [Link((0, 0), (3, 1), 2, 2), Link((1, 0), (2, 1), 2, 2)]
    at = placed([[0, 1], [2, 3]], links, [5] * 4)
    assert [at[link.upper] == at[link.lower] for link in links] == [True, False]


def test_a_long_line_is_straight_before_anything_else():
    links = [
        Link((0, 0), (LANE, 1), 2, 0),
        Link((1, 0), (2, 1), 2, 2),
        Link((LANE, 1), (LANE, 2), 0, 0),
        Link((2, 1), (3, 2), 2, 2),
    ]
    at = placed([[0, 1], [2, LANE], [LANE, 3]], links, [5] * 4)
    assert at[LANE, 1] == at[LANE, 2]


def test_a_box_stands_in_the_middle_of_an_odd_number():
    links = [Link((index, 0), (3, 1), 2, 2 + 4 * index) for index in range(3)]
    at = placed([[0, 1, 2], [3]], links, [5, 5, 5, 13])
    assert at[1, 0] + 2 == at[3, 1] + 6
