"""Lints: each rule finds what it is for and nothing else, begins and ends once, and does not count paused time."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ampviz.errors import UsageError
from ampviz.graph import EVERY
from ampviz.runtime.effects import Effect, Figures
from ampviz.runtime.lints import Lints
from ampviz.runtime.meter import Meter
from ampviz.telemetry.snapshot import Change, NodeInfo, NodeStats, SessionInfo, Status, WorkerStats
from tests.telemetry.samples import INFO, snapshot

STARVED, ONE_SIDED, STALE, SATURATED, IDLE, GRADIENT, LEAK, BALANCE = range(1, 9)
NODES = (
    NodeInfo("words", "Source", 0),
    NodeInfo("cell", "Linear", 0, parameters=9),
    NodeInfo("fc-1", "Linear", 1, parameters=9, part_of="fc"),
    NodeInfo("fc-2", "Linear", 1, parameters=9, part_of="fc"),
)
HEALTHY: dict[str, Any] = {"busy_s": 0.2, "forward": 50, "backward": 50, "updates": 10, "stale": 1, "gradients": 50}
KNOBS: dict[str, Any] = {"max_active_keys": 4, "max_batch": 16, "slow_motion": 0.0, "freeze": False}


class Site:
    """A session of two workers and four nodes, in order until a node or worker is told to do otherwise.

    Rates are per second of training; `stale` is the staleness of each gradient. Queues, cached entries, pending
    gradients and gradient norms are as set.
    """

    def __init__(self, nodes: tuple[NodeInfo, ...] = NODES):
        self.info = SessionInfo(**{name: getattr(INFO, name) for name in INFO.__struct_fields__} | {"nodes": nodes})
        self.lints, self.meter = Lints(self.info), Meter()
        self.at = self.paused_s = self.done = 0.0
        self.rates = {node.name: dict(HEALTHY) for node in nodes}
        self.sums = {node.name: dict.fromkeys(HEALTHY, 0.0) for node in nodes}
        self.set: dict[str, dict[str, Any]] = {node.name: {} for node in nodes}
        self.at_work, self.worked = [0.5, 0.5], [0.0, 0.0]
        self.knobs, self.in_flight = dict(KNOBS), 4
        self.told: list[str] = []

    def run(self, seconds: float, effects: tuple[Effect, ...] = (), **more: Any) -> list[str]:
        """Go on for so long; what was told meanwhile."""
        told = []
        for _ in range(round(seconds * 10)):
            told += self.lints.look(self._tick(**more), effects)
            effects = ()
        return told

    def _tick(self, status: Status = Status.RUNNING, phase: str = "train", **more: Any):
        self.at += 0.1
        if status is Status.PAUSED:
            self.paused_s += 0.1
        else:
            self.done += 1
            for name, sums in self.sums.items():
                for what, rate in self.rates[name].items():
                    sums[what] += 0.1 * rate * (self.rates[name]["gradients"] if what == "stale" else 1)
            self.worked = [sum(pair) for pair in zip(self.worked, [0.1 * s for s in self.at_work], strict=True)]
        seen = snapshot(
            self.at,
            status,
            phase=phase,
            paused_s=self.paused_s,
            instances=int(self.done),
            in_flight_count=self.in_flight,
            knobs=self.knobs,
            nodes=tuple(self._stats(node.name) for node in self.info.nodes),
            workers=tuple(WorkerStats(busy_s=busy) for busy in self.worked),
            **more,
        )
        rate = self.meter.look(seen)
        return type(seen)(
            **{name: getattr(seen, name) for name in seen.__struct_fields__}
            | {"new_rates": (rate,) if rate is not None else ()}
        )

    def _stats(self, name: str) -> NodeStats:
        sums = self.sums[name]
        gradients = round(sums["gradients"])
        return NodeStats(
            forward=round(sums["forward"]),
            backward=round(sums["backward"]),
            updates=round(sums["updates"]),
            busy_s=sums["busy_s"],
            staleness=(gradients,),
            staleness_mean=sums["stale"] / gradients if gradients else 0.0,
            **self.set[name],
        )

    def found(self, number: int) -> tuple[str, ...]:
        return self.lints.listed()[number - 1].found


@pytest.fixture
def site():
    return Site()


def test_a_healthy_session_has_no_lint(site):
    assert site.run(60) == []
    assert all(lint.on and not lint.found and lint.advice.endswith(".") for lint in site.lints.listed())
    assert [lint.number for lint in site.lints.listed()] == list(range(1, 9))


def test_a_worker_with_little_work_is_starved_until_it_has_more(site):
    site.at_work = [0.9, 0.05]
    assert site.run(6.5) == []
    assert site.run(2) == ["w1: at work 5% < 20%"]
    assert site.found(STARVED) == ("w1: at work 5% < 20%",)
    assert site.run(60) == []
    site.at_work = [0.9, 0.6]
    (over,) = site.run(20)
    assert over.startswith("w1: starved worker is over after 6")
    assert site.found(STARVED) == ()


def test_what_hovers_at_the_threshold_does_not_flicker(site):
    site.at_work = [0.9, 0.1]
    assert len(site.run(10)) == 1
    for _ in range(20):
        site.at_work = [0.9, 0.25]
        assert site.run(4) == []
        site.at_work = [0.9, 0.15]
        assert site.run(4) == []


def test_paused_time_and_validation_do_not_count(site):
    site.at_work = [0.9, 0.05]
    assert site.run(6.5) == []
    assert site.run(30, status=Status.PAUSED) == []
    assert site.run(1, phase="valid") == []
    assert site.run(2) == ["w1: at work 5% < 20%"]


@pytest.mark.parametrize("how", [{"knobs": KNOBS | {"slow_motion": 0.1}}, {"held": ("cell",)}], ids=["slow", "held"])
def test_a_run_that_is_slowed_or_held_has_no_figures(site, how):
    site.at_work = [0.0, 0.0]
    site.knobs = how.pop("knobs", site.knobs)
    assert site.run(60, **how) == []


def test_one_worker_alone_is_not_starved():
    site = Site()
    site.at_work, site.worked = [0.05], [0.0]
    site.lints = Lints(SessionInfo(**{n: getattr(site.info, n) for n in INFO.__struct_fields__} | {"workers": 1}))
    assert site.run(30) == []


def test_a_queue_that_grows_on_one_side_only_is_found(site):
    for _ in range(12):
        site.set["cell"]["queued_forward"] = site.set["cell"].get("queued_forward", 0) + 10
        site.run(1)
    (found,) = site.found(ONE_SIDED)
    assert found.startswith("cell forward: queue ")
    site.run(15)
    assert site.found(ONE_SIDED) == ()


def test_queues_that_grow_on_both_sides_are_not_one_sided(site):
    for depth in range(0, 200, 10):
        site.set["cell"] = {"queued_forward": depth, "queued_backward": depth}
        assert site.run(1) == []


def test_a_queue_that_fills_because_a_knob_was_turned_is_none_of_its_business(site):
    site.run(10)
    site.knobs = site.knobs | {"max_active_keys": 64}
    for depth in range(0, 60, 15):
        site.set["cell"]["queued_forward"] = depth
        assert site.run(1) == []
    assert site.run(20) == []


def test_staleness_is_that_of_the_gradients_of_the_window(site):
    site.rates["cell"]["stale"] = 2
    assert site.run(60) == []
    site.rates["cell"]["stale"] = 6
    (told,) = site.run(20)
    assert told.startswith("cell: staleness ")
    assert site.found(STALE) == ("cell: staleness 6.0 > 4",)
    site.rates["cell"]["stale"] = 3.5
    assert site.run(20) == []  # below the limit, but not by the margin
    assert site.found(STALE) != ()
    site.rates["cell"]["stale"] = 1
    assert len(site.run(20)) == 1


def test_keys_that_only_wait_before_a_worker_that_is_always_at_work_are_too_many(site):
    site.at_work = [0.98, 0.5]
    site.rates["cell"]["busy_s"] = 0.9
    site.set["cell"] = {"queued_forward": 50, "queued_backward": 10}
    assert site.run(20) == []
    site.set["cell"]["queued_backward"] = 30
    assert site.run(10) == ["max_active_keys: 80 messages wait at cell, w0 at work 98%"]
    site.knobs["max_active_keys"] = 1
    (over,) = site.run(10)
    assert over.startswith("max_active_keys: knob past saturation is over")


@pytest.mark.parametrize(
    ("queued", "told"), [(110, []), (160, ["max_active_keys: 80 messages wait at cell, w0 at work 98%"])]
)
def test_what_waits_at_a_node_that_every_worker_hosts_is_counted_for_one_of_them(queued, told):
    site = Site((NODES[0], NodeInfo("cell", "Linear", EVERY, parameters=9)))
    site.at_work = [0.98, 0.5]
    site.rates["cell"]["busy_s"] = 0.9
    site.set["cell"] = {"queued_forward": queued}
    assert site.run(20) == told


def raised(before: Figures, after: Figures, old: int = 4, new: int = 8) -> Effect:
    return Effect((Change("max_active_keys", old, new, "user"),), before, after, 5.0)


@pytest.mark.parametrize(
    ("effect", "count"),
    [
        (raised(Figures(300, 1.4, -1.0), Figures(304, 3.1, -1.0)), 1),
        (raised(Figures(300, 1.4, -1.0), Figures(330, 3.1, -1.0)), 0),
        (raised(Figures(300, 3.1, -1.0), Figures(304, 3.2, -1.0)), 0),
        (raised(Figures(), Figures(304, 3.2, -1.0)), 0),
        (raised(Figures(300, 3.1, -1.0), Figures(300, 1.4, -1.0), 16, 8), 0),
    ],
    ids=["for nothing", "faster", "no staler", "unknown", "lowered"],
)
def test_a_raise_of_the_keys_that_gained_nothing_is_past_saturation(site, effect, count):
    site.run(6)
    site.knobs["max_active_keys"] = effect.changes[0].new
    assert len(site.run(10, effects=(effect,))) == count
    if count:
        assert "inst/s 300→304" in site.found(SATURATED)[0]
        site.knobs["max_active_keys"] = 4
        assert len(site.run(10)) == 1
        assert site.found(SATURATED) == ()


def test_a_node_that_is_not_updated_for_half_a_minute_is_found(site):
    site.run(10)
    site.rates["cell"]["updates"] = 0
    site.set["cell"]["pending"] = 12
    assert site.run(25) == []
    assert site.run(15) == ["cell: no update for 32 s of training, 12 gradients collected"]
    site.rates["cell"]["updates"] = 10
    assert len(site.run(10)) == 1


@pytest.mark.parametrize("knob", ["freeze", "fc.freeze", "fc-1.freeze"])
def test_a_frozen_node_need_not_be_updated(site, knob):
    site.rates["fc-1"]["updates"] = 0
    site.knobs[knob] = True
    assert site.run(60) == []
    site.knobs[knob] = False
    assert site.run(60) == ["fc-1: no update for 32 s of training, no gradient reaches it"]


def test_a_gradient_that_is_not_finite_is_told_at_once(site):
    site.run(0.3)
    site.set["cell"]["gradient_norm"] = math.nan
    assert site.run(0.1) == ["cell: gradient norm nan"]
    assert site.run(5) == []


def test_a_gradient_explodes_where_it_is_far_above_its_usual_norm(site):
    for number in range(40):
        site.set["cell"]["gradient_norm"] = 2 + 0.01 * number
        assert site.run(0.1) == []
    site.set["cell"]["gradient_norm"] = 150.0
    assert site.run(0.1) == []
    site.set["cell"]["gradient_norm"] = 900.0
    (told,) = site.run(0.1)
    assert told.startswith("cell: gradient norm 900 > 100 x 2.")
    for number in range(40):
        site.set["cell"]["gradient_norm"] = 2 + 0.01 * number
        site.run(0.1)
    assert site.found(GRADIENT) == ()


def test_more_remembered_than_the_keys_in_flight_need_is_a_leak(site):
    site.set["cell"]["cached"] = 4 * 5
    assert site.run(20) == []
    site.set["cell"]["cached"] = 90
    assert site.run(10) == ["cell: 90 entries remembered, 20 would be usual for 4 in flight"]


def test_anything_remembered_with_nothing_in_flight_is_a_leak(site):
    site.run(1)
    site.in_flight, site.set["cell"]["cached"] = 0, 3
    assert site.run(0.2) == []  # counters may be late
    site.in_flight = 1
    site.run(0.1)
    site.in_flight = 0
    site.run(0.3)
    assert site.run(3) == ["cell: 3 entries remembered with nothing in flight"]


def test_copies_with_unequal_shares_are_unbalanced(site):
    site.rates["fc-1"]["forward"] = 80
    site.rates["fc-2"]["forward"] = 10
    assert site.run(10) == ["fc: fc-1 takes 89% of the messages of 2 copies"]
    assert site.found(BALANCE) == ("fc: fc-1 takes 89% of the messages of 2 copies",)


def test_a_lint_that_is_switched_off_says_nothing_and_forgets_what_it_found(site):
    site.at_work = [0.9, 0.05]
    site.run(10)
    assert site.lints.switch(STARVED, on=False) == "starved worker"
    assert site.found(STARVED) == ()
    assert not site.lints.listed()[0].on
    assert site.run(30) == []
    site.lints.switch(STARVED, on=True)
    assert site.run(30) == ["w1: at work 5% < 20%"]


def test_a_lint_that_is_not_there_cannot_be_switched(site):
    with pytest.raises(UsageError, match="there is no lint 9"):
        site.lints.switch(9, on=False)
