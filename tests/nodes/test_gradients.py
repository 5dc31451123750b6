"""Gradients: the same in any order of delivery, equal to a backward pass by hand, and to finite differences."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nodes.delivery import Delivery, hosted
from tests.nodes.differences import numeric_gradient
from tests.nodes.models import HIDDEN, MODELS, TRAINING_ONLY, instances

Gradients = dict[str, np.ndarray]
KEYS = [3, 0, 8]


def trained(name: str, data: int = 0, **settings) -> Delivery:
    """Three training keys and a validation key, run to the end without an update."""
    given = instances(name, 4, data)
    delivery = hosted(MODELS[name][0], given, **settings)
    delivery.admit(dict(zip([*KEYS, -1], given, strict=True)))
    delivery.run()
    return delivery


@cache
def one_by_one(name: str, data: int) -> tuple[Gradients, dict]:
    delivery = trained(name, data)
    return delivery.gradients(), delivery.losses


def assert_equal(found: Gradients, expected: Gradients, **tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, err_msg=name, **tolerance)


@pytest.mark.parametrize("name", MODELS)
@given(data=st.integers(0, 9), order=st.integers(0, 2**32), max_batch=st.sampled_from([1, 2, 5, 16]))
@settings(max_examples=25, deadline=None)
def test_the_order_of_delivery_does_not_change_the_gradient(name, data, order, max_batch):
    gradients, losses = one_by_one(name, data)
    other = trained(name, data, seed=order, max_batch=max_batch)
    assert_equal(other.gradients(), gradients, rtol=2e-5, atol=2e-6)
    assert other.losses.keys() == losses.keys()
    for key, (rows, total, metrics) in losses.items():
        assert other.losses[key][0] == rows
        assert other.losses[key][1] == pytest.approx(total, rel=1e-5)
        assert other.losses[key][2] == pytest.approx(metrics, rel=1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in TRAINING_ONLY])
def test_the_gradient_is_the_finite_difference_of_the_mean_losses(name):
    given = instances(name, 2, seed=2)
    delivery = hosted(MODELS[name][0], given, max_batch=16, dtype=np.float64)
    fresh = itertools.count(1)

    def loss() -> float:
        delivery.objective = 0.0
        delivery.admit({-next(fresh): instance for instance in given})
        delivery.run()
        return delivery.objective

    numeric = {name: numeric_gradient(loss, array, step=1e-5) for name, array in delivery.parameters().items()}
    assert all(abs(gradient).max() > 1e-6 for gradient in numeric.values())
    delivery.admit(dict(enumerate(given)))
    delivery.run()
    assert_equal(delivery.gradients(), numeric, rtol=1e-5, atol=1e-7)


def zeros(parameters: Gradients) -> Gradients:
    return {name: np.zeros(array.shape) for name, array in parameters.items()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def affine(p: Gradients, name: str, x: np.ndarray) -> np.ndarray:
    return x @ p[f"{name}/W"] + p[f"{name}/b"]


def pull(p: Gradients, g: Gradients, name: str, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """The gradient of one row through an affine layer; adds to the layer's own."""
    g[f"{name}/W"] += np.outer(x, dy)
    g[f"{name}/b"] += dy
    return p[f"{name}/W"] @ dy


def naive_perceptron(p, g, fields, state):
    for x, y in zip(fields["x"], fields["y"], strict=True):
        h = np.tanh(affine(p, "fc1", x))
        dy = 2 * (affine(p, "fc2", h) - y) / len(y) / len(fields["x"])
        pull(p, g, "fc1", x, pull(p, g, "fc2", h, dy) * (1 - h**2))


def naive_recurrent(p, g, fields, state):
    for tokens, label in zip(fields["tokens"], fields["label"], strict=True):
        hs = [np.zeros(HIDDEN)]
        for token in tokens:
            hs.append(np.tanh(affine(p, "cell", np.concatenate([p["embed/table"][token], hs[-1]]))))
        shares = np.exp(affine(p, "out", hs[-1]))
        dy = shares / shares.sum()
        dy[label] -= 1
        dh = pull(p, g, "out", hs[-1], dy / len(fields["label"]))
        for t in reversed(range(state["n"])):
            x = np.concatenate([p["embed/table"][tokens[t]], hs[t]])
            dx = pull(p, g, "cell", x, dh * (1 - hs[t + 1] ** 2))
            g["embed/table"][tokens[t]] += dx[:HIDDEN]
            dh = dx[HIDDEN:]


def naive_fan(p, g, fields, state):
    for x, y in zip(fields["x"], fields["y"], strict=True):
        h = affine(p, "in", x)
        squashed, curved, bent = sigmoid(h[:2]), np.tanh(h[2:]), np.maximum(h[2:], 0)
        wide = np.concatenate([squashed, curved, bent, h, x])
        dwide = pull(p, g, "out", wide, 2 * (affine(p, "out", wide) - y) / len(y) / len(fields["x"]))
        dh = dwide[8:13]
        dh[:2] += dwide[:2] * squashed * (1 - squashed)
        dh[2:] += dwide[2:5] * (1 - curved**2) + dwide[5:8] * (h[2:] > 0)
        pull(p, g, "in", x, dh)


@pytest.mark.parametrize("data", range(3))
@pytest.mark.parametrize(
    ("name", "naive"), [("perceptron", naive_perceptron), ("recurrent", naive_recurrent), ("fan", naive_fan)]
)
def test_the_gradient_is_the_one_worked_out_by_hand(name, naive, data):
    delivery = trained(name, data, seed=data, max_batch=4)
    parameters = {name: array.astype(np.float64) for name, array in delivery.parameters().items()}
    expected = zeros(parameters)
    for instance in instances(name, 4, data)[:3]:
        naive(parameters, expected, instance.fields, instance.state)
    assert_equal(delivery.gradients(), expected, rtol=1e-4, atol=1e-5)
