"""Tallies: means over rows whatever the messages they came in, and the report of an epoch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.runtime.commands import LossSeen
from ampviz.runtime.tally import Tally, epoch_report

MESSAGES = st.lists(st.lists(st.tuples(st.floats(0, 10), st.booleans()), min_size=1, max_size=6), max_size=8)


def seen(rows: list[tuple[float, bool]], key: int = 0) -> LossSeen:
    """What a loss node reports of rows of (loss, answered right)."""
    right = float(sum(hit for _, hit in rows))
    return LossSeen(len(rows), sum(loss for loss, _ in rows), {"accuracy": right})


@given(MESSAGES)
@settings(max_examples=50, deadline=None)
def test_means_are_over_rows_and_not_over_messages(messages):
    tally = Tally()
    for key, rows in enumerate(messages):
        tally.add(seen(rows, key))
    every = [row for rows in messages for row in rows]
    assert tally.rows == len(every)
    if every:
        losses, hits = zip(*every, strict=True)
        assert tally.mean_loss == pytest.approx(np.mean(losses))
        assert tally.mean_metrics() == {"accuracy": pytest.approx(np.mean(hits))}
    else:
        assert tally.mean_loss == 0.0
        assert tally.mean_metrics() == {}


def test_losses_with_different_metrics_do_not_dilute_each_other():
    tally = Tally()
    tally.add(LossSeen(2, 4.0, {"accuracy": 1.0}))
    tally.add(LossSeen(6, 4.0, {"error": 3.0}))
    assert tally.mean_metrics() == {"accuracy": 0.5, "error": 0.5}
    assert tally.mean_loss == 1.0


@pytest.mark.parametrize(("seconds", "rate"), [(4.0, 2.5), (0.5, 20.0), (0.0, 0.0)])
def test_a_rate_is_a_count_over_the_seconds(seconds, rate):
    assert Tally(seconds=seconds).per_second(10) == rate


@pytest.fixture
def train() -> Tally:
    return Tally(
        instances=40,
        rows=400,
        loss=200.0,
        metrics={"accuracy": 100.0},
        metric_rows={"accuracy": 400},
        seconds=8.0,
        max_in_flight=4,
    )


def test_a_report_without_validation_has_the_metrics_of_training(train):
    report = epoch_report(2, train, None, 80)
    assert (report.epoch, report.at_instances) == (2, 80)
    assert (report.instances, report.rows, report.seconds, report.max_in_flight) == (40, 400, 8.0, 4)
    assert (report.train_loss, report.metrics) == (0.5, {"accuracy": 0.25})
    assert (report.instances_per_s, report.rows_per_s) == (5.0, 50.0)
    assert report.valid_loss is report.valid_instances_per_s is None


def test_a_report_with_validation_has_the_metrics_of_validation(train):
    valid = Tally(
        instances=10,
        rows=100,
        loss=30.0,
        metrics={"accuracy": 90.0},
        metric_rows={"accuracy": 100},
        seconds=2.0,
        max_in_flight=9,
    )
    report = epoch_report(1, train, valid, 40)
    assert (report.train_loss, report.valid_loss) == (0.5, 0.3)
    assert report.metrics == {"accuracy": 0.9}
    assert report.valid_instances_per_s == 5.0
    assert (report.instances, report.rows, report.max_in_flight) == (40, 400, 4)


def test_a_report_of_nothing_has_no_division_by_zero():
    report = epoch_report(1, Tally(), Tally(), 0)
    assert (report.train_loss, report.valid_loss, report.metrics) == (0.0, 0.0, {})
    assert (report.instances_per_s, report.rows_per_s, report.valid_instances_per_s) == (0.0, 0.0, 0.0)
