"""The task stream as literal text: units fill slots, shares are kept where slots are coarse, pauses are gaps."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.snapshot import Status, WorkerStats
from ampviz.telemetry.trace import BACKWARD, FORWARD, NOWHERE, PAUSE, RECORD, UPDATE, decode
from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.stream import GAP, IDLE, Lane, Window, lanes, legend, strip_text, strips, summary
from ampviz.tui.timeline import KEPT_S, Timeline
from ampviz.tui.view import View
from tests.tui.feed import node_stats, session_info, snapshot
from tests.tui.terminal import NARROW, WIDE, terminal

MS = 1_000_000
ACTIONS = {"F": FORWARD, "B": BACKWARD, "U": UPDATE, "P": PAUSE}


def trace(words: str, worker: int = 0, unit: int = MS):
    """Records written as `F 0-3  B 5-9  U 8-9  P 10-20`, in milliseconds."""
    pieces = words.split()
    records = np.zeros(len(pieces) // 2, RECORD)
    for record, action, time in zip(records, pieces[::2], pieces[1::2], strict=True):
        start, end = (int(float(edge) * unit) for edge in time.split("-"))
        record["start"], record["duration"], record["action"] = start, end - start, ACTIONS[action]
        record["worker"], record["messages"] = worker, action in "FB"
        record["node"] = NOWHERE if action == "P" else 0
    return records


def drawn(
    records, first: int, count: int, slot: int = MS, workers: int = 1, glyphs=UNICODE, slow: bool = False
) -> list[str]:
    shown = [Lane(f"w{worker}", worker, -1, 0.0) for worker in range(workers)]
    return [strip_text(row, glyphs).plain for row in strips(records, shown, Window(first, count, slot), slow=slow)]


@pytest.mark.parametrize(
    ("words", "strip"),
    [
        ("", "··········"),
        ("F 0-3", "███·······"),
        ("F 0-3 B 5-9 U 8-9", "███··▓▓▓▒·"),
        ("F 2-4 P 4-8 B 8-9", "··██    ▓·"),
        ("P 0-10", "          "),
        ("F 0-10", "██████████"),
        ("F 9-20 B 20-25", "·········█"),
        ("P 0-4.4 F 4.4-4.5 P 4.5-8", "    █   ··"),  # a step is seen, however short
        ("P 0-4.4 B 4.4-4.5 U 4.41-4.49 P 4.5-10", "    ▒     "),
    ],
)
def test_a_strip_shows_what_was_done_when(words, strip):
    assert drawn(trace(words), 0, 10) == [strip]


def test_a_strip_begins_and_ends_inside_units():
    assert drawn(trace("F 0-8"), 5, 4) == ["███·"]
    assert drawn(trace("F 0-8"), 2, 4) == ["████"]
    assert drawn(trace("F 0-8"), -3, 4) == ["···█"]


def test_each_worker_has_its_own_strip():
    both = np.concatenate([trace("F 0-2"), trace("B 1-3", worker=1), trace("F 0-4", worker=9)])
    assert drawn(both, 0, 4, workers=2) == ["██··", "·▓▓·"]


def test_in_slow_motion_every_unit_is_seen():
    units = trace("F 2.1-2.11 B 5.5-5.52 U 5.51-5.515")
    assert drawn(units, 0, 8) != drawn(units, 0, 8, slow=True) == ["··█··▓··"]


def test_a_node_has_a_strip_of_its_own_with_the_pauses_of_its_worker():
    units = trace("F 0-2 F 2-4 P 4-6 B 6-8 U 7-8")
    units["node"] = [3, 4, NOWHERE, 4, 4]
    shown = [Lane("w0", 0, -1, 0.0), Lane("cell", 0, 4, 0.0), Lane("idle", 0, 5, 0.0), Lane("phi", 0, 3, 0.0)]
    text = [strip_text(row, UNICODE).plain for row in strips(units, shown, Window(0, 9, MS))]
    assert text == ["████  ▓▒·", "··██  ▓▒·", "····  ···", "██··  ···"]


def test_a_node_that_every_worker_hosts_has_a_strip_on_each():
    units = np.concatenate([trace("F 0-2 B 6-8"), trace("F 3-4 B 7-9 U 8-9", worker=1), trace("F 0-9", worker=9)])
    shown = [Lane("w0", 0, -1, 0.0), Lane("cell", 0, 0, 0.0), Lane("w1", 1, -1, 0.0), Lane("cell", 1, 0, 0.0)]
    text = [strip_text(row, UNICODE).plain for row in strips(units, shown, Window(0, 10, MS))]
    assert text == ["██····▓▓··"] * 2 + ["···█···▓▒·"] * 2


def test_lanes_are_the_workers_and_as_many_nodes_as_there_is_room_for(view):
    assert [lane.name for lane in lanes(view, 0)] == ["w0", "w1"]
    assert [lane.name for lane in lanes(view, 2)] == ["w0", "  embed", "w1", "  cell"]
    assert [(lane.name, lane.node, lane.busy) for lane in lanes(view, 9)] == [
        ("w0", -1, 0.2),
        ("  words", 0, 0.0),
        ("  embed", 1, 0.2),
        ("w1", -1, 0.8),
        ("  phi", 2, 0.0),
        ("  cell", 3, 0.7),
        ("  loss", 4, 0.1),
    ]


def test_an_ascii_strip_and_the_legend():
    assert drawn(trace("F 0-2 B 2-5 U 4-5 P 6-8"), 0, 9, glyphs=ASCII) == ["##==+.  ."]
    assert legend(UNICODE) == "█ forward ▓ backward ▒ update · idle"
    assert legend(ASCII).isascii()


def test_where_slots_are_coarse_every_kind_has_its_share_of_the_characters():
    units = " ".join(f"F {n}-{n + 0.5} B {n + 0.5}-{n + 0.8} U {n + 0.7}-{n + 0.8}" for n in range(400))
    (strip,) = drawn(trace(units), 0, 100, slot=4 * MS)
    for mark, share in {"█": 50, "▓": 20, "▒": 10, "·": 20}.items():
        assert abs(strip.count(mark) - share) <= 1
        assert abs(strip[:50].count(mark) - share / 2) <= 2  # anywhere on it


def test_a_strip_moves_to_the_left_and_does_not_change_otherwise():
    units = trace(" ".join(f"F {n}-{n + 0.3} B {n + 0.4}-{n + 0.7}" for n in range(200)))
    (before,), (after,) = drawn(units, 0, 50, slot=3 * MS), drawn(units, 5, 50, slot=3 * MS)
    assert before[5:] == after[:-5]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10**6), st.integers(1, 10**5)), max_size=30),
    st.integers(1, 10**5),
    st.integers(1, 60),
)
@settings(max_examples=60, deadline=None)
def test_any_records_make_a_strip_of_its_width(rows, slot, count):
    records = np.zeros(len(rows), RECORD)
    for record, (action, start, duration) in zip(records, rows, strict=True):
        record["action"], record["start"], record["duration"] = action, start, duration
    (kinds,) = strips(records, [Lane("w0", 0, -1, 0.0)], Window(0, count, slot))
    assert len(kinds) == count
    assert set(kinds.tolist()) <= {FORWARD, BACKWARD, UPDATE, IDLE, GAP}


def test_a_window_ends_with_the_last_whole_slot():
    assert Window.before(1_000, 500, 50) == Window(50, 50, 10)
    assert Window.before(1_009, 500, 50) == Window(50, 50, 10)
    assert Window.before(10, 3, 100) == Window(-90, 100, 1)


def tick(at: float, words: str = "", **changes):
    return snapshot(at=at, trace=trace(words).tobytes(), **changes)


def test_a_timeline_knows_until_when_it_goes_and_forgets_what_is_old():
    line = Timeline()
    line.add(tick(1.0, "F 900-950 B 955-980"))
    assert line.until == 980 * MS
    line.add(tick(2.0))  # nothing was done, and that is known
    assert line.until == 2000 * MS
    line.add(tick(3.0, "P 2000-2900", status=Status.PAUSED))
    line.add(tick(4.0, status=Status.PAUSED))
    assert line.until == 2000 * MS
    assert len(line.between(0, 5000 * MS)) == 3
    line.add(tick(KEPT_S + 5, "F 14900-14950"))
    assert line.between(0, 20_000 * MS)["start"].tolist() == [14900 * MS]


def test_a_timeline_that_goes_back_in_time_begins_anew():
    line = Timeline()
    line.add(tick(5.0, "F 4900-4950"))
    line.add(tick(1.0, "F 900-950"))
    assert line.until == 950 * MS
    assert line.between(0, 9000 * MS)["start"].tolist() == [900 * MS]


@pytest.fixture
def view() -> View:
    """Two workers, of which the second one is at work most of the time, with `cell`."""
    view = View(session_info())
    idle = node_stats()
    view.add(snapshot(at=9.0, nodes=(idle,) * 5))
    view.add(
        snapshot(
            nodes=(idle, node_stats(busy_s=0.2), idle, node_stats(busy_s=0.7), node_stats(busy_s=0.1)),
            workers=(WorkerStats(4121, 0.2, 0.1), WorkerStats(4122, 0.8, 0.6)),
        )
    )
    return view


def test_the_summary_names_the_bubble_and_what_all_wait_for(view):
    assert summary(view, UNICODE).plain == "bubble 50%  critical w1 cell (never idle: 390 inst/s)"
    view.add(snapshot(at=10.05, workers=view.snapshot.workers, nodes=view.snapshot.nodes, units_lost=12_345))
    assert summary(view, ASCII).plain.endswith("  12k units lost")


def test_before_anything_was_measured_the_summary_is_silent():
    assert summary(View(session_info()), UNICODE).plain == ""


STREAM = "F 6000-9000 B 9000-9990 U 9400-9990"


@pytest.mark.parametrize(("size", "ascii_only"), [(NARROW, False), (NARROW, True), (WIDE, False)])
async def test_the_pane_shows_a_strip_for_each_worker(size, ascii_only):
    async with terminal(size, ascii_only=ascii_only, trace=trace(STREAM).tobytes()) as shown:
        if size == NARROW:
            await shown.press("4")
        row = strip_of(shown)
        forward, backward, update = "#=+" if ascii_only else "█▓▒"
        assert row.index(forward) < row.index(backward) < row.index(update)
        assert "last 2 s" in shown.text
        assert "4121" in shown.text
        assert not ascii_only or shown.text.isascii()


async def test_keys_zoom_and_move_in_time_and_come_back():
    async with terminal(NARROW, trace=trace(STREAM).tobytes()) as shown:
        await shown.press("4", "plus", "plus")
        assert "last 0.5 s" in shown.text
        assert "█" not in strip_of(shown)
        await shown.press("left", "left", "left", "left", "left", "left", "left", "left")
        assert "1 s ago, 0.5 s" in shown.text
        assert "▒" not in strip_of(shown)
        await shown.press(*["right"] * 8)
        assert "last 0.5 s" in shown.text
        await shown.press("minus", "h", "r")
        assert "last 2 s" in shown.text
        await shown.press(*["minus"] * 9)
        assert "last 10 s" in shown.text
        await shown.press(*["plus"] * 20)
        assert "last 0.001 s" in shown.text


async def test_while_paused_the_pane_says_what_comes_next_and_shows_the_gap():
    async with terminal(NARROW, trace=trace(STREAM).tobytes()) as shown:
        await shown.press("4")
        paused = trace("P 9990-10490").tobytes()
        await shown.push(
            at=10.5, status=Status.PAUSED, next=("embed.F key=17", ""), stepped="phi.F key=3", trace=paused
        )
        assert strip_of(shown).endswith("▒")
        assert "w0 next  embed.F key=17" in shown.text
        assert "w1 next  nothing waits" in shown.text
        assert "last step phi.F key=3" in shown.text


def strip_of(shown) -> str:
    """The first worker's strip on the screen."""
    found = re.search(r"^[│|] ?w0 (.*?) +\d+%", shown.text, re.MULTILINE)
    assert found
    return found[1]


def test_the_trace_of_a_snapshot_may_be_empty():
    assert drawn(decode(b""), 0, 3) == ["···"]
