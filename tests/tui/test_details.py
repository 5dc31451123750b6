"""Drawings of inspections: goldens in both character sets, and no line too wide."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampviz.telemetry.inspection import ArraySummary, Hop, KeyDetail, MessageDetail, NodeDetail, ParameterDetail
from ampviz.telemetry.snapshot import NodeInfo
from ampviz.tui.details import (
    hop_line,
    key_heading,
    message_lines,
    node_heading,
    parameter_lines,
    staleness_lines,
    update_interval,
    waiting_lines,
)
from ampviz.tui.glyphs import ASCII, UNICODE
from tests.tui.feed import node_stats

INFO = NodeInfo("cell", "Linear", 1, parameters=32896, line="rnn.py:12", note="256 -> 128")
STATS = node_stats(
    updates=415, pending=38, gradient_norm=0.3412, staleness=(12, 24, 6, 0, 2, 0), staleness_mean=1.02, staleness_max=4
)
BINS = (0, 1, 2, 5, 9, 14, 20, 26, 26, 20, 14, 9, 5, 2, 1, 1)
ROWS = ArraySummary("float32", (5, 128), -1.94, 2.3125, 0.0123, 11.2, 0, 0, BINS, (0.5, -1.25, 0.125, 3, 1e-5, 2, 7, 8))
BAD = ArraySummary("float32", (4,), 0.0, 1.0, 0.5, 1.0, 2, 1, (1, *([0] * 15)), (0.0, 1.0, math.nan, math.inf))
DETAIL = NodeDetail(
    "cell",
    1,
    held=True,
    queued_forward=140,
    cached=2,
    forward=("cell.F key=17 t=3", "cell.F key=18 t=1", "cell.F key=19 t=1"),
    remembered=("cell.B key=17 t=0", "cell.B key=17 t=1"),
    parameters=(ParameterDetail("W", ROWS, ROWS), ParameterDetail("b", BAD)),
)


def test_a_message_in_a_queue():
    detail = MessageDetail("cell.B key=7 t=3", "queue", 1, (ROWS, BAD), 412, 415)
    assert message_lines(detail, 100, UNICODE).plain == (
        "cell.B key=7 t=3  in the queue on w1\n"
        "float32 5x128  min -1.94  max 2.31  mean 0.0123  norm 11.2\n"
        "   ▁▁▂▃▅▇██▇▅▃▂▁▁▁  first 0.5 -1.25 0.125 3 1e-05 2 …\n"
        "float32 4  min 0  max 1  mean 0.5  norm 1  2 nan  1 inf\n"
        "  █                 first 0 1 nan inf\n"
        "version 412 when it went forward, 415 now, 3 apart"
    )


def test_messages_without_arrays_and_before_their_forward():
    nothing = MessageDetail("cell.B key=7", "queue", 0, (), 4, 4)
    assert "no gradient: there was nothing to differentiate" in message_lines(nothing, 100, UNICODE).plain
    kept = MessageDetail("phi.B key=7", "cache", 0)
    assert message_lines(kept, 100, UNICODE).plain == "phi.B key=7  remembered on w0\nno arrays"
    coming = MessageDetail("cell.F key=7", "queue", 0, (), version_now=9)
    assert message_lines(coming, 100, UNICODE).plain.endswith("version 9 of the parameters will meet it")


def test_the_heading_of_a_node():
    assert node_heading(INFO, STATS, 50, DETAIL, 80).plain == (
        "cell  Linear 256 -> 128  w1  rnn.py:12\n"
        "version 415  gradients 38/50  gradient norm 0.341\n"
        "held: it waits although messages do"
    )
    assert node_heading(NodeInfo("phi", "Phi", 0), node_stats(), 1, None, 80).plain == "phi  Phi  w0"


def test_staleness_has_a_bar_for_each_value():
    assert staleness_lines(STATS, 80, 9, UNICODE).plain == (
        "staleness  mean 1.0  p95 2  max 4\n"
        "   0  ████████████ 12\n"
        "   1  ████████████████████████ 24\n"
        "   2  ██████ 6\n"
        "   3   0\n"
        "   4  ██ 2"
    )


def test_where_there_is_no_room_the_last_bar_is_for_all_above():
    assert staleness_lines(STATS, 80, 2, ASCII).plain == (
        "staleness  mean 1.0  p95 2  max 4\n   0  ######### 12\n   1+ ######################## 32"
    )
    assert staleness_lines(node_stats(), 80, 5, UNICODE).plain == "staleness: no gradients yet"
    assert staleness_lines(node_stats(staleness=(0, 0)), 80, 5, UNICODE).plain == "staleness: no gradients yet"


@given(st.lists(st.integers(0, 9), min_size=1, max_size=64), st.integers(1, 70))
def test_no_gradient_is_lost_from_the_histogram(counts, room):
    text = staleness_lines(node_stats(staleness=tuple(counts)), 80, room, UNICODE).plain.split("\n")[1:]
    assert len(text) <= room
    assert sum(int(line.split()[-1]) for line in text) == sum(counts)


def test_parameters_and_their_gradients():
    assert parameter_lines(DETAIL.parameters, 80, ASCII).plain == (
        "parameter  shape  norm  gradient \n"
        "W          5x128  11.2  norm 11.2   ..:-+#@@#+-:...\n"
        "b          4      1     none yet   @               "
    )
    assert parameter_lines((), 80, ASCII).plain == ""


def test_what_waits_is_counted_and_named_as_far_as_it_fits():
    assert waiting_lines(DETAIL, 46, UNICODE).plain == (
        "forward     140  key=17 t=3  key=18 t=1 …\nbackward      0\nremembered    2  B key=17 t=0  B key=17 t=1"
    )
    assert waiting_lines(DETAIL, 30, ASCII).plain.split("\n")[0] == "forward     140  key=17 t=3 .."


def test_an_instance_and_its_way():
    path = (Hop(9.5, 40e-6, "words.F", 0), Hop(9.6, 1e-3, "cell.F", 1))
    detail = KeyDetail(17, 0.5, queued=1, cached=4, path=path, complete=False)
    assert key_heading(detail, 120).plain == (
        "key 17  training, in flight for 500ms\n"
        "messages waiting 1, remembered 4, units of work 2 (the oldest are not known any more)"
    )
    assert key_heading(KeyDetail(-3, 2.0), 30).plain.split("\n")[0] == "key -3  validation, in flight "
    assert [hop_line(hop, path[0]).plain for hop in path] == [
        "  +0ms     words.F              w0  took 40 us",
        "  +100ms   cell.F               w1  took 1000 us",
    ]


@pytest.mark.parametrize(
    ("knobs", "interval"),
    [
        ({"min_update_interval": 5}, 5),
        ({"min_update_interval": 5, "cell-1.min_update_interval": 7}, 7),
        ({"min_update_interval": 5, "cell.min_update_interval": 6}, 6),
        ({}, 1),
    ],
)
def test_the_interval_of_a_copy_is_its_own_or_that_of_its_layer_or_of_all(knobs, interval):
    assert update_interval(NodeInfo("cell-1", "Linear", 0, part_of="cell"), knobs) == interval


@given(st.integers(1, 130), st.sampled_from([UNICODE, ASCII]))
def test_no_line_is_too_wide_and_ascii_is_ascii(width, glyphs):
    drawings = [
        message_lines(MessageDetail("cell.B key=7 t=3", "cache", 1, (ROWS, BAD), 412, 415), width, glyphs),
        node_heading(INFO, STATS, 50, DETAIL, width),
        staleness_lines(STATS, width, 4, glyphs),
        parameter_lines(DETAIL.parameters, width, glyphs),
        waiting_lines(DETAIL, width, glyphs),
        key_heading(KeyDetail(17, 0.5, queued=1), width),
    ]
    for drawing in drawings:
        assert all(line.cell_len <= width for line in drawing.split("\n"))
        assert glyphs is UNICODE or drawing.plain.isascii()
