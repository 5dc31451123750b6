"""The part of a chart that is looked at: zooming keeps a place, moving keeps a width, the end is followed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.tui.viewport import Viewport

LAST = 1000.0


def test_everything_grows_with_the_session():
    assert Viewport().span(10.0) == (0.0, 10.0)
    assert Viewport().span(LAST) == (0.0, LAST)


def test_a_part_at_the_end_follows():
    part = Viewport().zoomed(0.5, LAST)
    assert part.span(LAST) == (500.0, 1000.0)
    assert part.span(1200.0) == (700.0, 1200.0)


def test_a_part_that_was_moved_away_stands_still_until_it_is_back():
    part = Viewport().zoomed(0.25, LAST).panned(-1, LAST)
    assert part.span(LAST) == part.span(5000.0) == (500.0, 750.0)
    assert part.panned(1, LAST).span(5000.0) == (4750.0, 5000.0)


def test_zooming_keeps_what_is_under_the_mouse():
    part = Viewport(400.0, 600.0)
    assert part.zoomed(0.5, LAST, at=0.25).span(LAST) == (250.0, 450.0)
    assert part.zoomed(2.0, LAST, at=0.25).span(LAST) == (100.0, 900.0)


def test_zooming_out_ends_with_everything():
    assert Viewport(400.0, 600.0).zoomed(4.0, LAST) == Viewport()


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["zoom", "pan"]), st.floats(-2, 2), st.floats(0, 1)), max_size=12),
    last=st.floats(1, 1e6),
)
def test_no_way_leads_out_of_the_data(steps, last):
    part = Viewport()
    for what, by, at in steps:
        part = part.zoomed(2.0**by, last, at) if what == "zoom" else part.panned(by, last)
        low, high = part.span(last)
        assert 0 <= low < high
        assert high <= max(last, 8.0) * (1 + 1e-9)


@pytest.mark.parametrize("share", [-5, 5])
def test_moving_everything_does_nothing(share):
    assert Viewport().panned(share, LAST) == Viewport()
