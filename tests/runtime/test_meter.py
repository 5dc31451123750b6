"""The meter: what of the time between snapshots is training."""

from __future__ import annotations

import pytest

from ampviz.telemetry.snapshot import RatePoint, Status
from tests.runtime.ticks import Training


def rates(training: Training, ticks: int, **how) -> list[RatePoint]:
    return [rate for _ in range(ticks) for rate in training.tick(**how).new_rates]


def test_seconds_instances_and_staleness_are_those_since_the_last_tick():
    training = Training(instances_per_s=50, staleness=3)
    training.tick()
    (first,) = rates(training, 1)
    training.staleness = 1
    (second,) = rates(training, 1)
    assert first == RatePoint(10, pytest.approx(0.1), 5, pytest.approx(3.0), 5)
    assert second == RatePoint(15, pytest.approx(0.1), 5, pytest.approx(1.0), 5)


def test_validation_and_pauses_do_not_count():
    training = Training()
    training.tick()
    assert len(rates(training, 5)) == 5
    assert rates(training, 5, phase="valid") == []
    assert len(rates(training, 5)) == 4  # the first one began in the validation
    assert rates(training, 10, status=Status.PAUSED) == []
    (after,) = rates(training, 1)
    assert after.seconds == pytest.approx(0.1)
    assert after.done == 10


def test_training_without_gradients_has_no_staleness():
    training = Training(instances_per_s=0)
    training.tick()
    (rate,) = rates(training, 1)
    assert (rate.done, rate.gradients, rate.staleness) == (0, 0, 0.0)
