"""The instances in flight: the table as text, one of them followed on its way home, and the key that does it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.snapshot import InFlight
from ampviz.telemetry.trace import RECORD
from ampviz.tui.flight import followed_lines, in_flight_table
from ampviz.tui.following import Followed
from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.panes.flight import FlightPane
from tests.tui.feed import snapshot
from tests.tui.terminal import NARROW, WIDE, terminal

NAMES = ["words", "embed", "phi", "cell", "loss"]
FLYING = (
    InFlight(17, 0.5, (0, 2, 4, 6, 4, 6, 8, 9, 7)),
    InFlight(18, 0.25, (0, 2, 4, 6)),
    InFlight(-3, 0.012),
)
TABLE = """\
 key       kind     age dir at    path so far
▸k17       train  500ms bwd cell  words>embed>(phi>cell)×2>loss<loss<cell
●k18       train  250ms fwd cell  words>embed>phi>cell
 k3        valid   12ms -   -"""
TO_ASCII = str.maketrans("▸●×", ">**")


def stripped(text) -> str:
    return "\n".join(line.rstrip() for line in text.plain.split("\n"))


def traced(key: int, *hops: int) -> bytes:
    """The trace of a tick in which an instance has made these hops, and another one something."""
    records = np.zeros(len(hops) + 1, RECORD)
    records["key"] = [*[key] * len(hops), key + 1]
    records["node"] = [*(hop // 2 for hop in hops), 1]
    records["action"] = [*(hop % 2 for hop in hops), 0]
    return records.tobytes()


def test_the_table_looks_like_this():
    assert stripped(in_flight_table(FLYING, NAMES, 80, 10, UNICODE, cursor=0, followed=18)) == TABLE
    shown = stripped(in_flight_table(FLYING, NAMES, 80, 10, ASCII, cursor=0, followed=18))
    assert shown == TABLE.translate(TO_ASCII)
    assert stripped(in_flight_table(FLYING, NAMES, 80, 2, UNICODE, first=1)).split("\n")[1:] == [
        " k18       train  250ms fwd cell  words>embed>phi>cell"
    ]


def test_a_narrow_table_shows_the_newest_part_of_the_paths():
    line = stripped(in_flight_table(FLYING, NAMES, 50, 10, UNICODE)).split("\n")[1]
    assert line == " k17       train  500ms bwd cell  …>loss<loss<cell"


@given(width=st.integers(1, 120), height=st.integers(1, 8), glyphs=st.sampled_from([UNICODE, ASCII]))
@settings(max_examples=50, deadline=None)
def test_no_line_is_too_wide_and_no_table_too_high(width, height, glyphs):
    followed = Followed.of(FLYING[0], snapshot())
    table = in_flight_table(FLYING, NAMES, width, height, glyphs, followed=17)
    lines = [*table.split("\n"), *followed_lines(followed, NAMES, width, height, glyphs)]
    assert [line.plain for line in lines if line.cell_len > width] == []
    assert len(table.plain.split("\n")) <= height
    assert glyphs is UNICODE or all(line.plain.isascii() for line in lines)


def test_a_followed_instance_is_shown_in_full_on_lines_broken_before_an_arrow():
    lines = [line.plain for line in followed_lines(Followed.of(FLYING[0], snapshot()), NAMES, 26, 5, UNICODE)]
    assert lines == ["● k17 bwd at cell after 50", "words>embed>(phi>cell)×2", ">loss<loss<cell"]
    lines = followed_lines(Followed(1, 1.0, (0, 2, 4, 6, 8, 9, 7, 5)), NAMES, 10, 3, UNICODE)
    assert [line.plain for line in lines[1:]] == ["…loss<cell", "<phi"]


def test_a_followed_instance_takes_its_new_hops_from_the_trace():
    followed = Followed.of(FLYING[1], snapshot())
    followed = followed.after(snapshot(in_flight=(InFlight(18, 0.4, (4, 6, 8)),), trace=traced(18, 8)))
    assert followed == Followed(18, 0.4, (0, 2, 4, 6, 8))


def test_where_the_trace_has_lost_something_the_snapshot_tells():
    followed = Followed.of(FLYING[1], snapshot())
    after = followed.after(snapshot(in_flight=(InFlight(18, 0.4, (8, 9, 7)),), trace=traced(18, 7), trace_lost=5))
    assert after.path == (8, 9, 7)
    assert followed.after(snapshot(in_flight=(InFlight(18, 0.4, (8, 9)),))).path == (8, 9)


def test_a_followed_instance_comes_home_with_its_last_hops_and_stays_as_it_was():
    home = Followed.of(FLYING[1], snapshot()).after(snapshot(in_flight=(), trace=traced(18, 8, 9, 1)))
    assert home == Followed(18, 0.25, (0, 2, 4, 6, 8, 9, 1), home=True)
    assert home.after(snapshot(trace=traced(18, 1))) == home
    assert followed_lines(home, NAMES, 60, 2, ASCII)[0].plain == "* k18 home after 250ms, 7 steps"


async def test_f_follows_the_chosen_instance_until_it_is_pressed_again():
    async with terminal(WIDE, in_flight=FLYING) as shown:
        shown.app.query_one(FlightPane).focus()
        await shown.press("j", "f")
        assert "● k18 fwd at cell after 250ms, 4 steps" in shown.text
        await shown.push(in_flight=FLYING[:1], trace=traced(18, 8, 9))
        assert "● k18 home after 250ms, 6 steps" in shown.text
        assert ">cell>loss<loss" in shown.text
        await shown.press("f")
        assert "k18" not in shown.text
        await shown.press("f", "f")
        assert shown.app.view.followed is None


async def test_on_a_narrow_screen_the_pane_has_the_keys_when_it_is_shown():
    async with terminal(NARROW, in_flight=FLYING) as shown:
        await shown.press("3", "f")
        assert "● k17 bwd at cell" in shown.text
        await shown.push(in_flight=())
        await shown.press("f", "f")
        assert shown.app.view.followed is None
