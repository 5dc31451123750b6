"""What a worker shows of itself: queues, what nodes remember, parameters and gradients; looking changes nothing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from ampviz.runtime.commands import Admit, Look, Seen, StepOne
from ampviz.telemetry.inspection import KeyDetail, MessageDetail, NodeDetail
from ampviz.telemetry.link import InspectKey, InspectMessage, InspectNode
from tests.nodes.models import MODELS
from tests.runtime import models
from tests.runtime.modelled import experiment
from tests.runtime.test_worker import Shop


def look(shop, at, worker=0):
    """The detail, or the error, that one worker gives."""
    shop.workers[worker].apply(Look(5, at))
    (seen,) = shop.workers[worker].reports
    shop.workers[worker].reports.clear()
    assert isinstance(seen, Seen)
    assert seen.number == 5
    return seen.detail or seen.error


def step(shop, *nodes):
    """One message of each of these nodes."""
    for name in nodes:
        shop.tell(StepOne(shop.graph.node(name).id))


@pytest.fixture
def shop():
    """Two instances on one worker; nothing has moved yet."""
    shop = Shop(models.pipeline(), min_update_interval=3)
    shop.tell(Admit((0, 1), (0, 1)))
    return shop


def test_a_node_shows_its_queues_and_what_it_remembers(shop):
    step(shop, "x", "x", "fc1")
    detail = look(shop, InspectNode(1, "fc1"))
    assert isinstance(detail, NodeDetail)
    assert (detail.node, detail.worker, detail.version, detail.pending) == ("fc1", 0, 0, 0)
    assert (detail.forward, detail.backward, detail.remembered) == (("fc1.F key=1",), (), ("fc1.B key=0",))
    assert (detail.queued_forward, detail.queued_backward, detail.cached) == (1, 0, 1)
    assert {parameter.name: parameter.value.shape for parameter in detail.parameters} == {"W": (6, 8), "b": (8,)}
    assert [parameter.gradient for parameter in detail.parameters] == [None, None]


def test_a_join_shows_what_has_come(shop):
    step(shop, "label")
    step(shop, "loss")
    detail = look(shop, InspectNode(1, "loss"))
    assert (detail.forward, detail.remembered, detail.version) == ((), ("loss.F key=0",), -1)
    label = look(shop, InspectMessage(1, "loss.F key=0"))
    assert isinstance(label, MessageDetail)
    assert (label.place, label.version_then, label.version_now) == ("cache", -1, -1)
    assert [(array.dtype, array.shape) for array in label.payload] == [("int64", (models.ROWS,))]


def test_a_message_in_a_queue_and_what_is_remembered_of_it(shop):
    step(shop, "x", "fc1")
    waiting = look(shop, InspectMessage(1, "relu1.F key=0"))
    (payload,) = waiting.payload
    assert (waiting.place, waiting.worker, payload.shape) == ("queue", 0, (models.ROWS, models.HIDDEN))
    ((_, _, rows),) = shop.workers[0].slots[shop.graph.node("relu1").id].queues[0]
    assert (payload.minimum, payload.first[0]) == (float(rows.min()), float(rows[0, 0]))
    kept = look(shop, InspectMessage(1, "fc1.B key=0"))
    assert (kept.place, kept.version_then, kept.version_now) == ("cache", 0, 0)
    assert kept.payload[0].shape == (models.ROWS, models.INPUTS)


def test_a_gradient_that_waits_tells_the_version_it_went_forward_with():
    shop = Shop(models.pipeline())
    shop.tell(Admit((0, 1), (0, 1)))
    for name in ("x", "label", "fc1", "relu1", "fc2", "tanh", "fc3", "loss", "loss"):
        step(shop, name, name)
    step(shop, "fc3")
    waiting = look(shop, InspectMessage(1, "fc3.B key=1"))
    assert (waiting.place, waiting.version_then, waiting.version_now) == ("queue", 0, 1)


def test_the_names_of_what_is_not_there(shop):
    for text in ("fc1.B key=0", "fc1.F key=7", "fc1.F", "relu1.F key=0 t=2"):
        assert "is not at its node" in look(shop, InspectMessage(1, text))
    assert "is not on worker 0" in look(shop, InspectNode(1, "fc9"))


def test_a_node_that_cannot_be_shown_is_an_answer_not_the_end(shop, monkeypatch):
    monkeypatch.setattr(shop.graph.node("fc1"), "remembered", lambda: 1 / 0)
    assert look(shop, InspectNode(1, "fc1")) == "cannot be shown: ZeroDivisionError: division by zero"


def test_an_instance_shows_all_of_its_messages(shop):
    step(shop, "x", "fc1", "label")
    detail = look(shop, InspectKey(1, 0))
    assert isinstance(detail, KeyDetail)
    assert set(detail.places) == {"relu1.F key=0", "loss.F key=0"}
    assert detail.remembered == ("fc1.B key=0",)
    assert (detail.queued, detail.cached) == (2, 1)
    assert look(shop, InspectKey(1, 9)) == KeyDetail(9, 0.0)


@pytest.mark.parametrize("name", MODELS)
def test_every_name_that_is_shown_can_be_looked_at_at_any_moment(name):
    """And what an instance has is what the nodes have, whatever kinds of nodes there are."""
    shop = Shop(experiment(name))
    shop.tell(Admit((0, -1), (0, 0)))
    worker = shop.workers[0]
    for turn in itertools.count():
        if not worker.ready:
            break
        worker.run_unit()
        shop.carry()
        if turn % 3:
            continue
        shown = [set(), set()]
        for slot in worker.slots.values():
            detail = look(shop, InspectNode(1, slot.node.name))
            shown[0] |= {*detail.forward, *detail.backward}
            shown[1] |= set(detail.remembered)
        for place, tokens in zip(("queue", "cache"), shown, strict=True):
            for token in tokens:
                found = look(shop, InspectMessage(1, token))
                assert found.token == token
                assert found.place == place or token in shown[0] & shown[1]
        keys = [look(shop, InspectKey(1, key)) for key in (0, -1)]
        assert {token for detail in keys for token in detail.places} == shown[0]
        assert {token for detail in keys for token in detail.remembered} == shown[1]
    assert turn > 5


def test_a_child_that_waits_went_nowhere_yet_though_its_parent_did():
    """The state of a child in a branch is also that of what the branch made of its own children."""
    shop = Shop(experiment("tree_lstm"))
    shop.tell(Admit(tuple(range(8)), tuple(range(8))))
    worker, versions = shop.workers[0], {"F": set(), "B": set()}
    while worker.ready:
        worker.run_unit()
        shop.carry()
        for token in look(shop, InspectNode(1, "branch")).remembered:
            found = look(shop, InspectMessage(1, token))
            if found.place == "cache":
                versions[token.removeprefix("branch.")[0]].add(found.version_then)
    assert versions["F"] == {-1}
    assert min(versions["B"]) >= 0


@pytest.mark.parametrize("make", [models.pipeline, models.recurrent])
def test_looking_changes_no_bit(make, monkeypatch):
    monkeypatch.setattr("ampviz.nodes.parameterised._FOLD_ROWS", 20)  # so that gradients are held beside rows

    def trained(*watched):
        shop = Shop(make(), min_update_interval=4)
        shop.tell(Admit(tuple(range(10)), tuple(range(10))))
        gradients = 0
        while shop.workers[0].ready:
            shop.workers[0].run_unit()
            shop.carry()
            for name in watched:
                gradients += any(parameter.gradient for parameter in look(shop, InspectNode(1, name)).parameters)
        return {name: array.copy() for name, array in shop.store.arrays().items()}, gradients

    plain, _ = trained()
    watched, gradients = trained(*(node.name for node in make().graph().nodes))
    assert gradients > 50
    assert all(np.array_equal(plain[name], watched[name]) for name in plain)
