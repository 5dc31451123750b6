"""The tracer: units become records with every key once, pauses are told around what is stepped in them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ampviz.nodes.batch import Batch
from ampviz.placement import place
from ampviz.runtime.commands import Admit, Retune, SetPaused, StepOne, Trace
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.tracer import Tracer
from ampviz.runtime.worker import Worker
from ampviz.telemetry.ring import TraceRing
from ampviz.telemetry.trace import BACKWARD, FORWARD, NOWHERE, PAUSE, UPDATE, in_order
from tests.runtime import models

pytestmark = pytest.mark.usefixtures("nothing_left_behind")
ROW, THREE = np.zeros((1, 2), np.float32), np.zeros((3, 2), np.float32)


@pytest.fixture
def tracer():
    ring = TraceRing(64)
    yield Tracer(1, ring)
    ring.close()


def written(tracer: Tracer) -> list[dict[str, int]]:
    """The records in the order of their starts, without what is 0."""
    rows = [dict(zip(row.dtype.names, row.tolist(), strict=True)) for row in in_order(tracer.ring.take())]
    return [{name: value for name, value in row.items() if value and name != "worker"} for row in rows]


def pauses(tracer: Tracer) -> list[tuple[int, int]]:
    rows = written(tracer)
    return [(row["start"], row["start"] + row["duration"]) for row in rows if row.get("action") == PAUSE]


def test_a_unit_of_one_message_is_one_record(tracer):
    tracer.unit(10, 15, 4, BACKWARD, [Batch.of((0, (7, 1), THREE))])
    tracer.write()
    (row,) = tracer.ring.take().tolist()
    assert row == (10, 7, 5, 3, 4, 1, 1, BACKWARD, 0)


def test_a_unit_of_several_messages_has_a_record_for_each_further_key(tracer):
    batch = [*map(Batch.of, [(0, (7, 1), THREE), (0, (8, 1), None), (0, (7, 2), ROW), (0, (-9, 1), (ROW, ROW))])]
    tracer.unit(10, 15, 4, BACKWARD, batch)
    tracer.unit(20, 22, 5, FORWARD, batch[1:2])
    tracer.write()
    one, two, three, last = written(tracer)
    same = {"start": 10, "duration": 5, "node": 4, "action": BACKWARD, "rows": 3}
    assert one == {**same, "key": 7, "messages": 4}
    assert sorted([two, three], key=lambda row: row["key"]) == [{**same, "key": -9}, {**same, "key": 8}]
    assert last == {"start": 20, "duration": 2, "node": 5, "key": 8, "messages": 1}


@pytest.mark.parametrize("viewed", [True, False])
@pytest.mark.parametrize("units", [2, 3])
def test_many_further_keys_are_left_out_unless_a_viewer_asks_for_their_ways(tracer, monkeypatch, units, viewed):
    monkeypatch.setattr("ampviz.runtime.tracer._FURTHER", 5)
    tracer.every_key = viewed
    for start in range(units):
        tracer.unit(start, start + 1, 4, FORWARD, [Batch(0, [(7, 1), (8, 1), (7, 2), (9, 1)])])
    tracer.write()
    rows = written(tracer)
    left_out = 0 if viewed or units == 2 else units * 2
    assert [row["key"] for row in rows if "messages" in row] == [7] * units
    assert (len(rows), tracer.ring.left_out) == (units * 3 - left_out, left_out)


def test_nothing_is_noted_while_it_does_not_listen(tracer):
    for number, on in enumerate((True, False, True)):
        tracer.on = on
        tracer.unit(number, number + 1, 4, FORWARD, [Batch(0, [(7,)])])
        tracer.update(number, number + 1, 4)
    tracer.write()
    assert tracer.ring.take()["start"].tolist() == [0, 0, 2, 2]


def test_an_update_has_its_node_and_no_key(tracer):
    tracer.update(10, 14, 2)
    tracer.write()
    assert written(tracer) == [{"start": 10, "duration": 4, "node": 2, "action": UPDATE}]


def test_a_unit_longer_than_a_record_can_say_is_cut(tracer):
    tracer.unit(0, 10**11, 0, FORWARD, [Batch(0, [(1,)])])
    tracer.write()
    assert written(tracer)[0]["duration"] == 2**32 - 1


def test_a_pause_is_told_while_it_lasts(tracer):
    tracer.pause(100, True)
    tracer.write(130)
    assert pauses(tracer) == [(100, 130)]
    tracer.write(150)
    tracer.pause(155, False)
    tracer.write(190)
    assert pauses(tracer) == [(130, 150), (150, 155)]
    assert tracer.notes == []


def test_a_pause_is_told_around_what_is_stepped(tracer):
    tracer.unit(50, 104, 0, FORWARD, [Batch(0, [(1,)])])  # the unit that met a breakpoint in its update
    tracer.pause(100, True)
    tracer.unit(120, 125, 0, FORWARD, [Batch(0, [(1,)])])
    tracer.write()
    assert pauses(tracer) == [(104, 120)]
    tracer.unit(127, 130, 0, FORWARD, [Batch(0, [(1,)])])
    tracer.write(140)
    assert pauses(tracer) == [(125, 127), (130, 140)]


def test_a_worker_tells_its_units_updates_and_pauses(tracer):
    experiment = models.pipeline()
    graph = experiment.graph()
    store = ParameterStore(graph, experiment.optimizer)
    clock = itertools.count().__next__
    worker = Worker(0, graph, place(graph, 1), store, (experiment.train, None), clock=clock)
    worker.tracer = tracer
    worker.apply(Retune(experiment.knob_values(graph, {"min_update_interval": 1}).as_dict(), 1))
    worker.apply(Admit((0,), (0,)))
    while worker.ready:
        worker.run_unit()
    began = clock()
    worker.apply(Admit((1,), (1,)))
    worker.apply(SetPaused(True))
    worker.apply(StepOne())
    worker.apply(SetPaused(False))
    tracer.write(clock())
    store.close()
    rows = written(tracer)
    units = [row for row in rows if row.get("action", FORWARD) <= BACKWARD]
    assert len(units) == worker.messages
    assert sum(row["duration"] for row in units) == worker.busy_ns
    assert {row.get("key", 0) for row in units if row["start"] < began} == {0}
    assert [row["key"] for row in units if row["start"] > began] == [1]
    updates = [row for row in rows if row.get("action") == UPDATE]
    backward = [(row["start"], row["start"] + row["duration"]) for row in units if row.get("action") == BACKWARD]
    inside = [
        any(start < row["start"] and row["start"] + row["duration"] <= end for start, end in backward)
        for row in updates
    ]
    assert len(updates) == 3
    assert all(inside)
    assert {row["node"] for row in rows if row.get("action") == PAUSE} == {NOWHERE}
    assert len([row for row in rows if row.get("action") == PAUSE]) == 2  # before the step and after it


def test_a_worker_traces_when_it_is_told_to(tracer):
    experiment = models.pipeline()
    graph = experiment.graph()
    store = ParameterStore(graph, experiment.optimizer)
    worker = Worker(0, graph, place(graph, 1), store, (experiment.train, None), clock=itertools.count().__next__)
    worker.tracer = tracer
    worker.apply(Retune(experiment.knob_values(graph, {}).as_dict(), 1))
    traced = []
    for key, on in enumerate((False, True)):
        worker.apply(Trace(on))
        worker.apply(Admit((key,), (key,)))
        while worker.ready:
            worker.run_unit()
        tracer.write()
        traced.append({row.get("key", 0) for row in written(tracer) if row.get("action", FORWARD) <= BACKWARD})
    store.close()
    assert traced == [set(), {1}]
