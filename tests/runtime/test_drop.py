"""Dropping an instance: gone everywhere, whatever was under way, while all others come home."""

from __future__ import annotations

import itertools
import random
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.errors import UsageError
from ampviz.graph import EVERY
from ampviz.placement import place
from ampviz.runtime.controller import Controller
from ampviz.runtime.plan import ALL, Plan
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.worker import Worker
from ampviz.telemetry.link import Drop, Pause, Resume, Step, StepGoal
from ampviz.telemetry.snapshot import Status
from tests.nodes.models import MODELS
from tests.runtime.modelled import experiment, target
from tests.runtime.runs import run_session
from tests.runtime.test_controller import Clock

VARIED = (
    "recurrent",
    "routed",
    "columns",
    "tree",
    "tree_lstm",
    "gated_graph",
    "downwards",
)  # loops, joins, trees, graphs


class Network:
    """Workers and a controller whose messages, commands and reports take any time, but keep their order on each way."""

    def __init__(self, name: str, workers: int, seed: int, *, by_key: bool = False, **knobs: int):
        made = experiment(name)
        graph = made.graph()
        placement = [EVERY] * len(graph.nodes) if by_key else place(graph, workers)
        self.draw = random.Random(seed)
        self.store = ParameterStore(graph, made.optimizer)
        clock = itertools.count().__next__
        data = (made.train, made.valid)
        graphs = [made.graph() for _ in range(workers)] if by_key else [graph] * workers
        for own in graphs:
            self.store.equipped(own)
        self.workers = [
            Worker(index, own, placement, self.store, data, clock=clock) for index, own in enumerate(graphs)
        ]
        sources = {placement[node.id] for node in graph.nodes if node.kind == "Source"}
        plan = Plan(2, len(made.train), len(made.valid), 0, workers, len(sources), by_key)
        self.controller = Controller(plan, made.knob_values(graph, knobs), clock=Clock())
        self.ways: dict[tuple[str, int, int], deque] = {}
        self.retired: list[int] = []
        self.controller.start()
        self.carry()

    def carry(self) -> None:
        """Put what everyone has to say on its way."""
        for address, command in self.controller.outbox:
            for worker in self.workers if address == ALL else [self.workers[address]]:
                self.way("command", 0, worker.index).append(command)
        self.controller.outbox.clear()
        for worker in self.workers:
            for to, message in worker.outbox:
                self.way("message", worker.index, to).append(message)
            self.way("report", worker.index, 0).extend(worker.reports)
            worker.outbox.clear()
            worker.reports.clear()

    def way(self, kind: str, start: int, end: int) -> deque:
        return self.ways.setdefault((kind, start, end), deque())

    def move(self) -> bool:
        """One thing happens somewhere; False if nothing can."""
        ready = [worker for worker in self.workers if worker.ready]
        full = [(way, queue) for way, queue in self.ways.items() if queue]
        if not ready and not full:
            return False
        choice = self.draw.randrange(len(ready) + len(full))
        if choice < len(ready):
            ready[choice].run_unit()
        else:
            (kind, start, end), queue = full[choice - len(ready)]
            entry = queue.popleft()
            match kind:
                case "command":
                    self.workers[end].apply(entry)
                case "message":
                    self.workers[end].deliver(*entry)
                case "report":
                    self.controller.report(start, entry)
        self.carry()
        return True

    def in_flight(self) -> int:
        return len({key for worker in self.workers for key in worker.residents.admitted})


@pytest.mark.parametrize("name", VARIED)
@settings(max_examples=6, deadline=None)
@given(
    workers=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    max_batch=st.sampled_from([1, 4]),
    chance=st.sampled_from([0.002, 0.02, 0.2]),
    by_key=st.booleans(),
)
def test_drops_at_any_moment_leave_nothing_behind_and_every_epoch_ends(name, workers, seed, max_batch, chance, by_key):
    network = Network(name, workers, seed, by_key=by_key, max_active_keys=5, max_batch=max_batch)
    controller = network.controller
    while network.move():
        if controller.in_flight and network.draw.random() < chance:
            controller.drop(network.draw.choice(sorted(controller.in_flight)))
            network.carry()
    assert controller.status is Status.FINISHED
    assert [worker.remembered() for worker in network.workers] == [{}] * workers
    events = [event for event in controller.take_events() if event.kind == "DROP"]
    assert controller.phases.dropped == len(events)
    trained = sum(report.instances for report in controller.progress.epochs)
    assert trained == controller.progress.instances
    validated = 2 * 6
    assert trained <= 60 <= trained + controller.phases.dropped <= 60 + validated


@pytest.mark.parametrize("backend", ["inline", "process"])
@pytest.mark.parametrize("name", ["recurrent", "tree", "gated_graph"])
def test_a_session_goes_on_after_drops_while_running_paused_and_stepping(tmp_path: Path, backend, name):
    spec = RunSpec(target(name), backend, workers=2, knobs={"max_active_keys": 4})
    session = Session(spec, tmp_path)
    draw, events, last, dropped = random.Random(1), [], [], 0

    def disturb(shown):
        nonlocal dropped
        last.append(shown)
        events.extend(event for event in shown.new_events if event.kind == "DROP")
        if shown.in_flight and dropped < 12 and draw.random() < 0.2:
            dropped += not session.request(Drop(1, draw.choice(shown.in_flight).key)).error
        if shown.status is Status.PAUSED:
            session.request(draw.choice([Step(2, StepGoal.MESSAGE), Step(2, StepGoal.INSTANCE), Resume(2)]))
        elif draw.random() < 0.05:
            session.request(Pause(3))

    def often(worker, message, forward=session._report):
        forward(worker, message)
        session._tick()

    session._report = often
    assert run_session(session, disturb)["exit"] == 0
    assert dropped == last[-1].dropped == len(events) > 5
    assert [node.cached + node.queued_forward + node.queued_backward for node in last[-1].nodes] == [0] * len(
        last[-1].nodes
    )


@settings(max_examples=60, deadline=None)
@given(workers=st.integers(1, 3), seed=st.integers(0, 2**32), knobs=st.lists(st.integers(1, 7), max_size=4))
def test_instances_dealt_to_workers_are_never_more_than_the_knob_says_and_each_is_trained_once(workers, seed, knobs):
    network = Network("recurrent", workers, seed, by_key=True, max_active_keys=5, max_batch=1)
    controller, limit, settled = network.controller, 5, True
    while network.move():
        if knobs and network.draw.random() < 0.01:
            limit, settled = knobs.pop(), False
            controller.set_knob("max_active_keys", limit)
            network.carry()
        most = max(network.in_flight(), len(controller.in_flight))
        settled = settled or (most <= limit and not any(network.ways.values()))  # all have heard, the surplus is gone
        assert most <= (limit if settled else 7)
    assert controller.status is Status.FINISHED
    assert [worker.remembered() for worker in network.workers] == [{}] * workers
    assert controller.progress.instances == 60
    assert [report.instances for report in controller.progress.epochs] == [30, 30]


def test_only_what_is_in_flight_can_be_dropped():
    network = Network("perceptron", 1, 0)
    network.controller.drop(0)
    for key in (0, 99, -1):
        with pytest.raises(UsageError, match=f"key {key} is not in flight"):
            network.controller.drop(key)
    (event,) = network.controller.take_events()
    assert (event.kind, event.text) == ("DROP", "key 0 dropped, 0.0 s after it was admitted")


def test_a_session_resumed_after_drops_trains_what_is_left_of_the_epoch():
    """Key 0 is not offered again, and key 1, which took its place, was trained before the end."""
    network = Network("perceptron", 1, 0, max_active_keys=1)
    network.controller.drop(0)
    network.controller.stop(save=True)
    network.carry()
    while network.move():
        pass
    progress = network.controller.progress
    assert (progress.position, progress.instances) == (2, 1)


def test_the_models_that_are_dropped_from_exist():
    assert set(VARIED) <= set(MODELS)
