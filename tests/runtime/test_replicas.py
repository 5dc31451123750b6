"""Replicated layers: copies start equal and meet the keys in turn; averaged after each epoch, or one block for all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ampviz.errors import UsageError
from ampviz.experiment import Variant, load_experiment
from ampviz.runtime.checkpoint import load_checkpoint
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.store import ParameterStore
from tests.runtime import models
from tests.runtime.replicated import TRAIN, VALID, target
from tests.runtime.runs import losses, run_session, trained

pytestmark = pytest.mark.usefixtures("nothing_left_behind")
both_backends = pytest.mark.parametrize("backend", ["inline", "process"])


def spec(name, replicas=2, mode=None, **changes):
    return RunSpec(target=target(name), variant=Variant(replicas, mode), **{"backend": "inline", "seed": 5, **changes})


def probabilities(logits):
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


class Reference:
    """The perceptron in float64, one instance after the other, with copies of its second layer."""

    def __init__(self, arrays, copies, adam):
        self.adam, self.step_of = adam, {}
        self.w = {name: value.astype(np.float64) for name, value in arrays.items() if name.count("/") == 1}
        self.copies = [f"fc2-{number}" for number in range(copies)]
        self.key = 0

    def outputs(self, x, middle):
        hidden = np.maximum(x @ self.w["fc1/W"] + self.w["fc1/b"], 0)
        squashed = np.tanh(hidden @ self.w[f"{middle}/W"] + self.w[f"{middle}/b"])
        return hidden, squashed, squashed @ self.w["fc3/W"] + self.w["fc3/b"]

    def train(self, x, label):
        middle = self.copies[self.key % len(self.copies)]
        self.key += 1
        hidden, squashed, logits = self.outputs(x, middle)
        d3 = probabilities(logits)
        d3[np.arange(len(label)), label] -= 1
        d3 /= len(label)
        d2 = d3 @ self.w["fc3/W"].T * (1 - squashed**2)
        d1 = d2 @ self.w[f"{middle}/W"].T * (hidden > 0)
        for name, below, d in (("fc3", squashed, d3), (middle, hidden, d2), ("fc1", x, d1)):
            self.step(f"{name}/W", below.T @ d)
            self.step(f"{name}/b", d.sum(axis=0))

    def step(self, name, gradient):
        if not self.adam:
            self.w[name] -= 0.1 * gradient
            return
        mean, square, count = self.step_of.get(name, (0.0, 0.0, 0.0))
        mean, square, count = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2, count + 1
        self.step_of[name] = (mean, square, count)
        self.w[name] -= 0.01 * mean / (1 - 0.9**count) / (np.sqrt(square / (1 - 0.999**count)) + 1e-8)

    def average(self):
        for suffix in ("W", "b"):
            names = [f"{copy}/{suffix}" for copy in self.copies]
            self.w |= dict.fromkeys(names, sum(self.w[name] for name in names) / len(names))
            self.w |= {name: self.w[name].copy() for name in names}
            if self.adam:
                mean = tuple(sum(parts) / len(names) for parts in zip(*(self.step_of[n] for n in names), strict=True))
                self.step_of |= dict.fromkeys(names, mean)

    def valid_loss(self):
        total = 0.0
        for x, label in zip(VALID.points.astype(float), VALID.labels, strict=True):
            p = probabilities(self.outputs(x, self.copies[0])[2])
            total -= np.log(p[np.arange(len(label)), label]).sum()
        return total / VALID.labels.size

    def epoch(self, seed, number):
        for index in np.random.default_rng([seed, number]).permutation(len(TRAIN)):
            self.train(TRAIN.points[index].astype(float), TRAIN.labels[index])
        self.average()
        return self.valid_loss()


@both_backends
@pytest.mark.parametrize("replicas", [2, 3])
@pytest.mark.parametrize("name", ["averaged", "averaged_adam"])
def test_one_key_with_averaged_copies_equals_training_them_in_turn(tmp_path: Path, backend, replicas, name):
    session = Session(spec(name, replicas), tmp_path)
    reference = Reference(session.store.arrays(), replicas, adam=name == "averaged_adam")
    session.discard()
    expected = [reference.epoch(5, number) for number in (1, 2, 3)]
    outcome, got = trained(spec(name, replicas, backend=backend, workers=replicas), tmp_path / "run")
    assert [valid for _, valid in losses(outcome)] == pytest.approx(expected, rel=1e-3)
    for name, value in reference.w.items():
        np.testing.assert_allclose(got[name], value, rtol=2e-3, atol=2e-4, err_msg=name)
    assert {outcome["nodes"][copy]["worker"] for copy in reference.copies} == set(range(replicas))


@both_backends
@pytest.mark.parametrize("name", ["averaged", "averaged_adam"])
def test_one_key_with_shared_copies_equals_a_single_layer_bit_for_bit(tmp_path: Path, backend, name):
    alone, expected = trained(spec(name, 1), tmp_path / "alone")
    shared, got = trained(spec(name, 3, "shared", backend=backend, workers=3), tmp_path / "shared")
    assert losses(shared) == losses(alone)
    assert got.keys() == expected.keys()
    assert all(np.array_equal(got[key], expected[key]) for key in expected)
    assert [shared["nodes"][f"fc2-{number}"]["updates"] for number in range(3)] == [25, 25, 25]


def test_after_an_epoch_all_copies_are_equal_optimizer_state_too(tmp_path: Path):
    _, got = trained(spec("averaged_adam", epochs=1, workers=2, knobs={"max_active_keys": 6}), tmp_path)
    for name in ("W", "b", "W/gradients", "W/squares", "W/step", "b/step"):
        np.testing.assert_array_equal(got[f"fc2-0/{name}"], got[f"fc2-1/{name}"])
    assert got["fc2-0/W/step"][0] == 12.5  # the mean of 13 and 12 updates


@both_backends
def test_a_resumed_run_with_copies_ends_like_one_that_was_never_interrupted(tmp_path: Path, backend):
    whole, expected = trained(spec("averaged_adam", backend=backend), tmp_path / "whole")
    half = Session(spec("averaged_adam", backend=backend, epochs=2), tmp_path)
    run_session(half)
    checkpoint = load_checkpoint(half.checkpoint_path)
    assert checkpoint.spec.variant == Variant(2)
    (tmp_path / "rest").mkdir()
    rest = Session(spec("averaged_adam", backend=backend), tmp_path / "rest", checkpoint)
    assert losses(run_session(rest)) == losses(whole)
    got = load_checkpoint(rest.checkpoint_path).arrays
    assert all(np.array_equal(got[key], expected[key]) for key in expected)


@both_backends
def test_many_keys_with_shared_copies_count_every_instance_once(tmp_path: Path, backend):
    knobs = {"max_active_keys": 8}
    outcome, got = trained(spec("averaged", 2, "shared", backend=backend, knobs=knobs), tmp_path)
    nodes = outcome["nodes"]
    assert nodes["fc2-0"]["backward"] + nodes["fc2-1"]["backward"] == nodes["fc1"]["backward"]
    assert nodes["fc2-0"]["updates"] + nodes["fc2-1"]["updates"] == 75
    assert all(np.isfinite(array).all() for array in got.values())
    assert outcome["epochs"][-1]["valid_loss"] < outcome["epochs"][0]["valid_loss"]


@pytest.mark.parametrize("mode", ["average", "shared"])
def test_copies_start_equal_and_as_the_layer_alone(mode):
    experiment = load_experiment(target("averaged"))
    variants = Variant(), Variant(3, mode)
    stores = [ParameterStore(experiment.graph(variant), experiment.optimizer, seed=4) for variant in variants]
    alone, copied = ({node.name: store.parameters(node).arrays for node in store.nodes} for store in stores)
    for number in range(3):
        np.testing.assert_array_equal(copied[f"fc2-{number}"]["W"], alone["fc2"]["W"])
    assert np.shares_memory(copied["fc2-0"]["W"], copied["fc2-2"]["W"]) == (mode == "shared")
    del alone, copied
    for store in stores:
        store.close()


def test_layers_of_both_kinds_live_in_one_model():
    experiment = load_experiment(target("two_kinds"))
    store = ParameterStore(experiment.graph(Variant(2)), experiment.optimizer)
    arrays = store.arrays()
    assert [name for name in arrays if name.endswith("/W")] == ["fc1-0/W", "fc1-1/W", "fc2/W", "fc3/W"]
    before = {name: array.copy() for name, array in arrays.items()}
    arrays["fc1-0/W"][...] += 2
    arrays["fc1-1/b/step"][...] = 7
    store.average()
    np.testing.assert_allclose(arrays["fc1-1/W"], before["fc1-1/W"] + 1, rtol=1e-6)
    assert arrays["fc1-0/b/step"] == 3.5
    assert all(np.array_equal(arrays[name], before[name]) for name in arrays if not name.startswith("fc1-"))
    del arrays
    store.close()


def test_without_replicas_the_graph_has_no_copies():
    graph = load_experiment(target("averaged")).graph()
    assert [node.name for node in graph.nodes] == ["x", "label", "fc1", "relu", "fc2", "tanh", "fc3", "loss"]
    assert not any(node.part_of or node.shares for node in graph.nodes)


def test_replicas_that_no_layer_follows_are_refused():
    with pytest.raises(UsageError, match=r"^--replicas: this model has no replicated layer \(got 4\). Hint: .*amp.rep"):
        load_experiment(models.target("pipeline")).graph(Variant(4))


def test_viewers_are_told_which_layer_a_copy_belongs_to(tmp_path: Path):
    session = Session(spec("averaged"), tmp_path)
    info = session.info()
    session.discard()
    assert {node.name: node.part_of for node in info.nodes if node.part_of} == {"fc2-0": "fc2", "fc2-1": "fc2"}
    assert {node.worker for node in info.nodes if node.part_of} == {0, 1}
