"""The inline backend: deterministic, and the same whether it was paused and stepped or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ampviz.runtime.checkpoint import load_checkpoint
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.link import Pause, Resume, SetKnob, Step, StepGoal, SwitchLint, UndoKnob
from ampviz.telemetry.snapshot import Change, Status
from tests.runtime.models import target
from tests.runtime.runs import losses, run_session, trained


def spec(name="pipeline", **changes):
    return RunSpec(**{"target": target(name), "backend": "inline", "workers": 2, "seed": 3, **changes})


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("name", ["pipeline", "recurrent"])
def test_the_same_seed_gives_bit_identical_losses_and_parameters(tmp_path: Path, name):
    first, parameters = trained(spec(name), tmp_path / "a")
    second, again = trained(spec(name), tmp_path / "b")
    assert losses(first) == losses(second)
    assert same(parameters, again)


def test_another_seed_gives_other_losses(tmp_path: Path):
    first, _ = trained(spec(), tmp_path / "a")
    second, _ = trained(spec(seed=4), tmp_path / "b")
    assert losses(first) != losses(second)


def test_dropout_draws_from_the_seed_of_the_session(tmp_path: Path):
    """What the same parameters come to after one epoch depends on nothing but the masks."""

    def continued(seed: int) -> dict[str, np.ndarray]:
        session = Session(spec("forgetful", seed=seed, epochs=1, limit=1), tmp_path)
        for name, array in session.store.arrays().items():
            array[:] = start[name]
        run_session(session)
        return load_checkpoint(session.checkpoint_path).arrays

    first = Session(spec("forgetful", epochs=1, limit=1), tmp_path)
    start = {name: array.copy() for name, array in first.store.arrays().items()}
    first.discard()
    assert same(continued(3), continued(3))
    assert not same(continued(3), continued(4))


@pytest.mark.parametrize("name", ["pipeline", "recurrent"])
@pytest.mark.parametrize("goal", list(StepGoal))
def test_a_paused_and_stepped_run_ends_with_the_parameters_of_one_never_paused(tmp_path: Path, name, goal):
    plain = spec(name, knobs={"max_batch": 1}, epochs=1)
    _, expected = trained(plain, tmp_path / "plain")
    session = Session(plain, tmp_path)
    ticks = 0

    def disturb(snapshot):
        nonlocal ticks
        ticks += 1
        if snapshot.status is Status.RUNNING and ticks < 40:
            session.request(Pause(ticks))
        elif snapshot.status is Status.PAUSED:
            session.request(Step(ticks, goal) if ticks % 3 else Resume(ticks))

    def often(worker, report, forward=session._report):
        forward(worker, report)
        session._tick()

    session._report = often  # a tick after every report, so that pauses fall between any two of them
    outcome = run_session(session, disturb)
    assert outcome["exit"] == 0
    assert ticks > 40
    assert same(load_checkpoint(session.checkpoint_path).arrays, expected)


def test_every_instance_is_trained_once_an_epoch_and_loss_falls(tmp_path: Path):
    outcome, _ = trained(spec(), tmp_path)
    assert [epoch["instances"] for epoch in outcome["epochs"]] == [24, 24, 24]
    assert [epoch["rows"] for epoch in outcome["epochs"]] == [120, 120, 120]
    assert outcome["epochs"][-1]["valid_loss"] < outcome["epochs"][0]["valid_loss"]
    node = outcome["nodes"]["fc1"]
    assert (node["forward"], node["backward"], node["updates"]) == (3 * (24 + 6), 3 * (24 + 6), 72)


@pytest.mark.parametrize("keys", [1, 3, 8])
def test_no_more_instances_are_in_flight_than_allowed(tmp_path: Path, keys):
    outcome, _ = trained(spec(knobs={"max_active_keys": keys}), tmp_path)
    assert {epoch["max_in_flight"] for epoch in outcome["epochs"]} == {keys}


@pytest.mark.parametrize("name", ["pipeline", "recurrent"])
@pytest.mark.parametrize("max_batch", [1, 16])
def test_nothing_is_remembered_at_the_end(tmp_path: Path, name, max_batch):
    session = Session(spec(name, knobs={"max_batch": max_batch, "max_active_keys": 7}), tmp_path)
    run_session(session)
    assert [worker.remembered() for worker in session.backend.workers] == [{}, {}]


def test_a_knob_changed_while_running_takes_effect_and_leaves_a_marker(tmp_path: Path):
    session = Session(spec(), tmp_path)
    events, seen = [], []

    def retune(snapshot):
        events.extend(snapshot.new_events)
        seen.append(snapshot.in_flight_count)
        if len(seen) == 1:
            assert session.request(SetKnob(1, "max_active_keys", 11)).error == ""
            assert "from 1" in session.request(SetKnob(2, "max_active_keys", 0)).error
            assert "fc2" in session.request(SetKnob(3, "fc9.learning_rate", 1.0)).error

    outcome = run_session(session, retune)
    assert outcome["knobs"]["max_active_keys"] == 11
    assert outcome["epochs"][-1]["max_in_flight"] == 11
    assert [event.marker for event in events if event.kind == "KNOB"] == ["max_active_keys 4→11"]
    (change,) = [event.change for event in events if event.kind == "KNOB"]
    assert change == Change("max_active_keys", 4, 11, "user")


def test_a_knob_change_is_taken_back_for_the_whole_session(tmp_path: Path):
    session = Session(spec(), tmp_path)
    events = []

    def retune(snapshot):
        events.extend(snapshot.new_events)
        if not events:
            assert session.request(UndoKnob(1)).error == "no knob change to take back"
            assert session.request(SetKnob(2, "fc2.learning_rate", 0.25)).error == ""
            assert session.request(UndoKnob(3)).error == ""

    outcome = run_session(session, retune)
    assert "fc2.learning_rate" not in outcome["knobs"]
    assert [event.text for event in events if event.kind == "KNOB"] == [
        "fc2.learning_rate 0.25 (user)",
        "fc2.learning_rate 0.25→as all (undone by user)",
    ]


def test_workers_share_the_work_without_changing_the_result_at_one_key(tmp_path: Path):
    one, expected = trained(spec(workers=1, knobs={"max_active_keys": 1}), tmp_path / "one")
    three, got = trained(spec(workers=3, knobs={"max_active_keys": 1}), tmp_path / "three")
    assert losses(one) == losses(three)
    assert same(expected, got)


def test_lints_are_listed_in_every_snapshot_and_switched_for_the_whole_session(tmp_path: Path):
    session = Session(spec(), tmp_path)
    seen = []

    def switch(snapshot):
        seen.append(snapshot)
        if len(seen) == 1:
            assert session.request(SwitchLint(1, 3, on=False)).error == ""
            assert "there is no lint 99" in session.request(SwitchLint(2, 99, on=False)).error

    run_session(session, switch)
    assert [lint.on for lint in seen[0].lints] == [True] * 8
    assert [lint.number for lint in seen[-1].lints if not lint.on] == [3]
    assert [event.text for snapshot in seen for event in snapshot.new_events if event.kind == "LINT"] == [
        "staleness over limit switched off"
    ]
