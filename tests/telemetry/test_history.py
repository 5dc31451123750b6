"""History: a viewer that comes late ends with what one attached from the start has, in bounded memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.history import MAX_TRACE, History, merged_pairs, merged_rates
from ampviz.telemetry.snapshot import LossPoint, RatePoint, Snapshot
from ampviz.telemetry.trace import RECORD, decode
from tests.telemetry.samples import event, point, report, snapshot

POINTS = st.lists(st.builds(LossPoint, st.integers(0, 10**6), st.floats(0, 100), st.integers(1, 1000)), max_size=40)


def rate(number: int) -> RatePoint:
    """What a tenth of a second of training comes to."""
    return RatePoint(10 * number, 0.1, 10, number / 2, 4)


def tick(number: int) -> Snapshot:
    """A tick that brings a point, and now and then an event or the end of an epoch."""
    return snapshot(
        number / 10,
        new_points=(point(number),),
        new_rates=(rate(number),),
        new_events=(event(number),) if number % 3 == 0 else (),
        new_epochs=(report(number),) if number % 5 == 0 else (),
    )


class Viewer:
    """Puts together what it is sent."""

    def __init__(self) -> None:
        self.points: list[LossPoint] = []
        self.rates: list[RatePoint] = []
        self.events: list[object] = []
        self.epochs: list[object] = []

    def show(self, seen: Snapshot) -> None:
        self.points += seen.new_points
        self.rates += seen.new_rates
        self.events += seen.new_events
        self.epochs += seen.new_epochs


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.integers(0, 29))
@settings(max_examples=50, deadline=None)
def test_a_viewer_that_comes_late_and_skips_ticks_ends_with_the_same_points(takes, arrival):
    early, late = Viewer(), Viewer()
    history, pending = History(), History()
    for number, takes_it in enumerate([*takes, True]):
        if number == min(arrival, len(takes)):
            pending = history.copy()
        history.add(tick(number))
        early.show(tick(number))
        if number >= min(arrival, len(takes)):
            pending.add(tick(number))
            if takes_it:
                late.show(pending.take(tick(number)))
    assert late.points == early.points
    assert late.rates == early.rates
    assert late.events == early.events
    assert late.epochs == early.epochs


def test_taking_keeps_the_rest_of_the_snapshot_and_leaves_nothing():
    history = History()
    history.add(tick(1))
    taken = history.take(snapshot(0.5, stepped="fc1.F key=7"))
    assert taken == snapshot(0.5, stepped="fc1.F key=7", new_points=(point(1),), new_rates=(rate(1),))
    assert history.take(snapshot()) == snapshot()


def test_a_copy_is_independent():
    history = History()
    history.add(tick(15))
    copy = history.copy()
    copy.take(snapshot())
    copy.add(tick(0))
    assert history.take(snapshot()) == snapshot(
        new_points=(point(15),), new_rates=(rate(15),), new_events=(event(15),), new_epochs=(report(15),)
    )


def test_a_history_of_any_length_stays_small_and_spans_the_whole_run():
    history, total, weight = History(), 40_000, 0
    for start in range(0, total, 100):
        points = tuple(point(number) for number in range(start, start + 100))
        weight += sum(each.count for each in points)
        history.add(snapshot(new_points=points, new_events=tuple(event(start + number) for number in range(100))))
        assert len(history.points) < 10_000
        assert len(history.events) < 3_000
    instances = [each.instances for each in history.points]
    assert instances == sorted(set(instances))
    assert instances[0] < total / 100 * 10
    assert instances[-1] == point(total - 1).instances
    assert sum(each.count for each in history.points) == weight
    assert history.events[-1] == event(total - 1)
    numbers = [each.at for each in history.events]
    assert numbers == [float(number) for number in range(total - len(numbers), total)]


@given(POINTS)
@settings(max_examples=50, deadline=None)
def test_merged_pairs_keeps_the_weighted_mean(points):
    merged = merged_pairs(points)
    assert len(merged) == (len(points) + 1) // 2
    assert sum(each.count for each in merged) == sum(each.count for each in points)
    assert sum(each.loss * each.count for each in merged) == pytest.approx(
        sum(each.loss * each.count for each in points)
    )


@given(POINTS)
@settings(max_examples=25, deadline=None)
def test_a_merged_point_stands_where_the_later_one_stood_and_between_their_losses(points):
    merged = merged_pairs(points)
    for index, each in enumerate(merged):
        pair = points[2 * index : 2 * index + 2]
        assert each.instances == pair[-1].instances
        low, high = min(one.loss for one in pair), max(one.loss for one in pair)
        assert low == pytest.approx(each.loss) or high == pytest.approx(each.loss) or low < each.loss < high


def test_rates_that_are_merged_add_up_to_the_same_training():
    points = [RatePoint(10, 0.1, 10, 2.0, 3), RatePoint(30, 0.3, 20, 4.0, 1), RatePoint(35, 0.1, 5, 0.0, 0)]
    assert merged_rates(points) == [RatePoint(30, 0.4, 30, 2.5, 4), RatePoint(35, 0.1, 5, 0.0, 0)]
    assert merged_rates([RatePoint(1, 0.1, 1, 0.0, 0)] * 2) == [RatePoint(1, 0.2, 2, 0.0, 0)]


def traced(number: int, records: int) -> Snapshot:
    """A tick with so many records, which all start at its number."""
    rows = np.zeros(records, RECORD)
    rows["start"] = number
    return snapshot(number / 10, trace=rows.tobytes(), trace_lost=7)


def test_a_viewer_that_skipped_ticks_gets_the_trace_of_all_of_them():
    pending = History()
    pending.add(traced(1, 2))
    pending.add(traced(2, 1))
    full = pending.take(traced(2, 1))
    assert decode(full.trace)["start"].tolist() == [1, 1, 2]
    assert full.trace_lost == 7
    pending.add(traced(3, 1))
    assert decode(pending.take(traced(3, 1)).trace)["start"].tolist() == [3]


def test_of_a_long_trace_the_oldest_ticks_go_and_count_as_lost_for_this_viewer_only():
    pending = History()
    for number in range(5):
        pending.add(traced(number, MAX_TRACE // 4))
    late = pending.copy()
    full = pending.take(traced(4, 1))
    assert sorted(set(decode(full.trace)["start"].tolist())) == [1, 2, 3, 4]
    assert full.trace_lost == 7 + MAX_TRACE // 4
    assert late.take(traced(4, 1)).trace_lost == 7
