"""The curves: which there are, what they are made of, and that a growing list is smoothed once."""

from __future__ import annotations

import pytest

from ampviz.telemetry.history import History
from ampviz.telemetry.snapshot import RatePoint
from ampviz.tui.curves import LOSS, STALENESS, THROUGHPUT, Curves, Smooth
from tests.tui.feed import epoch_report, knob_event, points, snapshot


@pytest.fixture
def past():
    history = History()
    rates = (RatePoint(20, 0.1, 20, 1.0, 10), RatePoint(40, 0.4, 20, 0.0, 0), RatePoint(50, 0.1, 10, 3.0, 30))
    history.add(
        snapshot(
            new_points=points(3.0, 2.0, 1.0),
            new_rates=rates,
            new_epochs=(epoch_report(1, 0.5), epoch_report(2, None, metrics={"accuracy": 0.9, "f1": 0.5})),
            new_events=(knob_event(900, "mak 4→8"),),
        )
    )
    return history


def test_there_is_a_curve_for_the_loss_every_metric_throughput_and_staleness(past):
    assert Curves().subjects(past) == [LOSS, "accuracy", "f1", THROUGHPUT, STALENESS]
    assert Curves().subjects(History()) == [LOSS, THROUGHPUT, STALENESS]


def test_every_curve_has_the_changes_and_the_epochs_on_it(past):
    curves = Curves()
    for subject in curves.subjects(past):
        plot = curves.plot(subject, past, 0.0)
        assert plot.markers == [(900, "mak 4→8")]
        assert plot.epochs == [(1000, 1), (2000, 2)]
        assert plot.what == subject
        assert plot.last == 2000


def test_all_curves_have_one_axis():
    history = History()
    history.add(snapshot(new_points=points(3.0, 2.0, 1.0), new_epochs=(epoch_report(1, at_instances=200),)))
    curves = Curves()
    assert {curves.plot(subject, history, 0.0).last for subject in curves.subjects(history)} == {300}


@pytest.mark.parametrize(
    ("subject", "line", "dots"),
    [
        (LOSS, ([100, 200, 300], [3.0, 2.0, 1.0]), ([1000], [0.5])),
        ("f1", ([2000], [0.5]), ([2000], [0.5])),
        ("accuracy", ([1000, 2000], [0.875, 0.9]), ([1000, 2000], [0.875, 0.9])),
        (THROUGHPUT, ([20, 40, 50], [200.0, 50.0, 100.0]), ([1000, 2000], [250.0, 250.0])),
        (STALENESS, ([20, 50], [1.0, 3.0]), ([], [])),
    ],
)
def test_what_a_curve_is_made_of(past, subject, line, dots):
    plot = Curves().plot(subject, past, 0.0)
    assert plot.line == (line[0], pytest.approx(line[1]))
    assert plot.points == dots


def test_smoothed_throughput_is_instances_over_seconds_and_not_a_mean_of_ratios(past):
    plot = Curves().plot(THROUGHPUT, past, 0.5)
    assert plot.line[1][1] == pytest.approx((0.5 * 20 + 20) / (0.5 * 0.1 + 0.4))


def test_smoothed_staleness_weights_by_gradients(past):
    plot = Curves().plot(STALENESS, past, 0.5)
    assert plot.line[1][-1] == pytest.approx((0.25 * 10 * 1.0 + 30 * 3.0) / (0.25 * 10 + 30))


def test_a_list_that_grows_is_smoothed_once_and_another_one_anew():
    seen = []

    def parts(item):
        seen.append(item)
        return float(len(seen)), item, 1.0

    smooth, items = Smooth(parts), [1.0, 2.0]
    smooth.curve(items, 0.5)
    items += [3.0]
    _, grown = smooth.curve(items, 0.5)
    assert seen == [1.0, 2.0, 3.0]
    _, whole = Smooth(lambda item: (0.0, item, 1.0)).curve(items, 0.5)
    assert grown == whole
    smooth.curve([4.0], 0.5)
    smooth.curve(items, 0.9)
    assert seen == [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0]
