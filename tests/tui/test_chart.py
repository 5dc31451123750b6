"""The line chart: goldens, exact sizes, no data that breaks it, and round ticks."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.tui.chart import Plot, draw_chart, legend, marker_letter, nice_ticks
from ampviz.tui.glyphs import ASCII, UNICODE

LOSSES = st.floats(width=32, allow_subnormal=False)
CURVES = st.lists(st.tuples(st.integers(0, 10**6), LOSSES), max_size=30).map(
    lambda pairs: ([float(x) for x, _ in sorted(pairs)], [y for _, y in pairs])
)
MARKERS = st.lists(st.tuples(st.integers(0, 10**6), st.just("mak 4 to 8")), max_size=30)

NOTHING = ([], [])
FALLING = (list(range(1, 41)), [2 / x**0.5 for x in range(1, 41)])
VALID = ([10, 20, 30], [1.2, 0.9, 0.8])
CHANGES = [(15, "mak 4 to 8"), (25, "lr")]

BRAILLE = """\
      2│ ⡆             A         B
       │ ⣇             ┆         ┆
       │ ⢸             ┆         ┆
       │ ⠘⣆            ┆         ┆
       │  ⠸⣄      ◆    ┆         ┆
      1│   ⠘⢦⣀         ┆    ◆    ┆
       │     ⠈⠓⠦⣄⣀     ┆         ┆    ◆
       │         ⠈⠉⠓⠒⠲⠤⠤⢤⣀⣀⣀⣀    ┆
       │               ┆    ⠈⠉⠉⠉⠉⠉⠙⠒⠒⠒⠒⠒⠒⠒⠒⠲⠤⠤⠤⠤
       └0───────────────────20──────── instances"""

LINES = """\
      2| *             A         B
       | *             |         |
       | *             |         |
       | **            |         |
       |  **      o    |         |
      1|   ***         |    o    |
       |     *****     |         |    o
       |         ************    |
       |               |    ********************
       +0-------------------20-------- instances"""

LOG_LINES = """\
       | *             A         B
       | **            |         |
       |  **      o    |         |
      1|   ***         |    o    |
       |     ***       |         |    o
       |       ******  |         |
       |            ********     |
       |               |   ************
  0.316|               |         |    **********
       +0-------------------20-------- instances"""

EMPTY = """\
      1|
       |
    0.5|          no loss yet
       |
      0|
       +0---------------0.50-- instances"""


EPOCHS = """\
      2| *      e10         e20A       e30
       | *         .           |          .
       | **                    |
       |  *        .           |          .
       |  ***      o           |
      1|    ***    .           o          .
       |      ******           |          o
       |           **************         .
       |                       |**********************
       +0----------+-----------20---------+- instances"""

ZOOMED = """\
       |  o    B                        e24
       |       |                           .
      1|       |
       |       |                  o        .
       |       |
       |*      |                           .
       |*********
    0.5|       |***************            .
       |       |              **************
       +--10---------------------- instances"""


def lines_of(line, points, markers, width, height, glyphs, **options) -> list[str]:
    return draw_chart(Plot(line, points, markers, **options), width, height, glyphs).plain.split("\n")


def stripped(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines)


@pytest.mark.parametrize(
    ("glyphs", "log", "golden"), [(UNICODE, False, BRAILLE), (ASCII, False, LINES), (ASCII, True, LOG_LINES)]
)
def test_a_falling_loss_looks_like_this(glyphs, log, golden):
    assert stripped(lines_of(FALLING, VALID, CHANGES, 48, 10, glyphs, log=log)) == golden


def test_a_chart_without_data_says_so():
    assert stripped(lines_of(NOTHING, NOTHING, [], 40, 6, ASCII)) == EMPTY


@settings(max_examples=50, deadline=None)
@given(
    train=CURVES,
    valid=CURVES,
    markers=MARKERS,
    width=st.integers(-2, 90),
    height=st.integers(-2, 30),
    glyphs=st.sampled_from([UNICODE, ASCII]),
    log=st.booleans(),
)
def test_any_data_fills_exactly_the_given_size(train, valid, markers, width, height, glyphs, log):
    text = draw_chart(Plot(train, valid, markers, log=log), width, height, glyphs)
    lines = text.split("\n")
    if width >= 16 and height >= 4:
        assert [line.cell_len for line in lines] == [width] * height
    else:
        assert len(lines) == 1
        assert lines[0].cell_len <= max(0, width)
    assert glyphs is UNICODE or text.plain.isascii()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("log", [False, True])
def test_points_that_are_not_finite_are_left_out(bad, log):
    good = lines_of(([1, 2, 4], [3.0, 2.0, 1.0]), ([2, 4], [2.5, 2.0]), [], 40, 10, ASCII, log=log)
    assert (
        lines_of(([1, 2, 3, 4], [3.0, 2.0, bad, 1.0]), ([2, 3, 4], [2.5, bad, 2.0]), [], 40, 10, ASCII, log=log) == good
    )


def test_points_that_are_not_positive_are_left_out_of_a_log_axis():
    good = lines_of(([1, 4], [3.0, 1.0]), NOTHING, [], 40, 10, ASCII, log=True)
    assert lines_of(([1, 2, 3, 4], [3.0, 0.0, -2.0, 1.0]), NOTHING, [], 40, 10, ASCII, log=True) == good
    assert "no loss yet" in "".join(lines_of(([1, 2], [0.0, -1.0]), NOTHING, [], 40, 10, ASCII, log=True))


@settings(max_examples=50, deadline=None)
@given(
    losses=st.lists(st.floats(0, 100, allow_subnormal=False), min_size=1, max_size=40),
    width=st.integers(20, 80),
    height=st.integers(5, 20),
)
def test_a_line_has_no_gaps_and_spans_its_points(losses, width, height):
    xs = list(range(1, len(losses) + 1))
    plot = [line[8:] for line in lines_of((xs, losses), NOTHING, [], width, height, ASCII)[:-1]]
    columns = ["".join(column) for column in zip(*plot, strict=True)]
    first = int(1 / len(losses) * len(columns))
    covered = [index for index, column in enumerate(columns) if "*" in column]
    assert covered == list(range(min(first, len(columns) - 1), len(columns)))
    for above, below in pairwise(columns[covered[0] :]):
        assert above.find("*") <= below.rfind("*") + 1
        assert below.find("*") <= above.rfind("*") + 1


@settings(max_examples=25, deadline=None)
@given(losses=st.lists(st.floats(0.01, 100), min_size=2, max_size=40, unique=True))
def test_a_falling_line_never_rises(losses):
    losses.sort(reverse=True)
    plot = [line[8:] for line in lines_of((list(range(len(losses))), losses), NOTHING, [], 60, 15, ASCII)[:-1]]
    tops = ["".join(column).find("*") for column in zip(*plot, strict=True)]
    assert tops == sorted(tops)
    assert tops[0] == 0


def test_markers_stand_at_their_instances_with_their_letters():
    lines = lines_of(([0, 1000], [1.0, 1.0]), NOTHING, [(0, "a"), (500, "b"), (1000, "c")], 48, 6, ASCII)
    assert lines[0][8:] == "A" + " " * 19 + "B" + " " * 18 + "C"
    assert lines[1][8:] == "|" + " " * 19 + "|" + " " * 18 + "|"


def test_marker_letters_go_round_after_z():
    assert [marker_letter(index) for index in (0, 1, 25, 26, 53)] == ["A", "B", "Z", "A", "B"]


@settings(max_examples=50, deadline=None)
@given(offset=st.floats(-100, 100), span=st.floats(1e-6, 1e12), most=st.integers(1, 40))
def test_ticks_are_round_inside_and_few(offset, span, most):
    low, high = offset * span, (offset + 1) * span
    ticks = nice_ticks(low, high, most)
    slack = 1e-6 * span
    assert len(ticks) <= most + 1
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    steps = [later - earlier for earlier, later in pairwise(ticks)]
    if steps:
        step = steps[0]
        mantissa = step / 10 ** math.floor(math.log10(step * (1 + 1e-6)))
        assert min(abs(mantissa - round_one) for round_one in (1, 2, 5)) < 1e-6
        assert max(abs(other - step) for other in steps) < 1e-6 * step
        assert max(abs(tick / step - round(tick / step)) for tick in ticks) < 1e-3


@pytest.mark.parametrize(
    ("low", "high", "most", "ticks"),
    [
        (0, 10, 5, [0, 2, 4, 6, 8, 10]),
        (0.3, 2.1, 4, [0.5, 1.0, 1.5, 2.0]),
        (-1, 1, 2, [-1, 0, 1]),
        (3, 3, 5, [3]),
        (3, 2, 5, [3]),
        (0, 1, 0, [0]),
    ],
)
def test_ticks_of_simple_ranges(low, high, most, ticks):
    assert nice_ticks(low, high, most) == pytest.approx(ticks)


def test_epochs_are_dotted_lines_with_their_number():
    epochs = [(10 * index, 10 * index) for index in range(1, 4)]
    lines = lines_of(FALLING, VALID, [(20.5, "mak")], 54, 10, ASCII, epochs=epochs)
    assert stripped(lines) == EPOCHS


def test_of_many_epochs_those_are_drawn_that_have_room():
    epochs = [(index, index) for index in range(1, 41)]
    top = lines_of(FALLING, NOTHING, [], 48, 10, ASCII, epochs=epochs)[0]
    assert top[8:].rstrip() == "e*   e7   e13   e19   e25   e31   e37"


def test_a_part_has_its_own_heights_and_keeps_the_letters():
    markers = [(2, "one"), (12, "two")]
    lines = lines_of(FALLING, VALID, markers, 44, 10, ASCII, span=(9.0, 24.0), epochs=[(24, 24)])
    assert stripped(lines) == ZOOMED


def test_a_line_that_only_crosses_a_part_is_drawn_through_it():
    lines = lines_of(([0, 100], [1.0, 2.0]), NOTHING, [], 40, 8, ASCII, span=(40.0, 60.0))
    columns = zip(*(line[8:] for line in lines[:-1]), strict=True)
    assert all("*" in column for column in columns)


@pytest.mark.parametrize("span", [(50.0, 60.0), (-9.0, -5.0)])
def test_a_part_without_data_says_so(span):
    assert "no loss here" in "\n".join(lines_of(FALLING, VALID, [], 40, 8, ASCII, span=span))


def test_another_quantity_is_called_by_its_name():
    assert "no accuracy yet" in "\n".join(lines_of(NOTHING, NOTHING, [], 40, 8, ASCII, what="accuracy"))


def test_the_legend_has_the_last_changes_that_fit_and_are_in_sight():
    markers = [(index, f"max_active_keys {index}→{index + 1}") for index in range(1, 6)]
    plot = Plot(FALLING, VALID, markers)
    shown = legend(plot, 70, ASCII).plain
    assert shown == "        D 4 max_active_keys 4->5   E 5 max_active_keys 5->6"
    part = Plot(FALLING, VALID, markers, span=(1.5, 3.5))
    assert legend(part, 70, UNICODE).plain == "        B 2 max_active_keys 2→3   C 3 max_active_keys 3→4"
    assert legend(part, 30, UNICODE).plain == "        C 3 max_active_keys 3…"


def test_runs_of_one_style_are_one_span():
    text = draw_chart(Plot(FALLING, NOTHING, []), 70, 20, UNICODE)
    assert len(text.spans) < 200
