"""Knobs of single nodes, changed while training: each does what it says to its node and nothing to the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ampviz.experiment import Variant
from ampviz.knobs import KNOBS
from ampviz.message import BACKWARD
from ampviz.runtime.commands import Admit, Retire, Retune
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.link import SetKnob
from tests.runtime import models
from tests.runtime.replicated import target
from tests.runtime.runs import run_session
from tests.runtime.test_worker import Shop

LAYERS = ("fc1", "fc2", "fc3")


class Bench:
    """A session's worker that has trained a while; `step` trains one instance more and says how far each layer went."""

    def __init__(self, epoch=1):
        self.experiment = models.pipeline()
        self.shop = Shop(self.experiment)
        self.epoch, self.key = epoch, 0
        self.changes = {"max_batch": 1}
        self.turn()
        self.train(3)

    def turn(self, **changes):
        """Set knobs now; `fc2__freeze` stands for `fc2.freeze`."""
        self.changes |= {name.replace("__", "."): value for name, value in changes.items()}
        values = self.experiment.knob_values(self.shop.graph, self.changes)
        self.shop.tell(Retune(values.as_dict(), self.epoch))

    def train(self, count):
        for _ in range(count):
            self.admit()
            self.finish()

    def admit(self):
        self.shop.tell(Admit((self.key,), (self.key,)))
        self.key += 1

    def finish(self):
        self.shop.run()
        self.shop.tell(Retire((self.key - 1,)))

    def node(self, name):
        return self.shop.graph.node(name)

    def step(self):
        before = {name: self.weights(name) for name in LAYERS}
        self.train(1)
        return {name: self.weights(name) - before[name] for name in LAYERS}

    def weights(self, name):
        """W over b."""
        return np.vstack([self.node(name).W, self.node(name).b])


@pytest.fixture(scope="module")
def untouched():
    """How far each layer goes in epoch 3 with the knobs as they are."""
    return Bench(epoch=3).step()


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize(
    ("knob", "value", "factor"),
    [
        ("learning_rate", 0.25, 2.5),
        ("learning_rate", 0.0, 0.0),
        ("learning_rate_decay", 0.5, 0.25),
        ("gradient_clip", 0.01, None),
        ("gradient_clip", 1e9, 1.0),
        ("freeze", True, 0.0),
        ("min_update_interval", 2, 0.0),
    ],
)
def test_a_knob_changes_the_step_of_its_node_alone(untouched, layer, knob, value, factor):
    bench = Bench(epoch=3)
    bench.turn(**{f"{layer}__{knob}": value})
    moved = bench.step()
    for name in LAYERS:
        if name != layer:
            np.testing.assert_array_equal(moved[name], untouched[name])
    if factor is not None:
        np.testing.assert_allclose(moved[layer], factor * untouched[layer], rtol=1e-3, atol=1e-7)
    else:  # the same way, as far as the limit lets it
        clipped = untouched[layer] * 0.1 * value / np.linalg.norm(untouched[layer])
        np.testing.assert_allclose(moved[layer], clipped, atol=1e-7)


def test_this_file_knows_every_knob_of_a_node():
    assert {name for name, knob in KNOBS.items() if knob.per_node} == {
        "learning_rate", "learning_rate_decay", "gradient_clip", "freeze", "min_update_interval",
    }  # fmt: skip


@pytest.mark.parametrize("interval", [1, 2, 3, 6])
def test_an_interval_set_while_messages_are_under_way_counts_from_the_next_gradient(interval):
    bench = Bench()
    bench.admit()
    while not bench.node("fc3").saved:
        bench.shop.workers[0].run_unit()
    bench.turn(fc2__min_update_interval=interval)
    bench.finish()
    bench.train(5)
    assert bench.node("fc2").version == 3 + 6 // interval
    assert bench.node("fc1").version == bench.node("fc3").version == 9


def test_a_frozen_node_passes_gradients_on_and_forgets_what_it_had():
    bench = Bench()
    bench.turn(fc2__min_update_interval=4)
    bench.train(3)
    fc2 = bench.node("fc2")
    assert fc2.pending == 3
    bench.turn(fc2__freeze=True)
    frozen, stale = fc2.W.copy(), sum(fc2.staleness)
    assert fc2.pending == 0
    moved = bench.step()
    bench.train(5)
    np.testing.assert_array_equal(fc2.W, frozen)
    assert (fc2.pending, fc2.version, sum(fc2.staleness)) == (0, 3, stale)
    assert fc2.cached() == 0
    assert moved["fc1"].any()
    bench.turn(fc2__freeze=False)
    bench.train(3)
    np.testing.assert_array_equal(fc2.W, frozen)
    bench.train(1)
    assert not np.array_equal(fc2.W, frozen)
    assert fc2.version == 4


def test_a_frozen_node_does_not_cut_its_batches():
    bench = Bench()
    fc2 = bench.node("fc2")
    bench.turn(fc2__min_update_interval=2)
    assert fc2.batch_limit(BACKWARD, 16) == 2
    bench.turn(fc2__freeze=True)
    assert fc2.batch_limit(BACKWARD, 16) == 16


@pytest.mark.parametrize("backend", ["inline", "process"])
def test_a_copy_trains_with_the_knob_of_its_layer_unless_it_has_its_own(tmp_path: Path, backend):
    knobs = {"fc2.min_update_interval": 5, "fc2-1.min_update_interval": 12}
    spec = RunSpec(target=target("averaged"), backend=backend, epochs=1, knobs=knobs, variant=Variant(2))
    nodes = run_session(Session(spec, tmp_path))["nodes"]
    assert [nodes[name]["updates"] for name in ("fc1", "fc2-0", "fc2-1")] == [25, 2, 1]


def test_a_knob_of_a_node_can_be_set_on_the_running_session(tmp_path: Path):
    session = Session(RunSpec(target=models.target("pipeline"), backend="inline"), tmp_path)
    replies = []

    def freeze(snapshot):
        if not replies:
            replies.append(session.request(SetKnob(1, "fc2.freeze", "on")))

    outcome = run_session(session, freeze)
    assert [reply.error for reply in replies] == [""]
    assert outcome["knobs"]["fc2.freeze"] is True
    assert outcome["nodes"]["fc2"]["updates"] < outcome["nodes"]["fc1"]["updates"] == 72
    assert outcome["nodes"]["fc2"]["backward"] == outcome["nodes"]["fc1"]["backward"]


@pytest.mark.parametrize(
    ("optimizer", "rate", "slots"),
    [("sgd", 0.1, []), ("momentum", 0.01, ["velocity"]), ("adam", 0.001, ["gradients", "squares", "step"]),
     ("adagrad", 0.05, ["sum"])],
)  # fmt: skip
@pytest.mark.parametrize("backend", ["inline", "process"])
def test_a_node_can_have_another_optimizer_with_its_defaults(tmp_path: Path, backend, optimizer, rate, slots):
    variant = Variant(2, None, {"fc2": optimizer})
    session = Session(RunSpec(target=target("averaged"), backend=backend, epochs=1, variant=variant), tmp_path)
    names = list(session.store.arrays())
    for copy in ("fc2-0", "fc2-1"):
        assert [name for name in names if name.startswith(f"{copy}/W/")] == [f"{copy}/W/{slot}" for slot in slots]
    assert [name for name in names if name.startswith("fc1/")] == ["fc1/W", "fc1/b"]
    outcome = run_session(session)
    assert outcome["exit"] == 0
    assert outcome["knobs"]["learning_rate"] == 0.1
    assert outcome["knobs"].get("fc2.learning_rate", 0.1) == rate
