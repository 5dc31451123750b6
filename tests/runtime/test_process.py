"""The process backend: workers in processes of their own, ends of every kind, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from ampviz.errors import AmpvizError
from ampviz.runtime.checkpoint import load_checkpoint
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.link import Pause, Resume, Step, StepGoal, Stop, StopHow
from ampviz.telemetry.snapshot import Status
from tests.runtime.models import target
from tests.runtime.runs import losses, run_session, trained

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def spec(name="pipeline", **changes):
    return RunSpec(**{"target": target(name), "backend": "process", "workers": 2, **changes})


@pytest.mark.parametrize("name", ["pipeline", "recurrent"])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_training_ends_with_every_instance_counted(tmp_path: Path, name, workers):
    outcome, _ = trained(spec(name, workers=workers, knobs={"max_active_keys": 5}), tmp_path)
    assert outcome["exit"] == 0
    assert len({epoch["instances"] for epoch in outcome["epochs"]}) == 1
    assert all(epoch["max_in_flight"] <= 5 for epoch in outcome["epochs"])
    assert {node["worker"] for node in outcome["nodes"].values()} <= set(range(workers))
    pids = {worker["pid"] for worker in outcome["workers_detail"]}
    assert len(pids) == workers
    assert os.getpid() not in pids
    loss = outcome["nodes"]["loss"]
    logits = next(outcome["nodes"][node] for node in ("fc3", "out") if node in outcome["nodes"])
    assert loss["forward"] == 2 * logits["forward"] == 2 * logits["backward"]


@pytest.mark.parametrize("name", ["pipeline", "recurrent", "forgetful"])
def test_at_one_key_it_equals_the_inline_backend_bit_for_bit(tmp_path: Path, name):
    one_key = {"max_active_keys": 1, "policy": "oldest", "max_batch": 1}
    processes, got = trained(spec(name, knobs=one_key), tmp_path / "process")
    inline, expected = trained(spec(name, knobs=one_key, backend="inline"), tmp_path / "inline")
    assert losses(processes) == losses(inline)
    assert all(np.array_equal(got[key], expected[key]) for key in expected)


def test_pausing_and_stepping_lose_nothing(tmp_path: Path):
    session = Session(spec(knobs={"max_batch": 1}), tmp_path)
    tokens = []

    def disturb(snapshot):
        number = len(tokens)
        if snapshot.status is Status.RUNNING and snapshot.instances and not tokens:
            session.request(Pause(number))
        elif snapshot.status is Status.PAUSED and snapshot.stepped not in tokens:  # the step before has been taken
            tokens.append(snapshot.stepped)
            session.request(Step(number, list(StepGoal)[number % 3]) if number < 9 else Resume(number))

    session._tick_until_ended = ticking_often(session)
    outcome = run_session(session, disturb)
    assert outcome["exit"] == 0
    assert [epoch["instances"] for epoch in outcome["epochs"]] == [24, 24, 24]
    assert len(tokens) == 10
    assert outcome["nodes"]["fc1"]["backward"] == 3 * (24 + 6)


def ticking_often(session):
    """A tick every turn of the loop instead of ten a second: pauses fall between any two reports."""

    async def tick():
        while not session._ended.is_set():
            session._tick()
            await asyncio.sleep(0)

    return tick


def test_a_node_that_raises_fails_the_run_and_is_named(tmp_path: Path):
    session = Session(spec("breaking"), tmp_path)
    events = []
    outcome = run_session(session, lambda snapshot: events.extend(snapshot.new_events))
    assert outcome["exit"] == 1
    assert session.controller.status is Status.FAILED
    for part in ("bad.F key=", "worker 0", "models.py:", "RuntimeError: cannot stomach this row"):
        assert part in session.controller.error
    assert [event.text for event in events if event.kind == "ERROR"] == [session.controller.error]


def test_a_loss_that_is_not_finite_fails_the_run(tmp_path: Path):
    session = Session(spec("poisoned"), tmp_path)
    assert run_session(session)["exit"] == 1
    assert "loss" in session.controller.error
    assert "learning rate" in session.controller.error


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["inline", "process"])
def test_a_model_that_loses_messages_fails_instead_of_hanging(tmp_path: Path, backend):
    session = Session(spec("lossy", backend=backend), tmp_path)
    assert run_session(session)["exit"] == 1
    assert "no message moves, yet keys 1" in session.controller.error
    assert "loss" in session.controller.error


def test_a_killed_worker_fails_the_run_and_is_named(tmp_path: Path):
    session = Session(spec("endless"), tmp_path)

    def kill(snapshot):
        if snapshot.instances and snapshot.status is Status.RUNNING:
            os.kill(snapshot.workers[1].pid, signal.SIGKILL)

    assert run_session(session, kill)["exit"] == 1
    assert "worker 1 is gone (killed by SIGKILL)" in session.controller.error


@pytest.mark.parametrize("knobs", [{}, {"max_active_keys": 16, "max_batch": 4}])
def test_one_interrupt_brings_home_what_is_in_flight_and_saves(tmp_path: Path, knobs):
    session = Session(spec("endless", knobs=knobs), tmp_path)

    def interrupt(snapshot):
        if snapshot.instances and snapshot.status is Status.RUNNING:
            os.kill(os.getpid(), signal.SIGINT)

    outcome = run_session(session, interrupt)
    assert outcome["exit"] == 130
    saved = load_checkpoint(session.checkpoint_path)
    node = outcome["nodes"]["fc1"]
    assert saved.progress.instances + 6 * len(outcome["epochs"]) <= node["backward"]
    assert node["forward"] == node["backward"]


def test_two_interrupts_end_at_once(tmp_path: Path):
    session = Session(spec("endless", knobs={"slow_motion": 60.0}), tmp_path)

    def interrupt(snapshot):
        os.kill(os.getpid(), signal.SIGINT)

    assert run_session(session, interrupt)["exit"] == 130


def test_stop_now_saves_nothing_new(tmp_path: Path):
    session = Session(spec("endless", limit=10_000), tmp_path)
    outcome = run_session(session, lambda snapshot: session.request(Stop(1, StopHow.NOW)))
    assert outcome["exit"] == 130
    assert not outcome["epochs"]
    assert not session.checkpoint_path.exists()


@pytest.mark.parametrize("backend", ["inline", "process"])
def test_a_resumed_run_ends_like_one_that_was_never_interrupted(tmp_path: Path, backend):
    whole, expected = trained(spec("with_momentum", backend=backend), tmp_path / "whole")
    half = Session(spec("with_momentum", backend=backend, epochs=2), tmp_path)
    run_session(half)
    checkpoint = load_checkpoint(half.checkpoint_path)
    (tmp_path / "rest").mkdir()
    rest = Session(spec("with_momentum", backend=backend), tmp_path / "rest", checkpoint)
    outcome = run_session(rest)
    assert losses(outcome) == losses(whole)
    got = load_checkpoint(rest.checkpoint_path).arrays
    assert all(np.array_equal(got[key], expected[key]) for key in expected)


def test_a_worker_that_cannot_start_gives_one_error(tmp_path: Path, capfd):
    session = Session(spec(), tmp_path)
    session.backend._target = target("nonsense")
    with pytest.raises(AmpvizError, match="worker 0 did not start"):
        run_session(session)
    session.discard()
    assert "no function 'nonsense' there" in capfd.readouterr().err
