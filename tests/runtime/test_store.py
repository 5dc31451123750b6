"""The parameter store: one start for a seed in every mapping, apart for each node, and no arrays of another model."""

from __future__ import annotations

import os

import numpy as np
import pytest

import ampviz as amp
from ampviz import nodes as nn
from ampviz.data.dataset import Instance
from ampviz.errors import UsageError
from ampviz.optim import SGD, Adagrad, Adam, Momentum
from ampviz.runtime.store import ParameterStore

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

DATA = [Instance({"x": np.zeros((2, 5), np.float32), "label": np.zeros(2, np.int64)})]


def graph(hidden: int = 7, last: str = "out", extra: bool = False, optimizer=None):
    """A model of two or three affine layers."""

    def model(x, label):
        h = nn.ReLU()(nn.Linear(5, hidden, name="fc1", optimizer=optimizer)(x))
        if extra:
            h = nn.ReLU()(nn.Linear(hidden, hidden, name="between")(h))
        nn.SoftmaxCrossEntropy()(nn.Linear(hidden, 3, name=last)(h), label)

    return amp.trace(model, DATA)


@pytest.fixture
def store_of():
    """Makes stores, and closes them after the test."""
    made: list[ParameterStore] = []

    def make(*args, **options) -> ParameterStore:
        made.append(ParameterStore(*args, **options))
        return made[-1]

    yield make
    for store in made:
        store.close()


def same(left, right) -> bool:
    assert left.keys() == right.keys()
    return all(np.array_equal(left[name], right[name]) for name in left)


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam(), Adagrad()], ids=lambda each: type(each).__name__)
def test_a_second_mapping_shows_the_same_parameters(store_of, optimizer):
    first = store_of(graph(), optimizer, seed=3)
    start = {name: array.copy() for name, array in first.arrays().items()}
    second = store_of(graph(), optimizer, seed=99, fd=os.dup(first.block.fd))
    assert same(second.arrays(), start)
    for number, array in enumerate(first.arrays().values()):
        array[...] = number + np.arange(array.size).reshape(array.shape)
    assert same(first.arrays(), second.arrays())
    second.arrays()["fc1/b"][...] = -1
    assert (first.arrays()["fc1/b"] == -1).all()


def test_arrays_are_named_and_shaped_as_the_model_and_optimizer_say(store_of):
    shapes = {name: array.shape for name, array in store_of(graph(), Adam()).arrays().items()}
    parameters = {"fc1/W": (5, 7), "fc1/b": (7,), "out/W": (7, 3), "out/b": (3,)}
    expected = {}
    for name, shape in parameters.items():
        expected |= {name: shape, f"{name}/gradients": shape, f"{name}/squares": shape, f"{name}/step": (1,)}
    assert shapes == expected


def test_the_same_seed_gives_the_same_start_and_another_gives_another(store_of):
    first, again, other = (store_of(graph(), SGD(), seed=seed) for seed in (3, 3, 4))
    assert same(first.arrays(), again.arrays())
    assert not np.array_equal(first.arrays()["fc1/W"], other.arrays()["fc1/W"])
    assert np.abs(first.arrays()["fc1/W"]).max() <= 5**-0.5
    assert len(np.unique(first.arrays()["fc1/W"])) > 30


def test_the_start_of_a_node_does_not_depend_on_the_others(store_of):
    few, many = store_of(graph(), SGD()).arrays(), store_of(graph(extra=True), Adam()).arrays()
    for name, array in few.items():
        np.testing.assert_array_equal(many[name], array)


def test_nodes_of_one_shape_start_apart(store_of):
    one, other = store_of(graph(), SGD()).arrays(), store_of(graph(last="head"), SGD()).arrays()
    assert not np.array_equal(one["out/W"], other["head/W"])


def test_optimizer_state_starts_as_the_optimizer_says(store_of):
    arrays = store_of(graph(), Adagrad(initial=0.25)).arrays()
    assert (arrays["fc1/W/sum"] == 0.25).all()
    assert not store_of(graph(), Adam()).arrays()["fc1/W/gradients"].any()


def test_the_optimizer_of_a_node_wins_over_that_of_the_model(store_of):
    names = set(store_of(graph(optimizer=Momentum()), SGD()).arrays())
    assert names == {"fc1/W", "fc1/W/velocity", "fc1/b", "fc1/b/velocity", "out/W", "out/b"}


def test_a_node_gets_views_of_the_shared_block(store_of):
    store = store_of(graph(), Adam())
    node = next(node for node in store.nodes if node.name == "fc1")
    parameters = store.parameters(node)
    assert parameters.arrays.keys() == {"W", "b"}
    parameters.arrays["W"][0, 0] = 42
    parameters.slots["b"]["gradients"][1] = 43
    assert store.arrays()["fc1/W"][0, 0] == 42
    assert store.arrays()["fc1/b/gradients"][1] == 43


def test_no_two_nodes_touch_one_cache_line(store_of):
    touched: dict[str, set[int]] = {}
    for name, array in store_of(graph(), Adam()).arrays().items():
        start = array.__array_interface__["data"][0]
        lines = range(start // 64, (start + array.nbytes - 1) // 64 + 1)
        touched.setdefault(name.partition("/")[0], set()).update(lines)
    assert len(touched) == 2
    assert not set.intersection(*touched.values())


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam(), Adagrad()], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("few", [0, 10**6])
def test_parameters_that_step_as_one_step_as_each_would(store_of, optimizer, few, monkeypatch):
    monkeypatch.setattr("ampviz.nodes.parameterised._FEW_NUMBERS", few)
    store, alone = store_of(graph(), optimizer, seed=3), store_of(graph(), optimizer, seed=3)
    node, reference = nn.Linear(5, 7, optimizer=optimizer), alone.parameters(alone.nodes[0])
    node.attach(store.parameters(store.nodes[0]))
    rng = np.random.default_rng(0)
    for _ in range(3):
        drawn = {name: rng.normal(size=shape).astype(np.float32) for name, shape in node.parameter_shapes().items()}
        node.step({name: gradient.copy() for name, gradient in reversed(drawn.items())}, 0.1)
        for name, gradient in drawn.items():
            optimizer.update(reference.arrays[name], gradient, reference.slots[name], 0.1)
    assert same(store.arrays(), alone.arrays())


def test_an_optimizer_that_looks_at_whole_arrays_gets_them_one_by_one(store_of):
    class Normed(SGD):
        elementwise = False

        def update(self, parameter, gradient, slots, learning_rate):
            super().update(parameter, gradient / np.linalg.norm(gradient), slots, learning_rate)

    store, node = store_of(graph(), Normed()), nn.Linear(5, 7, optimizer=Normed())
    node.attach(store.parameters(store.nodes[0]))
    before = {name: array.copy() for name, array in node.parameters.arrays.items()}
    node.step({name: np.ones(array.shape, np.float32) for name, array in before.items()}, 0.1)
    for name, array in node.parameters.arrays.items():
        np.testing.assert_allclose(before[name] - array, 0.1 / array.size**0.5, rtol=1e-5)


def test_loading_brings_every_array_back(store_of):
    trained, fresh = store_of(graph(), Momentum(), seed=1), store_of(graph(), Momentum(), seed=2)
    trained.arrays()["fc1/W/velocity"][...] = 3
    fresh.load(trained.arrays())
    assert same(fresh.arrays(), trained.arrays())
    trained.arrays()["fc1/W"][...] = 0
    assert fresh.arrays()["fc1/W"].any()


@pytest.mark.parametrize(
    ("model", "optimizer", "named"),
    [
        (graph(hidden=8), Momentum(), "fc1/W"),
        (graph(last="head"), Momentum(), "out/W"),
        (graph(), SGD(), "fc1/W/velocity"),
    ],
    ids=["shape", "name", "optimizer"],
)
def test_arrays_of_another_model_are_refused_and_nothing_is_changed(store_of, model, optimizer, named):
    store, foreign = store_of(graph(), Momentum(), seed=1), store_of(model, optimizer, seed=2)
    before = {name: array.copy() for name, array in store.arrays().items()}
    with pytest.raises(UsageError, match=f"{named} is not of this model"):
        store.load(foreign.arrays())
    assert same(store.arrays(), before)


def test_the_version_is_one_for_all_who_map_it(store_of):
    first = store_of(graph(), SGD())
    second = store_of(graph(), SGD(), fd=os.dup(first.block.fd))
    ours, theirs = ([store.parameters(node).version for node in store.nodes] for store in (first, second))
    ours[0][0] += 1
    theirs[1][0] += 5
    assert [version[0] for version in ours] == [version[0] for version in theirs] == [1, 5]


def test_arrays_in_use_outlive_their_store():
    store = ParameterStore(graph(), SGD())
    weights = store.arrays()["fc1/W"]
    before = weights.copy()
    store.close()
    np.testing.assert_array_equal(weights, before)
    assert not store.arrays()
