"""Layouts: boxes do not overlap, wires lead from box to box, cross but never share a stretch with another port's."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampviz.telemetry.snapshot import SessionInfo
from ampviz.tui.layering import Network, layered, network
from ampviz.tui.placing import ports_needed
from ampviz.tui.routing import Frame, Layout, Net, laid_out, tracks
from tests.tui.shapes import SHAPES, graph, graphs

HEIGHTS = st.integers(1, 5)


def layout_of(info: SessionInfo, height: int = 3) -> tuple[Network, Layout]:
    wires = network(info)
    sizes = [
        (max(len(box.name) + 4, 2 * ports + 3) | 1, height + index % 2)
        for index, (box, ports) in enumerate(zip(wires.boxes, ports_needed(wires), strict=True))
    ]
    return wires, laid_out(wires, layered(wires), sizes)


def cells(frame: Frame) -> set[tuple[int, int]]:
    return {(frame.x + x, frame.y + y) for x in range(frame.width) for y in range(frame.height)}


def stretches(points):
    """The steps of a line from cell to cell, each as an unordered pair."""
    for (x, y), (x2, y2) in pairwise(points):
        assert (x == x2) != (y == y2)
        step = (x2 > x) - (x2 < x), (y2 > y) - (y2 < y)
        while (x, y) != (x2, y2):
            after = x + step[0], y + step[1]
            yield frozenset([(x, y), after])
            x, y = after


@given(graphs(), HEIGHTS)
def test_boxes_never_overlap_and_lie_within_the_picture(info, height):
    _, layout = layout_of(info, height)
    seen: set[tuple[int, int]] = set()
    for frame in layout.frames:
        own = cells(frame)
        assert not own & seen
        assert all(0 <= x < layout.width and 0 <= y < layout.height for x, y in own)
        seen |= own


@given(graphs(), HEIGHTS)
def test_every_wire_leads_from_its_source_to_its_target_around_all_boxes(info, height):
    wires, layout = layout_of(info, height)
    boxes = set().union(*(cells(frame) for frame in layout.frames))
    for wire, route in zip(wires.wires, layout.routes, strict=True):
        source, target = layout.frames[wire.source], layout.frames[wire.target]
        start, end = route.points[0], route.points[-1]
        assert source.x < start[0] < source.x + source.width - 1
        assert target.x < end[0] < target.x + target.width - 1
        assert (start[1], end[1]) == (source.y + source.height, target.y - 1)
        passed = {point for step in stretches(route.points) for point in step} | {start}
        assert not passed & boxes
        assert all(0 <= x < layout.width and 0 <= y < layout.height for x, y in passed)


@given(graphs())
def test_wires_of_different_ports_share_no_stretch_and_no_end(info):
    wires, layout = layout_of(info)
    owner: dict[frozenset[tuple[int, int]], tuple[int, int]] = {}
    ends: set[tuple[int, int]] = set()
    corners: dict[tuple[int, int], tuple[int, int]] = {}
    for wire, route in zip(wires.wires, layout.routes, strict=True):
        port = (wire.source, wire.port)
        for step in stretches(route.points):
            assert owner.setdefault(step, port) == port
        for corner in route.points:
            assert corners.setdefault(corner, port) == port
        assert route.points[-1] not in ends
        ends.add(route.points[-1])


@given(graphs())
def test_the_same_graph_gives_the_same_layout(info):
    assert layout_of(info) == layout_of(info)


@pytest.mark.parametrize("name", SHAPES)
def test_what_closes_a_loop_goes_up_beside_all_boxes_that_it_passes(name):
    _, layout = layout_of(graph(SHAPES[name]))
    for route in layout.routes:
        upward = [(a, b) for a, b in pairwise(route.points) if b[1] < a[1]]
        assert len(upward) == route.back
        for (x, low), (_, high) in upward:
            passed = [frame for frame in layout.frames if frame.y < low and frame.y + frame.height > high]
            assert len({x < frame.x for frame in passed}) == 1


def test_two_nets_that_change_places_are_led_around_each_other():
    one, other = Net({2}, {9}), Net({9}, {2})
    assert tracks([one, other]) == 3
    assert (one.track, other.track, one.dogleg, other.dogleg) == (0, 1, (5, 2), None)


def test_nets_beside_each_other_share_a_track_and_straight_ones_need_none():
    nets = [Net({0}, {4}), Net({8}, {12}), Net({6}, {6})]
    assert tracks(nets) == 1
    assert [net.track for net in nets] == [0, 0, 0]
    assert tracks([]) == 0


@given(st.permutations(range(8)), st.permutations(range(8)))
def test_where_one_net_comes_down_to_a_column_that_another_leaves_it_is_above(top, bottom):
    nets = [Net({2 * a, 2 * top[i]}, {2 * bottom[i]}) for i, a in enumerate(top[::-1]) if i < 4]
    height = tracks(nets)
    for net in nets:
        assert 0 <= net.track < height
        last = net.track if net.dogleg is None else net.dogleg[1]
        assert net.track <= last < height
        for other in nets:
            end = other.track if other.dogleg is None else other.dogleg[1]
            assert net is other or not net.top & other.bottom or net.track < end
