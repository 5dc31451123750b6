"""Sparkline, share bar, tables, event lines and header: goldens in both character sets, and no line too wide."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.snapshot import Event, InFlight, Status, WorkerStats
from ampviz.tui.draw import (
    event_lines,
    lettered,
    queue_table,
    share_bar,
    sparkline,
    status_line,
    trend,
    worker_table,
)
from ampviz.tui.glyphs import ASCII, UNICODE, age, clock, number
from ampviz.tui.view import View
from tests.tui.feed import epoch_report, knob_event, node_view, points, session_info, snapshot

GLYPHS = pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
WIDTHS = st.integers(1, 130)
SETS = st.sampled_from([UNICODE, ASCII])

ROWS = [
    node_view("words", learns=False, worker=0, depth=0, history=(), busy=0.0, waiting=0.0),
    node_view(),
    node_view("a-very-long-node-name", worker=12, staleness=7.5, busy=1.0, waiting=0.0, updates_per_s=1234.0),
]
QUEUES = """\
 node             wk  queue last      busy/wait  upd/s  stale
 words            w0     0           ··········      ·     ·
▸cell             w1     4      ▂▄▆█ █████▒▒▒··    4.5   1.5
 a-very-long-node w12    4      ▂▄▆█ ██████████   1234   7.5 !"""
ASCII_QUEUES = """\
 node             wk  queue last      busy/wait  upd/s  stale
 words            w0     0           ..........      .     .
>cell             w1     4      :=*@ #####%%%..    4.5   1.5
 a-very-long-node w12    4      :=*@ ##########   1234   7.5 !"""
WORKERS = """\
worker      pid at work          kernels   msg/s unsent
w0         4121 █████·····  50%      25%     300      2
w1         4122 ██████████ 100%     100%     12k      0"""
EVENTS = [
    knob_event(),
    Event(9.0, "EPOCH", "1 done: train 0.4 valid 0.5", 1000),
    Event(3725.0, "ERROR", "cell: the kernel raised something that takes long to tell"),
    knob_event(1200),
]
EVENT_LINES = """\
 00:00:08 KNOB       B max_active_keys 4 to 8
▸01:02:05 ERROR      cell: the kernel raised someth…
 00:00:09 EPOCH      1 done: train 0.4 valid 0.5
 00:00:08 KNOB       A max_active_keys 4 to 8"""
STATUS = (
    " ampviz listred  ▶ RUN   epoch 2/10 train 400/1000  312 inst/s  in flight 3"
    "  train 0.737  valid 0.250↓  accuracy 0.875  31k rows/s  00:00:10"
)
TO_ASCII = str.maketrans("█▒·▸▶↓", "#%.>>v")


@pytest.fixture
def view() -> View:
    view = View(session_info())
    view.add(snapshot(at=9.0))
    view.add(
        snapshot(
            workers=(WorkerStats(4121, 0.5, 0.25, 300, 2), WorkerStats(4122, 1.0, 1.0, 12345)),
            new_points=points(1.0, 0.5),
            new_epochs=(epoch_report(1), epoch_report(2, 0.25)),
        )
    )
    return view


def stripped(text) -> str:
    return "\n".join(line.rstrip() for line in text.plain.split("\n"))


def widest(text) -> int:
    return max(line.cell_len for line in text.split("\n", allow_blank=True))


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ([], 3, "   "),
        ([0, 0], 3, "   "),
        ([0, 1, 2, 3, 4], 5, " ▂▄▆█"),
        ([1, 100], 4, "  ▁█"),
        ([9, 9, 9, 1, 1], 2, "██"),
        ([5, 5], 0, ""),
    ],
)
def test_a_sparkline_scales_its_newest_values_to_the_largest(values, width, line):
    assert sparkline(values, width, UNICODE) == line


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.integers(0, 10**9), max_size=150), width=WIDTHS, glyphs=SETS)
def test_a_sparkline_has_its_width_and_rises_with_its_values(values, width, glyphs):
    line = sparkline(values, width, glyphs)
    shown = values[len(values) - min(width, len(values)) :]
    heights = [glyphs.levels.index(mark) for mark in line]
    assert len(line) == width
    assert heights[: width - len(shown)] == [0] * (width - len(shown))
    assert [heights[-len(shown) + i] > 0 for i in range(len(shown))] == [value > 0 for value in shown]
    ranked = sorted(zip(shown, heights[width - len(shown) :], strict=True))
    assert [height for _, height in ranked] == sorted(height for _, height in ranked)


@settings(max_examples=50, deadline=None)
@given(busy=st.floats(0, 1), rest=st.floats(0, 1), width=st.integers(0, 60), glyphs=SETS)
def test_a_share_bar_has_its_width_and_hides_nothing(busy, rest, width, glyphs):
    waiting = rest * (1 - busy)
    bar = share_bar(busy, waiting, width, glyphs).plain
    counts = [bar.count(mark) for mark in (glyphs.busy, glyphs.waiting, glyphs.idle)]
    assert len(bar) == sum(counts) == width
    assert bar == glyphs.busy * counts[0] + glyphs.waiting * counts[1] + glyphs.idle * counts[2]
    assert counts[0] == 0 or abs(counts[0] - busy * width) <= 1
    assert counts[0] > 0 or busy * width <= 0.5
    if width >= 2:
        assert counts[0] > 0 or busy <= 0.005
        assert counts[1] > 0 or waiting <= 0.005 or counts[0] == width


def test_the_queue_table_looks_like_this():
    assert stripped(queue_table(ROWS, 64, 10, 1, UNICODE)) == QUEUES
    assert stripped(queue_table(ROWS, 64, 10, 1, ASCII)) == ASCII_QUEUES


def test_copies_of_a_layer_stand_below_its_name():
    rows = [
        node_view("cell", copies=2, worker=-1),
        node_view("cell-0", part_of="cell", worker=0, depth=1),
        node_view("cell-10", part_of="cell", worker=1, depth=3),
    ]
    lines = stripped(queue_table(rows, 64, 10, 0, ASCII)).splitlines()[1:]
    assert [line[1:19].rstrip() for line in lines] == ["cell      x2     4", "  copy 0  w0     1", "  copy 10 w1     3"]


def test_the_queue_table_is_drawn_from_any_row():
    rows = [node_view(f"n{index:02d}") for index in range(9)]
    lines = queue_table(rows, 80, 4, 5, ASCII, 4).plain.split("\n")[1:]
    assert [line[:4] for line in lines] == [" n04", ">n05", " n06"]


def test_the_worker_table_looks_like_this(view):
    assert stripped(worker_table(view, 60, UNICODE)) == WORKERS
    assert stripped(worker_table(view, 60, ASCII)) == WORKERS.translate(TO_ASCII)


def test_event_lines_carry_marker_letters_and_begin_at_any_row():
    entries = list(zip(lettered(EVENTS), EVENTS, strict=True))[::-1]
    assert event_lines(entries, 52, 10, UNICODE, cursor=1).plain == EVENT_LINES
    assert event_lines(entries, 52, 2, UNICODE, 1, 1).plain == "\n".join(EVENT_LINES.split("\n")[1:3])
    assert event_lines([], 60, 5, UNICODE).plain == ""
    assert event_lines(entries, 52, 10, ASCII, 0, 1).plain.isascii()


def test_the_header_shows_what_fits(view):
    assert status_line(view, 200, UNICODE).plain == STATUS
    assert status_line(view, 200, ASCII).plain == STATUS.translate(TO_ASCII)
    assert status_line(view, 80, UNICODE).plain == STATUS[:75]


def test_the_header_counts_the_viewers_where_there_are_several(view):
    for viewers, words in ((0, STATUS), (1, STATUS), (3, f"{STATUS}  3 viewers")):
        view.add(msgspec.structs.replace(view.snapshot, viewers=viewers, new_points=(), new_epochs=(), new_events=()))
        assert status_line(view, 200, UNICODE).plain == words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.RUNNING, "▶ RUN"),
        (Status.PAUSED, "‖ PAUSED (run)"),
        (Status.FAILED, "■ FAILED"),
        (Status.STOPPING, "■ STOP"),
    ],
)
def test_the_header_says_the_state_with_a_glyph_and_a_word(view, status, words):
    view.add(snapshot(at=11.0, status=status))
    assert words in status_line(view, 80, UNICODE).plain


def test_the_header_counts_what_was_dropped(view):
    assert "lost" not in status_line(view, 200, UNICODE).plain
    view.add(snapshot(at=11.0, skipped=12, units_lost=47_000))
    line = status_line(view, 120, UNICODE).plain
    assert "! 12 skipped  ! 47k lost  epoch 2/10" in line
    for second in range(12, 17):  # it is over
        view.add(snapshot(at=float(second), units_lost=47_000))
    assert "lost" not in status_line(view, 120, UNICODE).plain


@GLYPHS
def test_the_trend_is_that_of_the_last_two_validations(glyphs):
    for before, after, arrow in [(0.5, 0.4, glyphs.down), (0.4, 0.5, glyphs.up), (0.5, 0.5, glyphs.flat)]:
        assert trend([epoch_report(1, before), epoch_report(2, None), epoch_report(3, after)], glyphs) == arrow
    assert trend([epoch_report(1, 0.5), epoch_report(2, None)], glyphs) == ""


@settings(max_examples=50, deadline=None)
@given(width=WIDTHS, height=st.integers(1, 12), count=st.integers(0, 12), glyphs=SETS, frozen=st.booleans())
def test_no_line_is_wider_than_its_pane_and_ascii_stays_ascii(width, height, count, glyphs, frozen):
    view = View(session_info(target="a.module.with:long_name"))
    worked = (WorkerStats(pid=4194304, busy_s=0.7, messages=10**6, unsent=10**5),) * 2
    flying = tuple(InFlight(10**7 + key, 3600.0 / (key + 1)) for key in range(count))
    view.add(snapshot(at=9.0))
    view.add(snapshot(workers=worked, in_flight=flying, new_events=EVENTS[:count], new_points=points(1.0)))
    view.freeze(frozen)
    rows = [node_view(f"node-{index}", depth=10**6, staleness=9.0, history=range(200)) for index in range(count)]
    drawn = [
        queue_table(rows + ROWS, width, height, 0, glyphs),
        worker_table(view, width, glyphs),
        event_lines([("A", event) for event in view.past.events], width, height, glyphs),
        status_line(view, width, glyphs),
    ]
    assert [widest(text) for text in drawn if widest(text) > width] == []
    assert len(drawn[0].plain.split("\n")) <= max(2, height)
    assert glyphs is UNICODE or all(text.plain.isascii() for text in drawn)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.04, "0.04"),
        (4.74, "4.7"),
        (5.0, "5"),
        (312.4, "312"),
        (4700, "4700"),
        (47_000, "47k"),
        (1.2e6, "1.2M"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text
    assert number(value, 8) == text.rjust(8)


def test_times_are_short():
    assert [clock(seconds) for seconds in (0, 59.9, 3725, 360_000)] == ["00:00:00", "00:00:59", "01:02:05", "100:00:00"]
    assert [age(seconds) for seconds in (0.012, 0.5, 3.44, 99.0, 120)] == ["12ms", "500ms", "3.4s", "99.0s", "2m"]
