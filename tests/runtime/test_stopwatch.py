"""The stopwatch against sums of what happened."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ampviz.runtime.stopwatch import Stopwatch


class Clock:
    def __init__(self, now: float):
        self.now = now

    def __call__(self) -> float:
        return self.now


@given(begins=st.integers(0, 10**6), spans=st.lists(st.tuples(st.booleans(), st.integers(0, 10**6)), max_size=12))
def test_time_in_pauses_and_time_without_them_add_up(begins, spans):
    clock = Clock(begins)
    watch, active, paused = Stopwatch(clock), 0, 0
    for in_pause, seconds in spans:
        watch.pause() if in_pause else watch.go_on()
        clock.now += seconds
        paused += seconds if in_pause else 0
        active += 0 if in_pause else seconds
        assert (watch.active, watch.paused, watch.now) == (active, paused, active + paused)
    watch.go_on()
    watch.go_on()
    clock.now += 7
    assert (watch.started, watch.active, watch.paused) == (begins, active + 7, paused)
