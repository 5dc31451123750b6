"""Updates of nodes with parameters: what they step by, when they happen, and what staleness is counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz import SGD, Instance
from ampviz.message import BACKWARD, FORWARD
from ampviz.nodes import kernels, parameterised
from ampviz.nodes.parameters import ones
from tests.nodes.delivery import NEVER, Delivery, hosted, process
from tests.nodes.models import instances, perceptron, rows

RATE = 0.5
ROWS = 4  # of each instance: the Linear gets as many messages (1, 3) for each key


class Layer:
    """The Linear 3 -> 2 of the model `rows`, driven by hand: what it gets is remembered for the naive gradient."""

    def __init__(self, **settings):
        self.rng = np.random.default_rng(1)
        self.data = [self.instance() for _ in range(3)]
        settings = {"optimizer": SGD(0.1), "learning_rate": RATE, **settings}
        self.delivery: Delivery = hosted(rows, self.data, **settings)
        self.node = self.delivery.node("in")
        self.start = self.weights()
        self.seen: dict[tuple[int, int], np.ndarray] = {}

    def instance(self) -> Instance:
        x = self.rng.normal(size=(ROWS, 3)).astype(np.float32)
        return Instance({"x": x, "y": x[:, :2]}, tables={"rows": ROWS})

    def weights(self) -> np.ndarray:
        """W over b."""
        return np.vstack([self.node.W, self.node.b])

    def moved(self) -> np.ndarray:
        """How far W and b went since the layer was made."""
        return self.start - self.weights()

    def forward(self, *keys: int, rows: int = 1) -> None:
        """Each key enters; its pieces reach the layer, one after the other, with this many rows each."""
        for key in keys:
            self.delivery.admit({key: self.instance()})
            for name in ("x", "ungroup1"):
                x = self.delivery.payload(key, "x")
                process(self.delivery.node(name), FORWARD, [(0, (key,), x)])
            for i in range(ROWS):
                self.seen[key, i] = self.rng.normal(size=(rows, 3)).astype(np.float32)
                process(self.node, FORWARD, [(0, (key, i), self.seen[key, i])])

    def backward(self, *states: tuple[int, int], batch: bool = False) -> np.ndarray:
        """Answer these; returns the summed gradient of W over b, as the naive sum over rows."""
        total, messages = np.zeros((4, 2)), []
        for state in states:
            dy = self.rng.normal(size=(len(self.seen[state]), 2)).astype(np.float32)
            for row, slope in zip(self.seen[state], dy, strict=True):
                total += np.outer([*row, 1], slope)
            messages.append((0, state, dy))
        for part in [messages] if batch else [[message] for message in messages]:
            process(self.node, BACKWARD, part)
        return total


class Roundabout(SGD):
    """Plain descent of another name: it might have an update of its own."""


@pytest.mark.parametrize("batch", [False, True])
@pytest.mark.parametrize(
    ("states", "keys"),
    [
        ([(5, 0)], 1),
        ([(5, 2), (5, 0), (5, 1)], 1),
        ([(5, 0), (6, 0)], 2),
        ([(5, 0), (6, 3), (5, 1), (7, 2), (5, 3), (6, 1)], 3),
    ],
)
def test_an_update_is_the_sum_of_the_gradients_over_the_distinct_keys(states, keys, batch):
    layer = Layer(min_update_interval=len(states))
    layer.forward(5, 6, 7)
    total = layer.backward(*states, batch=batch)
    np.testing.assert_allclose(layer.moved(), RATE * total / keys, rtol=1e-5, atol=1e-6)
    assert (layer.node.version, layer.node.pending, layer.delivery.updates) == (1, 0, ["in"])


def test_each_update_starts_anew():
    layer = Layer(min_update_interval=2)
    layer.forward(5, 6)
    first = layer.backward((5, 0), (6, 0)) / 2
    second = layer.backward((6, 1), (6, 2))
    np.testing.assert_allclose(layer.moved(), RATE * (first + second), rtol=1e-5, atol=1e-6)


def test_pending_gradients_stay_until_the_interval_is_full():
    layer = Layer(min_update_interval=3)
    layer.forward(5, 6)
    total = layer.backward((5, 0), (6, 0))
    assert not layer.moved().any()
    assert (layer.node.pending, layer.node.version, layer.delivery.updates) == (2, 0, [])
    total += layer.backward((6, 1))
    np.testing.assert_allclose(layer.moved(), RATE * total / 2, rtol=1e-5, atol=1e-6)


def test_a_shorter_interval_updates_with_the_next_gradient():
    layer = Layer(min_update_interval=NEVER)
    layer.forward(5)
    total = layer.backward((5, 0), (5, 1))
    layer.node.retune({**layer.delivery.knobs, "min_update_interval": 2.0}, 1.0)
    assert layer.node.version == 0
    total += layer.backward((5, 2))
    np.testing.assert_allclose(layer.moved(), RATE * total, rtol=1e-5, atol=1e-6)


def test_update_steps_by_what_is_pending_and_else_does_nothing():
    layer = Layer(min_update_interval=NEVER)
    layer.forward(5)
    layer.node.update()
    assert (layer.node.version, layer.delivery.updates) == (0, [])
    total = layer.backward((5, 0))
    layer.node.update()
    layer.node.update()
    np.testing.assert_allclose(layer.moved(), RATE * total, rtol=1e-5, atol=1e-6)
    assert (layer.node.version, layer.delivery.updates) == (1, ["in"])


@pytest.mark.parametrize("fold", [1, 2, 1024])
def test_the_gradient_so_far_is_what_the_next_update_takes(fold, monkeypatch):
    monkeypatch.setattr("ampviz.nodes.parameterised._FOLD_ROWS", fold)
    layer = Layer(min_update_interval=NEVER)
    assert layer.node.gradient_so_far() == {}
    layer.forward(5, 6)
    layer.backward((5, 0), (5, 1))
    layer.backward((6, 1))
    seen = layer.node.gradient_so_far()
    layer.node.update()
    np.testing.assert_allclose(layer.moved(), RATE * np.vstack([seen["W"], seen["b"]]), rtol=1e-5, atol=1e-6)
    assert layer.node.gradient_so_far() == {}


def test_an_answer_without_a_gradient_does_not_count():
    layer = Layer(min_update_interval=2)
    layer.forward(5, 6)
    total = layer.backward((5, 0))
    process(layer.node, BACKWARD, [(0, (6, i), None) for i in range(ROWS)])
    assert (layer.node.pending, layer.node.cached()) == (1, ROWS - 1)
    layer.node.update()
    np.testing.assert_allclose(layer.moved(), RATE * total, rtol=1e-5, atol=1e-6)


def test_validation_is_not_remembered_by_the_layer():
    layer = Layer()
    layer.forward(-1)
    assert layer.node.cached() == 0


def test_validation_is_not_remembered_when_it_runs_in_a_batch_with_training():
    given = instances("perceptron", 2)
    delivery = hosted(perceptron, given)
    for key in (4, -1):
        delivery.admit({key: given[0]})
        process(delivery.node("x"), FORWARD, [(0, (key,), None)])
    process(delivery.node("fc1"), FORWARD, [(0, (4,), given[0].fields["x"]), (0, (-1,), given[1].fields["x"])])
    assert delivery.node("fc1").cached() == 1


@pytest.mark.parametrize(("limit", "expected"), [(16, 5), (5, 5), (3, 3), (1, 1)])
def test_a_backward_batch_is_no_longer_than_the_interval(limit, expected):
    layer = Layer(min_update_interval=5)
    layer.forward(5, 6)
    layer.backward((5, 0), (6, 1), (6, 2))
    assert layer.node.batch_limit(BACKWARD, limit) == expected
    assert layer.node.batch_limit(FORWARD, limit) == limit


@pytest.mark.parametrize("rows", [1, 3])
def test_a_batch_in_which_an_interval_ends_gives_the_rest_to_the_next_update(rows):
    layer = Layer(min_update_interval=5)
    layer.forward(5, 6, rows=rows)
    first = layer.backward((5, 0), (6, 0), (5, 1))
    slopes = [layer.rng.normal(size=(rows, 2)).astype(np.float32) for _ in range(4)]
    states = [(6, 1), (6, 2), (5, 2), (5, 3)]
    layer.node.wanted = (True,)  # as if its input came from a node that learns
    answers = layer.delivery.pending
    answers.clear()
    process(layer.node, BACKWARD, list(zip((0, 0, 0, 0), states, slopes, strict=True)))
    given = [np.vstack([layer.seen[state].T @ dy, dy.sum(axis=0)]) for state, dy in zip(states, slopes, strict=True)]
    np.testing.assert_allclose(layer.moved(), RATE * (first + given[0] + given[1]) / 2, rtol=1e-5, atol=1e-6)
    assert (layer.node.pending, layer.node.version, layer.node.staleness[0]) == (2, 1, 7)
    for (_, _, (_, state, dx)), dy in zip(answers, slopes, strict=True):  # by the weights before the update
        np.testing.assert_allclose(dx, dy @ layer.start[:3].T, rtol=1e-5, atol=1e-6, err_msg=str(state))
    layer.node.update()
    both = first + given[0] + given[1] + (given[2] + given[3]) * 2
    np.testing.assert_allclose(layer.moved(), RATE * both / 2, rtol=1e-5, atol=1e-6)


def test_an_interval_that_has_become_shorter_ends_with_the_first_message_of_a_batch():
    layer = Layer(min_update_interval=NEVER)
    layer.forward(5)
    total = layer.backward((5, 0), (5, 1))
    layer.node.retune({**layer.delivery.knobs, "min_update_interval": 2.0}, 1.0)
    total += layer.backward((5, 2), (5, 3), batch=True)
    assert (layer.node.version, layer.node.pending) == (1, 1)
    layer.node.update()
    np.testing.assert_allclose(layer.moved(), RATE * total, rtol=1e-5, atol=1e-6)


@given(interval=st.integers(1, 9), order=st.integers(0, 2**32), max_batch=st.integers(1, 16))
@settings(max_examples=25, deadline=None)
def test_no_interval_is_longer_than_asked_for(interval, order, max_batch):
    given = instances("rows", 6)
    settings = {"optimizer": SGD(0.1), "min_update_interval": interval}
    delivery = hosted(rows, given, seed=order, max_batch=max_batch, **settings)
    delivery.admit(dict(enumerate(given)))
    delivery.run()
    messages = sum(len(instance.fields["x"]) for instance in given)
    node = delivery.node("in")
    assert (node.version, node.pending) == divmod(messages, interval)
    assert delivery.updates == ["in"] * node.version


def test_staleness_counts_the_updates_between_forward_and_backward():
    layer = Layer(min_update_interval=2)
    layer.forward(5, 6)
    layer.backward(*((5, i) for i in range(ROWS)))
    layer.forward(7)
    layer.backward((6, 0), (7, 0), (7, 1), (6, 1), (7, 2))
    expected = Counter({0: 2 + 1, 1: 2 + 1, 2: 1 + 1, 3: 1})
    assert {stale: count for stale, count in enumerate(layer.node.staleness) if count} == expected
    assert (layer.node.staleness_sum, layer.node.staleness_max) == (3 + 2 * 2 + 3, 3)


def test_the_last_bin_of_the_histogram_takes_all_that_is_staler():
    layer = Layer(min_update_interval=1)
    keys = range(17)
    layer.forward(*keys)
    layer.backward(*((key, i) for key in keys for i in range(ROWS)))
    bins = len(layer.node.staleness)
    assert layer.node.staleness == [1] * (bins - 1) + [17 * ROWS - bins + 1]
    assert (layer.node.staleness_sum, layer.node.staleness_max) == (sum(range(17 * ROWS)), 17 * ROWS - 1)


@pytest.fixture
def products(monkeypatch) -> list[int]:
    """The rows of each product that makes or adds to the gradient of a matrix."""
    rows: list[int] = []

    def fresh(x, dy, product=kernels.weight_gradient):
        rows.extend([len(x)] if x.ndim == 2 else [])
        return product(x, dy)

    def added(y, a, x, dy, product=parameterised.add_product):
        rows.append(len(x))
        return product(y, a, x, dy)

    monkeypatch.setattr(kernels, "weight_gradient", fresh)
    monkeypatch.setattr(parameterised, "add_product", added)
    return rows


def test_many_rows_are_folded_on_the_way_into_the_same_gradient(products, monkeypatch):
    monkeypatch.setattr(parameterised, "_MANY_ROWS", 10**6)  # so that they are kept
    layer = Layer(min_update_interval=2 * ROWS, dtype=np.float64)
    layer.forward(5, 6, rows=400)
    total = layer.backward(*layer.seen)
    assert (len(products), sum(products)) == (3, 400 * 2 * ROWS)
    np.testing.assert_allclose(layer.moved(), RATE * total / 2, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("many", [1, 10**6])
@pytest.mark.parametrize("block", [1, 30])
@pytest.mark.parametrize("in_place", [0, 10**6])
def test_many_rows_at_once_are_not_kept_and_give_the_same_gradient(many, block, in_place, products, monkeypatch):
    monkeypatch.setattr(parameterised, "_MANY_ROWS", many)
    monkeypatch.setattr(parameterised, "_IN_PLACE", in_place)
    layer = Layer(min_update_interval=ROWS, optimizer=Roundabout())
    layer.forward(5, rows=block)
    total = layer.backward(*layer.seen)
    assert products == ([30] * ROWS if many == 1 and block == 30 else [ROWS * block])  # of one row W is more than that
    np.testing.assert_allclose(layer.moved(), RATE * total, rtol=1e-5, atol=1e-4)


def test_where_blas_does_not_add_in_place_the_gradient_is_the_same(monkeypatch):
    monkeypatch.setattr(parameterised, "_MANY_ROWS", 1)
    monkeypatch.setattr(parameterised, "_IN_PLACE", 0)
    monkeypatch.setattr(parameterised, "add_product", lambda y, a, x, dy: False)
    layer = Layer(min_update_interval=ROWS, optimizer=Roundabout())
    layer.forward(5, rows=30)
    total = layer.backward(*layer.seen)
    np.testing.assert_allclose(layer.moved(), RATE * total, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("limit", [0.25, 1e6])
def test_a_gradient_is_clipped_to_the_joint_norm_of_the_nodes_arrays(limit):
    layer = Layer(min_update_interval=2, gradient_clip=limit)
    layer.forward(5, 6)
    mean = layer.backward((5, 0), (6, 0)) / 2
    norm = np.sqrt((mean**2).sum())
    assert 0.25 < norm < 1e6
    np.testing.assert_allclose(layer.moved(), RATE * mean * min(1, limit / norm), rtol=1e-5, atol=1e-6)


def test_the_learning_rate_is_the_knob_times_what_the_decay_has_come_to():
    layer = Layer(min_update_interval=1)
    layer.forward(5)
    first = layer.backward((5, 0))
    layer.node.retune({**layer.delivery.knobs, "learning_rate": 2.0}, 0.125)
    second = layer.backward((5, 1))
    np.testing.assert_allclose(layer.moved(), RATE * first + 0.25 * second, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("clip", [0.0, 0.01])
def test_the_norm_of_a_gradient_is_looked_at_now_and_then_and_before_clipping(clip):
    layer = Layer(gradient_clip=clip, min_update_interval=1)
    layer.forward(5, 6)
    total = layer.backward((5, 0))
    first = layer.node.gradient_norm
    assert first == pytest.approx(np.linalg.norm(total), rel=1e-5)
    layer.backward((5, 1))
    assert layer.node.gradient_norm == first  # too soon to look again
    layer.node._norm_due = 0
    total = layer.backward((6, 0))
    assert layer.node.gradient_norm == pytest.approx(np.linalg.norm(total), rel=1e-5)


def test_a_straight_step_is_that_of_the_gradient_and_the_clock_does_not_matter():
    layers = [Layer(optimizer=rule, min_update_interval=3) for rule in (SGD(), SGD(), Roundabout())]
    for layer in layers:
        layer.forward(5, 6)
        for states in ([(5, 0), (6, 0), (6, 1)], [(5, 1), (5, 2), (5, 3)]):
            layer.backward(*states)
            layer.node._norm_due = 0 if layer is layers[0] else 10**18
    straight, later, roundabout = (layer.weights() for layer in layers)
    np.testing.assert_array_equal(straight, later)
    np.testing.assert_allclose(straight, roundabout, rtol=1e-6, atol=1e-6)


def test_a_gradient_that_is_not_finite_shows_in_its_norm():
    layer = Layer(min_update_interval=1)
    layer.forward(5)
    process(layer.node, BACKWARD, [(0, (5, 0), np.full((1, 2), np.nan, np.float32))])
    assert np.isnan(layer.node.gradient_norm)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ones_are_as_many_as_asked_for_and_nobody_changes_them(dtype):
    for count in (3, 40, 0, 7):
        given = ones(count, np.dtype(dtype))
        np.testing.assert_array_equal(given, np.ones(count, dtype), strict=True)
    with pytest.raises(ValueError, match="read-only"):
        given[0] = 2
