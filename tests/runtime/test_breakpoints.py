"""Breakpoints, watches and held nodes: where a run stands still, and that nothing is lost or changed by it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.errors import UsageError
from ampviz.runtime.breakpoints import Breakpoints, parse_rule
from ampviz.runtime.checkpoint import load_checkpoint
from ampviz.runtime.commands import Admit, Hit, HoldNode, SetPaused, SetRules, StepOne, Stepped
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.watches import Watches
from ampviz.telemetry.inspection import Breakpoint
from ampviz.telemetry.link import Hold, Pause, RemoveBreakpoint, Resume, SetBreakpoint, Step, StepGoal
from ampviz.telemetry.snapshot import Status
from tests.runtime.models import pipeline, recurrent, target
from tests.runtime.runs import run_session, trained
from tests.runtime.test_worker import Shop
from tests.telemetry.samples import point, report, snapshot

GRAPH = pipeline().graph()


def shop_with(*texts: str, experiment=None, **knobs) -> Shop:
    """One worker with these breakpoints; numbered from 1."""
    shop = Shop(experiment or pipeline(), **knobs)
    shop.tell(SetRules(tuple(parse_rule(text, shop.graph, number=n) for n, text in enumerate(texts, 1))))
    return shop


def run_until_halted(shop: Shop) -> list[Hit]:
    """Run until a breakpoint stops the worker or nothing waits; the hits."""
    shop.reports.clear()
    (worker,) = shop.workers
    while worker.ready and not worker.paused:
        worker.run_unit()
        shop.carry()
    return [report for report in shop.reports if isinstance(report, Hit)]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("fc1", "not a breakpoint (expected NODE.F, NODE.B or NODE.U"),
        ("fc1.X", "not a breakpoint"),
        ("fcl.F", "no node is called 'fcl'. Hint: did you mean fc"),
        ("fc1.F:3", "fc1: no such port (expected at most 0, got 3)"),
        ("fc1.U:0", "no such port"),
        ("relu1.U", "this node has no parameters"),
        ("fc1.B if", "a value is missing"),
        ("fc1.B if stale > 1", "column 1 of 'stale > 1': no figure is called 'stale'"),
        ("fc1.F if loss > 1", "no figure is called 'loss'"),
    ],
)
def test_a_text_that_is_no_breakpoint_is_refused(text, what):
    with pytest.raises(UsageError) as caught:
        parse_rule(text, GRAPH)
    assert what in str(caught.value)


def test_a_breakpoint_halts_before_its_message_and_lets_it_go_on_afterwards():
    shop = shop_with("fc2.B")
    (worker,) = shop.workers
    shop.tell(Admit((3,), (0,)))
    assert run_until_halted(shop) == [Hit(1, "fc2.B key=3", pause=True)]
    assert worker.paused
    assert worker.debugger.next_token() == "fc2.B key=3"
    assert worker.slots[GRAPH.node("fc2").id].processed == [1, 0]
    shop.tell(SetPaused(False))
    assert run_until_halted(shop) == []
    assert worker.slots[GRAPH.node("fc2").id].processed == [1, 1]


def test_a_batch_is_cut_before_the_message_that_meets_the_breakpoint():
    shop = shop_with("fc1.F if key == 2", max_batch=8)
    (worker,) = shop.workers
    shop.tell(Admit((0, 1, 2, 3), (0, 1, 2, 3)))
    assert [hit.token for hit in run_until_halted(shop)] == ["fc1.F key=2"]
    assert worker.slots[GRAPH.node("fc1").id].processed[0] == 2
    shop.tell(SetPaused(False))
    assert run_until_halted(shop) == []
    assert worker.slots[GRAPH.node("fc1").id].processed == [4, 4]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("fc1.F if key > 0 and rows > 1", ["fc1.F key=1", "fc1.F key=2"]),
        ("fc1.F if hits >= 1", []),
        ("fc1.F if nan > 0 or inf > 0", []),
        ("fc1.F if max >= mean and mean >= min and norm > 0", ["fc1.F key=0", "fc1.F key=1", "fc1.F key=2"]),
        ("fc1.F if age >= 0 and queue > 0 and version == 0 and key == 0", ["fc1.F key=0"]),
        ("loss.F if loss > 0", ["loss.F key=0", "loss.F key=1", "loss.F key=2"]),
        ("fc3.U", ["fc3.U", "fc3.U", "fc3.U"]),
        ("loss.F:1 if key == 1", ["loss.F key=1"]),
    ],
)
@pytest.mark.parametrize("max_batch", [1, 8])
def test_conditions_choose_the_messages(text, tokens, max_batch):
    shop = shop_with(text, policy="fifo", max_batch=max_batch)
    shop.tell(Admit((0, 1, 2), (0, 1, 2)))
    seen = []
    for _ in range(20):
        seen += [hit.token for hit in run_until_halted(shop)]
        shop.tell(SetPaused(False))
    assert sorted(seen) == tokens
    assert not shop.workers[0].ready


def test_staleness_is_what_the_update_will_see():
    shop = shop_with("fc1.B if staleness > 0", policy="fifo", min_update_interval=1)
    shop.tell(Admit((0, 1, 2), (0, 1, 2)))
    hits = []
    for _ in range(8):
        hits += run_until_halted(shop)
        shop.tell(SetPaused(False))
    assert len(hits) == sum(shop.workers[0].slots[GRAPH.node("fc1").id].node.staleness[1:]) == 2


def test_one_that_only_tells_does_not_halt():
    shop = Shop(pipeline())
    shop.tell(SetRules((parse_rule("fc1.F", shop.graph, number=4, pause=False),)))
    shop.tell(Admit((0, 1), (0, 1)))
    assert run_until_halted(shop) == [Hit(4, f"fc1.F key={key}", pause=False) for key in (0, 1)]
    assert not shop.workers[0].ready


def test_a_held_node_waits_while_the_rest_runs_on():
    shop = Shop(pipeline())
    fc2 = shop.graph.node("fc2").id
    shop.tell(HoldNode(fc2, held=True))
    shop.tell(Admit((0, 1), (0, 1)))
    shop.run()
    (worker,) = shop.workers
    assert not worker.ready
    assert len(worker.slots[fc2].queues[0]) == 2
    assert worker.slots[shop.graph.node("relu1").id].processed == [2, 0]
    shop.tell(HoldNode(fc2, held=False))
    shop.run()
    assert worker.slots[fc2].processed == [2, 2]


def test_a_step_may_be_asked_of_a_node():
    shop = Shop(pipeline())
    shop.tell(SetPaused(True))
    shop.tell(Admit((0, 1), (0, 1)))
    shop.reports.clear()
    shop.tell(StepOne(shop.graph.node("label").id))
    shop.tell(StepOne(shop.graph.node("fc3").id))
    steps = [report for report in shop.reports if isinstance(report, Stepped)]
    assert steps == [Stepped("label.F key=0", False), Stepped("", False)]


def spec(name="pipeline", **changes):
    return RunSpec(
        **{"target": target(name), "backend": "inline", "workers": 2, "seed": 3, "knobs": {"max_batch": 1}, **changes}
    )


NODES = ["fc1", "relu1", "fc2", "tanh", "fc3", "loss"]


@given(st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from("FB"), st.integers(0, 60)), max_size=3), st.data())
@settings(max_examples=12, deadline=None)
def test_stops_holds_and_steps_change_no_bit(tmp_path_factory, stops, data):
    """What the run meets on its way (breakpoints, held nodes, steps of all kinds) leaves the parameters alone."""
    folder = tmp_path_factory.mktemp("runs")
    plain = spec(epochs=2, knobs={"max_batch": 1, "max_active_keys": 1})
    _, expected = trained(plain, folder / "plain")
    session = Session(plain, folder)
    goals = data.draw(st.lists(st.sampled_from(list(StepGoal)), min_size=1, max_size=4))
    held = data.draw(st.sampled_from(NODES))
    turns = 0

    def disturb(shown):
        nonlocal turns
        turns += 1
        if turns == 1:
            for node, action, key in stops:
                text = f"{node}.{action} if key >= {key} and key < {key + 2}"
                assert not session.request(SetBreakpoint(1, text)).error
        if shown.status is Status.PAUSED and turns < 60:
            session.request(Step(2, goals[turns % len(goals)]))
            session.request(Hold(3, held, held=turns % 3 == 0))
        elif shown.status is Status.PAUSED or session.requests.held:
            session.request(Hold(4, held, held=False))
            session.request(Resume(5))
        elif turns % 7 == 0 and turns < 60:
            session.request(Pause(6))

    def often(worker, message, forward=session._report):
        forward(worker, message)
        session._tick()

    session._report = often
    run_session(session, disturb)
    assert session.controller.status is Status.FINISHED
    got = load_checkpoint(session.checkpoint_path).arrays
    assert all(np.array_equal(got[name], expected[name]) for name in expected)


@pytest.mark.parametrize("backend", ["inline", "process"])
def test_a_session_stops_as_a_whole_says_why_and_goes_on(tmp_path: Path, backend):
    """The breakpoint is asked for before there are workers: it waits for them."""
    session = Session(spec(backend=backend, epochs=2), tmp_path)
    assert session.request(SetBreakpoint(1, "fc2.B if key == 30")).text == "1"
    reasons, events = [], []

    def watch(shown):
        events.extend(event.kind for event in shown.new_events if event.kind in ("BREAK", "PAUSE", "RESUME"))
        if shown.status is Status.PAUSED and not reasons:
            reasons.append(shown.stopped_by)
            assert shown.breakpoints[0].hits == 1
            session.request(RemoveBreakpoint(2, 1))
            session.request(Resume(3))

    assert run_session(session, watch)["exit"] == 0
    assert reasons == ["breakpoint 1 at fc2.B key=30: fc2.B if key == 30"]
    assert events == ["BREAK", "PAUSE", "RESUME"]


def test_breakpoints_are_numbered_replaced_and_removed():
    breakpoints = Breakpoints(GRAPH, {"valid_loss"})
    assert breakpoints.set(SetBreakpoint(0, "fc1.F")).number == 1
    assert breakpoints.set(SetBreakpoint(0, "valid_loss < 1", watch=True)).number == 2
    breakpoints.hit(1)
    changed = breakpoints.set(SetBreakpoint(0, "fc1.B", number=1, enabled=False))
    assert changed == Breakpoint(1, "fc1.B", enabled=False, hits=1)
    assert breakpoints.rules() == ()
    breakpoints.remove(2)
    assert [entry.number for entry in breakpoints.listed()] == [1]
    assert breakpoints.hit(2) is None
    for wrong in (lambda: breakpoints.remove(2), lambda: breakpoints.set(SetBreakpoint(0, "fc1.F", number=9))):
        with pytest.raises(UsageError, match="there is no breakpoint"):
            wrong()
    with pytest.raises(UsageError, match="no figure is called"):
        breakpoints.set(SetBreakpoint(0, "loss < 1", watch=True))


def test_a_watch_tells_once_until_it_was_false_again():
    watches = Watches(["fc1", "loss"], ["accuracy"])
    low = Breakpoint(1, "train_loss < 0.4 and fc1.queue == 1", watch=True)
    done = Breakpoint(2, "accuracy > 0.5", watch=True)
    off = Breakpoint(3, "epoch == 1", watch=True, enabled=False)
    entries = (low, done, off, Breakpoint(4, "fc1.F"))
    assert watches.look(snapshot(), entries) == []  # no loss is known yet: nan
    assert watches.look(snapshot(new_points=(point(4),)), entries) == [low]
    assert watches.look(snapshot(new_points=(point(5),)), entries) == []
    assert watches.look(snapshot(new_points=(point(0),), new_epochs=(report(),)), entries) == [done]
    assert watches.look(snapshot(new_points=(point(4),)), entries) == [low]


def test_every_name_of_a_watch_has_a_value():
    watches = Watches(["fc1", "loss"], ["accuracy"])
    for name in watches.names():
        value = watches._figure(name, snapshot())
        assert math.isnan(value) or value >= 0


def test_a_watch_pauses_the_session(tmp_path: Path):
    session = Session(spec(epochs=3), tmp_path)
    reasons = []

    def watch(shown):
        if not shown.breakpoints:
            session.request(SetBreakpoint(1, "epoch == 2", watch=True))
        elif shown.status is Status.PAUSED:
            reasons.append(shown.stopped_by)
            session.request(Resume(2))

    def often(worker, message, forward=session._report):
        forward(worker, message)
        session._tick()

    session._report = often
    run_session(session, watch)
    assert reasons == ["watch 1: epoch == 2"]


def test_the_recurrent_model_stops_at_its_third_turn():
    shop = shop_with("cell.F if t == 2", experiment=recurrent(), policy="fifo")
    shop.tell(Admit((0,), (0,)))
    assert [hit.token for hit in run_until_halted(shop)] == ["cell.F key=0 n=3 t=2"]
    assert shop.workers[0].paused
