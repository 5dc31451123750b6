"""The worker as a machine without IO: delivery, units of work, pausing, stepping, failures."""

from __future__ import annotations

import gc
import itertools

import pytest

from ampviz.errors import NodeError
from ampviz.message import BACKWARD, FORWARD
from ampviz.placement import place
from ampviz.runtime.commands import (
    Admit,
    Barrier,
    CameHome,
    Halted,
    LossSeen,
    Passed,
    Retire,
    Retune,
    SetPaused,
    StepOne,
    Stepped,
)
from ampviz.runtime.publish import publish
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.worker import Worker
from ampviz.telemetry.board import Board
from tests.runtime import models


class Shop:
    """Workers of one experiment, told things directly; `run` carries messages between them until all is quiet."""

    def __init__(self, experiment, workers=1, **knobs):
        self.graph = experiment.graph()
        self.placement = place(self.graph, workers)
        self.store = ParameterStore(self.graph, experiment.optimizer)
        clock = itertools.count().__next__
        data = (experiment.train, experiment.valid)
        self.workers = [
            Worker(index, self.graph, self.placement, self.store, data, clock=clock) for index in range(workers)
        ]
        self.reports = []
        values = experiment.knob_values(self.graph, {"max_batch": 1, **knobs}).as_dict()
        self.tell(Retune(values, 1))

    def tell(self, command):
        for worker in self.workers:
            worker.apply(command)
        self.carry()

    def carry(self):
        for worker in self.workers:
            for target, message in worker.outbox:
                self.workers[target].deliver(*message)
            worker.outbox.clear()
            self.reports += worker.reports
            worker.reports.clear()

    def run(self):
        while any(worker.ready for worker in self.workers):
            for worker in self.workers:
                if worker.ready:
                    worker.run_unit()
                    self.carry()


@pytest.fixture
def shop():
    return Shop(models.pipeline())


def test_an_instance_goes_there_and_back_and_is_forgotten(shop):
    shop.tell(Admit((0,), (3,)))
    shop.run()
    (loss,) = [report for report in shop.reports if isinstance(report, LossSeen)]
    assert loss.rows == models.ROWS
    assert [report.keys for report in shop.reports if isinstance(report, CameHome)] == [[0]]
    shop.tell(Retire((0,)))
    assert shop.workers[0].remembered() == {}


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("max_batch", [1, 4])
def test_messages_balance_on_every_node(workers, max_batch):
    shop = Shop(models.recurrent(), workers, max_batch=max_batch)
    shop.tell(Admit(tuple(range(9)), tuple(range(9))))
    shop.tell(Admit((-1, -2), (0, 1)))
    shop.run()
    shop.tell(Retire((*range(9), -1, -2)))
    for worker in shop.workers:
        assert worker.remembered() == {}
        for slot in worker.slots.values():
            produced = max(1, len(slot.node.outputs))
            if slot.node.kind in ("Linear", "Tanh", "Lookup", "Isu", "Cond", "Phi", "Zeros", "Source"):
                assert slot.processed[FORWARD] == slot.processed[BACKWARD] > 0
            if slot.node.kind == "Bcast":
                assert slot.processed[BACKWARD] == produced * slot.processed[FORWARD]


@pytest.mark.parametrize("max_batch", [1, 4])
def test_messages_are_freed_without_the_collector(max_batch):
    shop = Shop(models.recurrent(), max_batch=max_batch)
    gc.collect()
    gc.disable()
    try:
        shop.tell(Admit(tuple(range(9)), tuple(range(9))))
        shop.run()
        shop.tell(Retire(tuple(range(9))))
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_validation_changes_no_parameter(shop):
    before = {name: array.copy() for name, array in shop.store.arrays().items()}
    shop.tell(Admit((-1, -2), (0, 1)))
    shop.run()
    assert all((before[name] == array).all() for name, array in shop.store.arrays().items())
    assert len([report for report in shop.reports if isinstance(report, LossSeen)]) == 2


def test_a_message_ahead_of_its_key_waits_for_the_admission():
    shop = Shop(models.pipeline(), workers=2)
    first, second = shop.workers
    first.apply(Admit((0,), (0,)))
    while first.ready:
        first.run_unit()
    target, message = first.outbox[0]
    assert target == 1
    second.deliver(*message)
    assert not second.ready
    second.apply(Admit((0,), (0,)))
    assert second.ready


def test_pausing_says_what_would_come_next_and_stepping_processes_one_message(shop):
    shop.tell(Admit((5,), (0,)))
    shop.tell(SetPaused(True))
    (worker,) = shop.workers
    assert worker.paused
    assert shop.reports == [Halted("x.F key=5")]
    shop.reports.clear()
    shop.tell(StepOne())
    assert shop.reports[0] == Stepped("x.F key=5", False)
    assert worker.messages == 1
    shop.tell(SetPaused(False))
    assert not worker.paused


def test_a_step_tells_when_a_node_updated(shop):
    shop.tell(Admit((0,), (0,)))
    shop.tell(SetPaused(True))
    stepped = []
    while shop.workers[0].ready:
        shop.reports.clear()
        shop.tell(StepOne())
        stepped += [report for report in shop.reports if isinstance(report, Stepped)]
    assert [report.token for report in stepped if report.updated] == [f"fc{n}.B key=0" for n in (3, 2, 1)]
    assert len(stepped) == shop.workers[0].messages


def test_a_step_with_nothing_waiting_says_so(shop):
    shop.tell(StepOne())
    assert shop.reports == [Stepped("", False), Halted("")]


def test_a_barrier_is_answered_after_what_came_before(shop):
    shop.tell(Admit((0,), (0,)))
    while shop.workers[0].ready:
        shop.workers[0].run_unit()
    shop.tell(Barrier())
    assert shop.reports[-1] == Passed()
    assert any(isinstance(report, CameHome) for report in shop.reports[:-1])


def test_the_next_token_is_the_message_that_the_next_unit_begins_with():
    shop = Shop(models.recurrent(), policy="oldest")
    shop.tell(Admit((0, 1), (0, 1)))
    (worker,) = shop.workers
    for _ in range(60):
        name, _, _ = worker.debugger.next_token().partition(".")
        before = {slot.node.name: sum(slot.processed) for slot in worker.slots.values()}
        worker.run_unit()
        changed = [slot.node.name for slot in worker.slots.values() if sum(slot.processed) != before[slot.node.name]]
        assert changed == [name]


@pytest.mark.parametrize(("interval", "sizes"), [(1, [1] * 6), (2, [2, 2, 2]), (4, [4, 2])])
def test_a_backward_batch_ends_where_the_node_updates(interval, sizes):
    shop = Shop(models.pipeline(), max_batch=16, min_update_interval=interval, policy="fifo")
    shop.tell(Admit(tuple(range(6)), tuple(range(6))))
    (worker,) = shop.workers
    slot = next(slot for slot in worker.slots.values() if slot.node.name == "fc3")
    taken = []
    while worker.ready:
        before = slot.processed[BACKWARD]
        worker.run_unit()
        if slot.processed[BACKWARD] > before:
            taken.append(slot.processed[BACKWARD] - before)
    assert taken == sizes


def test_a_failure_names_node_worker_key_and_model_line():
    shop = Shop(models.breaking())
    shop.tell(Admit((7,), (11,)))
    with pytest.raises(NodeError) as raised:
        shop.run()
    text = str(raised.value)
    for part in ("bad.F key=7", "Breaking", "worker 0", "models.py:", "RuntimeError: cannot stomach this row"):
        assert part in text


def test_an_instance_that_the_data_set_cannot_give_is_named():
    shop = Shop(models.pipeline())
    with pytest.raises(NodeError, match=r"instance 99 of Blobs \(key 0, worker 0\): IndexError"):
        shop.tell(Admit((0,), (99,)))


def test_the_board_shows_what_a_worker_counted(shop):
    shop.tell(Admit((0, 1), (0, 1)))
    board = Board(len(shop.graph.nodes), 1)
    publish(shop.workers[0], board)
    by_name = dict(zip([node.name for node in shop.graph.nodes], board.node_stats(), strict=True))
    assert by_name["x"].queued_forward == 2
    shop.run()
    publish(shop.workers[0], board)
    by_name = dict(zip([node.name for node in shop.graph.nodes], board.node_stats(), strict=True))
    fc2 = by_name["fc2"]
    assert (fc2.forward, fc2.backward, fc2.updates, fc2.pending, fc2.cached) == (2, 2, 2, 0, 0)
    assert sum(fc2.staleness) == 2
    assert fc2.busy_s > 0
    (worker,) = board.worker_stats()
    assert worker.messages == sum(stats.forward + stats.backward for stats in by_name.values())
    assert 0 < worker.kernel_s <= worker.busy_s
    board.close()


def test_waiting_does_not_grow_while_paused(shop):
    shop.tell(Admit((0,), (0,)))
    shop.tell(SetPaused(True))
    board = Board(len(shop.graph.nodes), 1)

    def waited():
        publish(shop.workers[0], board)
        return sum(stats.waiting_s for stats in board.node_stats())

    first = waited()
    for _ in range(100):
        shop.workers[0].clock()
    assert waited() == first
    shop.tell(SetPaused(False))
    for _ in range(100):
        shop.workers[0].clock()
    assert waited() > first + 90e-9
    board.close()
