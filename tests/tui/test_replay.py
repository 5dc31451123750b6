"""Replay: the feed shows the session as it was at any time; the scrubber says where; the keys move it."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.link import Pause
from ampviz.telemetry.reading import Recording
from ampviz.telemetry.recording import Recorder
from ampviz.telemetry.snapshot import Event, LossPoint, RatePoint, Snapshot, Status
from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.replay import LANDMARKS, Position, ReplayFeed
from ampviz.tui.replay_app import ReplayApp
from ampviz.tui.scrubber import Scrubber, rail, scrubber_line, time_at
from ampviz.tui.view import View
from tests.telemetry.samples import trace, write
from tests.tui.feed import epoch_report, node_stats, session_info, snapshot
from tests.tui.terminal import WIDE, Terminal

INFO = session_info()
EVENTS = {5: "PAUSE", 20: "KNOB", 21: "LINT", 60: "EPOCH", 200: "KNOB", 310: "BREAK"}


def tick(number: int) -> Snapshot:
    """Tick `number` of a session: a tenth of a second each; depths and instances tell which."""
    at = number / 10
    return snapshot(
        at=at,
        instances=number,
        epoch_done=number,
        nodes=tuple(node_stats(queued_forward=number % 7 + depth, updates=number) for depth in range(5)),
        new_points=(LossPoint(number, 1 / (1 + number)),),
        new_rates=(RatePoint(number, 0.1, 1, 0.5, 2),),
        new_epochs=(epoch_report(1),) if EVENTS.get(number) == "EPOCH" else (),
        new_events=(Event(at - 0.05, EVENTS[number], f"event {number}", number, "m"),) if number in EVENTS else (),
        trace=trace(3, at - 0.05, worker=number % 2).tobytes(),
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    """A recording of 400 ticks."""
    return write(
        tmp_path_factory.mktemp("replay") / "run.ampviz", *(tick(number) for number in range(1, 401)), info=INFO
    )


@pytest.fixture
def feed(path: Path):
    with closing(ReplayFeed(Recording(path))) as made:
        yield made


class Screen:
    """A view on a feed, as the application has one."""

    def __init__(self, feed: ReplayFeed):
        self.feed, self.view, self.drawn, self.rewound = feed, View(feed.info), 0, 0
        feed.on_rewind = self.rewind
        feed.listen(self.show, lambda finished: None)

    def rewind(self) -> None:
        self.rewound += 1
        self.view.rewind()

    def show(self, seen: Snapshot) -> None:
        self.view.add(seen)
        self.drawn += not self.feed.catching_up

    @property
    def tick(self) -> int:
        return self.view.snapshot.instances

    def looks_live(self) -> None:
        """The view is what somebody who watched the session would have seen at this time."""
        live = View(INFO)
        for number in range(1, self.tick + 1):
            live.add(tick(number))
        assert self.view.snapshot == live.snapshot
        assert self.view.nodes() == live.nodes()
        assert (self.view.past.points, self.view.past.epochs) == (live.past.points, live.past.epochs)
        assert self.view.past.rates == live.past.rates
        assert self.view.past.events == live.past.events


def test_it_begins_at_the_beginning_and_plays(feed):
    screen = Screen(feed)
    assert (screen.tick, feed.playing) == (1, True)
    feed.advance(0.35)
    assert screen.tick == 4
    feed.change_speed(1)
    feed.advance(0.1)
    assert screen.tick == 6
    screen.looks_live()


def test_it_stops_at_the_end_and_plays_again_from_the_beginning(feed):
    screen = Screen(feed)
    feed.seek(39.95)
    feed.advance(1.0)
    feed.advance(0.1)
    assert (screen.tick, feed.playing) == (400, False)
    feed.advance(5.0)
    assert screen.tick == 400
    feed.toggle()
    assert (screen.tick, feed.playing) == (1, True)


def test_standing_still_nothing_moves(feed):
    screen = Screen(feed)
    feed.toggle()
    feed.advance(10.0)
    assert screen.tick == 1


@given(st.lists(st.floats(-5, 50), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_wherever_one_goes_the_screen_is_what_it_was(path, places):
    with closing(ReplayFeed(Recording(path))) as feed:
        screen = Screen(feed)
        for at in places:
            before = screen.drawn
            feed.seek(at)
            assert screen.tick == max(1, min(400, int(round(at * 10, 6))))
            assert screen.drawn - before <= 1
            screen.looks_live()


def test_a_step_ahead_leads_on_and_a_step_back_begins_anew(feed):
    screen = Screen(feed)
    feed.seek(5.0)
    assert screen.rewound == 0
    feed.step(1)
    assert (screen.tick, screen.rewound, feed.playing) == (51, 0, False)
    feed.step(-1)
    assert (screen.tick, screen.rewound) == (50, 1)
    feed.step(-100)
    assert screen.tick == 1


def test_trace_comes_once_in_the_tick_in_which_it_was_told(feed):
    seen: list[Snapshot] = []
    feed.listen(seen.append, lambda finished: None)
    feed.seek(0.8)
    assert [each.trace for each in seen] == [tick(number).trace for number in range(1, 9)]


@pytest.mark.parametrize(
    ("landmark", "ticks"),
    [
        ("event", [5, 20, 21, 60, 200, 310]),
        ("epoch", [60]),
        ("knob change", [20, 200]),
        ("stop", [5, 310]),
        ("lint", [21]),
    ],
)
def test_landmarks_are_found_both_ways(feed, landmark, ticks):
    screen = Screen(feed)
    while feed.landmark != landmark:
        feed.next_landmark_kind()
    there = []
    while (event := feed.to_landmark(1)) is not None:
        assert event.text == f"event {screen.tick}"
        assert screen.view.past.events[-1] == event
        there.append(screen.tick)
    assert there == ticks
    feed.to_end()
    back = []
    while feed.to_landmark(-1) is not None:
        back.append(screen.tick)
    assert back == ticks[::-1]
    assert not feed.playing


def test_every_kind_of_landmark_comes_round(feed):
    seen = [feed.landmark]
    for _ in LANDMARKS:
        feed.next_landmark_kind()
        seen.append(feed.landmark)
    assert seen == [*LANDMARKS, "event"]


async def test_what_is_past_cannot_be_steered(feed):
    assert (await feed.request(Pause)).error == "not in a replay"


def test_a_long_gap_passes_in_a_second(tmp_path):
    path = write(tmp_path / "gap.ampviz", tick(1), msgspec.structs.replace(tick(2), at=900.0), info=INFO)
    with closing(ReplayFeed(Recording(path))) as feed:
        screen = Screen(feed)
        feed.advance(0.9)
        assert screen.tick == 1
        feed.advance(0.2)
        assert screen.tick == 2


def test_a_recording_of_nothing_shows_nothing(tmp_path):
    path = write(tmp_path / "none.ampviz", info=INFO)
    with closing(ReplayFeed(Recording(path))) as feed:
        screen = Screen(feed)
        feed.advance(1.0)
        feed.seek(5.0)
        feed.step(1)
        feed.to_end()
        feed.toggle()
        assert feed.to_landmark(1) is None
        assert screen.view.snapshot is None


def test_one_that_is_under_way_is_followed(tmp_path):
    with closing(Recorder(tmp_path / "live.ampviz", INFO)) as recorder:
        recorder.record(msgspec.structs.replace(tick(1), at=1.0))
        with closing(ReplayFeed(Recording(tmp_path / "live.ampviz"))) as feed:
            screen = Screen(feed)
            recorder.record(msgspec.structs.replace(tick(20), at=2.0))
            feed.advance(5.0)
            assert (screen.tick, feed.playing) == (20, True)
            feed.advance(5.0)
            assert not feed.playing
            recorder.record(msgspec.structs.replace(tick(30), at=3.0))
            feed.to_end()
            assert screen.tick == 30


# The scrubber

SOME = (
    Event(1.0, "EPOCH", ""), Event(2.0, "KNOB", ""), Event(3.0, "VIEWER", ""), Event(4.0, "BREAK", ""),
    Event(6.0, "LINT", ""), Event(6.0, "EPOCH", ""), Event(8.0, "PAUSE", ""),
)  # fmt: skip


def position(**changes) -> Position:
    fields = {"at": 5.0, "start": 0.0, "end": 10.0, "playing": True, "speed": 1.0, "landmark": "event", "events": SOME}
    return Position(**(fields | changes))


@pytest.mark.parametrize(
    ("width", "glyphs", "changes", "line"),
    [
        (80, UNICODE, {}, " ▶ 1x     00:00:05.0 ─────┆────◆────────■────●────!────────‖────────── 00:00:10 "),
        (80, ASCII, {}, " > 1x     00:00:05.0 -----|----o--------x----*----!--------=---------- 00:00:10 "),
        (
            80, UNICODE, {"at": 0.0, "playing": False, "speed": 0.25, "events": ()},
            " ‖ 0.25x  00:00:00.0 ●──────────────────────────────────────────────── 00:00:10 ",
        ),
        (
            100, UNICODE, {"at": 7000.0, "end": 7000.0, "speed": 100.0, "events": ()},
            " ▶ 100x   01:56:40.0 ────────────────────────────────────────────────● 01:56:40  , .  event         ",
        ),
        (60, UNICODE, {"end": 0.0, "at": 0.0}, " ▶ 1x     00:00:00.0 ●──────────────────────────── 00:00:00 "),
    ],
)  # fmt: skip
def test_the_line_is_drawn(width, glyphs, changes, line):
    drawn = scrubber_line(position(**changes), width, glyphs)
    assert drawn.plain == line
    assert drawn.cell_len == width


@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_a_column_and_its_time_belong_together(width):
    left, length = rail(width)
    here = position(start=2.0, end=50.0, events=())
    for column in range(left, left + length):
        at = time_at(column, width, here)
        assert scrubber_line(position(start=2.0, end=50.0, events=(), at=at), width, UNICODE).plain[column] == "●"
    assert time_at(0, width, here) == 2.0
    assert time_at(width, width, here) == 50.0


# The application


@asynccontextmanager
async def replaying(path: Path, size: tuple[int, int] = WIDE, **options):
    """The application on the recording, standing still so that only the test moves it."""
    with closing(ReplayFeed(Recording(path))) as feed:
        feed.playing = False
        app = ReplayApp(feed, **options)
        async with app.run_test(size=size) as pilot:
            shown = Terminal(app, feed, pilot)
            await shown.settle()
            yield shown


async def test_the_header_says_replay_and_the_scrubber_where(path):
    async with replaying(path) as shown:
        assert "○ REPLAY (RUN)" in shown.text
        assert "00:00:00.1" in shown.text
        await shown.press("end")
        assert "00:00:40.0" in shown.text


async def test_keys_move_it(path):
    async with replaying(path) as shown:
        ticks = []
        for key in ("full_stop", "full_stop", "comma", "right", "right", "left", "end", "home"):
            await shown.press(key)
            ticks.append(shown.app.view.snapshot.instances)
        assert ticks == [5, 20, 5, 6, 7, 6, 400, 1]


async def test_t_chooses_where_the_keys_go_and_the_words_say_what_is_there(path):
    async with replaying(path) as shown:
        await shown.press("t", "t")
        assert "knob change" in shown.text
        await shown.press("full_stop")
        assert "KNOB event 20" in shown.text
        await shown.press("comma")
        assert "no knob change before this" in shown.text


async def test_space_plays_and_the_speed_is_shown(path):
    async with replaying(path) as shown:
        await shown.press("space", "greater_than_sign", "greater_than_sign")
        assert shown.feed.playing
        assert "▶ 5x" in shown.text
        await shown.press("space", "less_than_sign")
        assert not shown.feed.playing
        assert "‖ 2x" in shown.text


async def test_playing_moves_the_screen(path):
    async with replaying(path) as shown:
        shown.feed.playing = True
        shown.app.play_on(1.0)
        shown.feed.playing = False
        await shown.settle()
        assert 11 <= shown.app.view.snapshot.instances <= 20  # its own timer may have come in between


async def test_a_click_on_the_rail_goes_there(path):
    async with replaying(path) as shown:
        left, length = rail(WIDE[0])
        await shown.pilot.click(Scrubber, offset=(left + length // 2, 0))
        await shown.settle()
        assert shown.app.view.snapshot.at == pytest.approx(20.0, abs=0.4)
        await shown.pilot.click(Scrubber, offset=(2, 0))
        assert shown.app.view.snapshot.at == pytest.approx(20.0, abs=0.4)


async def test_steering_keys_say_that_it_is_a_replay(path):
    async with replaying(path) as shown:
        await shown.press("s")
        assert "not in a replay" in shown.text
        await shown.press("right_square_bracket")
        assert "not in a replay" in shown.text


async def test_q_leaves_at_once(path):
    async with replaying(path) as shown:
        await shown.press("q")
        assert not shown.app.is_running or shown.app._exit


async def test_the_state_that_was_is_told(tmp_path):
    path = write(tmp_path / "run.ampviz", tick(1), msgspec.structs.replace(tick(2), status=Status.PAUSED), info=INFO)
    async with replaying(path, (80, 24), ascii_only=True) as shown:
        await shown.press("right")
        assert "o REPLAY (PAUSED)" in shown.text
        assert shown.text.isascii()
