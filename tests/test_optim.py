"""Optimizers over many steps, against scalar references in float64."""

from __future__ import annotations

import math
import platform
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.errors import KnobError
from ampviz.optim import SGD, Adagrad, Adam, Momentum, clip_by_norm
from ampviz.subnormals import subnormals_as_zero

STEPS = 30


def sgd(p, gradients, rate):
    for g in gradients:
        p = p - rate * g
    return p


def momentum(p, gradients, rate, share=0.9):
    velocity = 0.0
    for g in gradients:
        velocity = share * velocity + g
        p = p - rate * velocity
    return p


def adam(p, gradients, rate, beta1=0.9, beta2=0.999, epsilon=1e-8):
    mean = square = 0.0
    for step, g in enumerate(gradients, 1):
        mean = beta1 * mean + (1 - beta1) * g
        square = beta2 * square + (1 - beta2) * g * g
        unbiased_mean, unbiased_square = mean / (1 - beta1**step), square / (1 - beta2**step)
        p = p - rate * unbiased_mean / (math.sqrt(unbiased_square) + epsilon)
    return p


def adagrad(p, gradients, rate, initial=0.1, epsilon=1e-10):
    total = initial
    for g in gradients:
        total += g * g
        p = p - rate * g / (math.sqrt(total) + epsilon)
    return p


ADAM = {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-3}
CASES = [
    pytest.param(SGD(), sgd, {}, id="sgd"),
    pytest.param(Momentum(), momentum, {}, id="momentum"),
    pytest.param(Momentum(momentum=0.0), momentum, {"share": 0.0}, id="momentum 0"),
    pytest.param(Momentum(momentum=0.5), momentum, {"share": 0.5}, id="momentum 0.5"),
    pytest.param(Adam(), adam, {}, id="adam"),
    pytest.param(Adam(**ADAM), adam, ADAM, id="adam 2"),
    pytest.param(Adagrad(), adagrad, {}, id="adagrad"),
    pytest.param(Adagrad(initial=0.0, epsilon=0.01), adagrad, {"initial": 0.0, "epsilon": 0.01}, id="adagrad 2"),
]


def fresh_slots(optimizer, shape, dtype=np.float32):
    slots = {name: np.zeros(size, dtype) for name, size in optimizer.slots(shape).items()}
    optimizer.initialise(slots)
    return slots


def stepped(optimizer, start, gradients, rate, dtype=np.float32):
    """The parameter after one update for each gradient."""
    parameter, slots = start.astype(dtype), fresh_slots(optimizer, start.shape, dtype)
    for gradient in gradients:
        optimizer.update(parameter, gradient.astype(dtype), slots, rate)
    return parameter


def made_up(shape, steps=STEPS, seed=0):
    """A start and gradients that float32 holds exactly, so that only the optimizer's own arithmetic rounds."""
    rng = np.random.default_rng(seed)
    start = rng.normal(size=shape).astype(np.float32).astype(np.float64)
    return start, rng.normal(size=(steps, *shape)).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize(("optimizer", "reference", "options"), CASES)
@pytest.mark.parametrize("shape", [(1,), (4, 3), (2, 3, 2)])
def test_many_steps_agree_with_the_scalar_reference(optimizer, reference, options, shape):
    start, gradients = made_up(shape)
    found = stepped(optimizer, start, gradients, 0.05)
    expected = [reference(start[at], gradients[(slice(None), *at)], 0.05, **options) for at in np.ndindex(shape)]
    np.testing.assert_allclose(found.reshape(-1), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("optimizer", "reference", "options"), CASES)
def test_in_float64_the_steps_are_exact(optimizer, reference, options):
    start, gradients = made_up((5,))
    found = stepped(optimizer, start, gradients, 0.05, np.float64)
    expected = [reference(start[at], gradients[:, at], 0.05, **options) for at in range(5)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(("optimizer", "reference", "options"), CASES)
@pytest.mark.parametrize("shape", [(65_536,), (65_537,), (130, 507), (3, 65_536)])
def test_every_block_of_a_large_array_is_treated_alike(optimizer, reference, options, shape):
    start, gradients = made_up((7,), steps=4)
    found = stepped(optimizer, np.resize(start, shape), [np.resize(gradient, shape) for gradient in gradients], 0.05)
    expected = [reference(start[at], gradients[:, at], 0.05, **options) for at in range(7)]
    np.testing.assert_allclose(found, np.resize(expected, shape), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam(), Adagrad()])
def test_a_rate_of_zero_leaves_the_parameter_where_it_is(optimizer):
    start, gradients = made_up((6,))
    assert np.array_equal(stepped(optimizer, start, gradients, 0.0), start)


@pytest.mark.parametrize("optimizer", [SGD(), Momentum(), Adam(), Adagrad()])
def test_a_rate_given_to_the_update_counts_not_the_declared_one(optimizer):
    start, gradients = made_up((6,), steps=1)
    whole, half = (start - stepped(optimizer, start, gradients, rate, np.float64) for rate in (0.2, 0.1))
    np.testing.assert_allclose(whole, 2 * half, rtol=1e-9)


@pytest.mark.parametrize(
    ("optimizer", "names"),
    [(SGD(), set()), (Momentum(), {"velocity"}), (Adam(), {"gradients", "squares", "step"}), (Adagrad(), {"sum"})],
)
def test_slots_are_declared_with_the_shape_of_the_parameter(optimizer, names):
    slots = optimizer.slots((4, 3))
    assert set(slots) == names
    assert all(shape == ((1,) if name == "step" else (4, 3)) for name, shape in slots.items())


def test_adagrad_starts_from_its_initial_sum():
    assert np.array_equal(fresh_slots(Adagrad(initial=0.25), (3,))["sum"], [0.25] * 3)


@pytest.mark.parametrize("library", [True, False])
@pytest.mark.parametrize("large", [0, 100_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_descending_by_the_factors_is_a_step_by_their_product(library, large, dtype, monkeypatch):
    monkeypatch.setattr("ampviz.optim._LARGE", large)
    if not library:
        monkeypatch.setattr("ampviz.blas._GEMM", {})
    rng = np.random.default_rng(0)
    W, b, x, dy = (rng.normal(size=shape).astype(dtype) for shape in [(7, 3), (3,), (5, 7), (5, 3)])
    expected = {"W": W - 0.1 * np.einsum("ri,ro->io", x, dy), "b": b - 0.1 * dy.sum(axis=0)}
    x.flags.writeable = dy.flags.writeable = False
    SGD().descend(W, x, dy, 0.1)
    SGD().descend(b, np.ones(5, dtype), dy, 0.1)
    np.testing.assert_allclose(W, expected["W"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(b, expected["b"], rtol=1e-5, atol=1e-6)
    assert W.dtype == b.dtype == dtype


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=3), st.floats(0.01, 20), st.integers(0, 1000))
def test_clipping_scales_the_joint_norm_down_to_the_limit(sizes, limit, seed):
    rng = np.random.default_rng(seed)
    before = [rng.normal(size=(size, 2)) for size in sizes]
    after = [gradient.astype(np.float32) for gradient in before]
    norm = math.sqrt(sum(x * x for gradient in before for x in gradient.reshape(-1).tolist()))
    assert clip_by_norm(after, limit) == pytest.approx(norm, rel=1e-5)
    factor = min(1.0, limit / norm)
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new, old * factor, rtol=1e-4, atol=1e-6)


def test_clipping_changes_nothing_within_the_limit():
    gradients = [np.array([3.0], np.float32), np.array([[4.0]], np.float32)]
    assert clip_by_norm(gradients, 5.0) == 5.0
    assert [gradient.item() for gradient in gradients] == [3.0, 4.0]
    assert clip_by_norm([np.zeros(3, np.float32)], 1.0) == 0.0


@pytest.mark.parametrize("kind", [SGD, Momentum, Adam, Adagrad])
@pytest.mark.parametrize("rate", [-0.1, math.nan])
def test_a_bad_learning_rate_is_refused(kind, rate):
    with pytest.raises(KnobError, match=r"^learning_rate: must not be negative \(got (-0.1|nan)\)"):
        kind(learning_rate=rate)


@pytest.mark.parametrize("value", [-0.1, 1.0, 2.0, math.nan])
@pytest.mark.parametrize(("kind", "name"), [(Momentum, "momentum"), (Adam, "beta1"), (Adam, "beta2")])
def test_a_share_outside_0_to_1_is_refused(kind, name, value):
    with pytest.raises(KnobError, match=f"^{name}: out of range .*expected 0 <= value < 1, got {value}"):
        kind(**{name: value})


@pytest.mark.parametrize("value", [-0.1, math.nan])
@pytest.mark.parametrize(("kind", "name"), [(Adagrad, "initial"), (Adagrad, "epsilon"), (Adam, "epsilon")])
def test_a_negative_sum_or_epsilon_is_refused(kind, name, value):
    with pytest.raises(KnobError, match=f"^{name}: must not be negative"):
        kind(**{name: value})


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="only Linux on x86-64 has the register"
)
def test_what_adam_has_of_a_gradient_of_long_ago_does_not_end_as_a_subnormal_where_units_run():
    optimizer = Adam()
    parameter, slots = np.zeros(2, np.float32), fresh_slots(optimizer, (2,))
    with subnormals_as_zero():
        for step in range(1000):
            optimizer.update(parameter, np.array([step == 0, 1], np.float32), slots, 0.001)
    assert slots["gradients"].view(np.uint32)[0] == 0
    assert slots["gradients"].tolist() == [0, pytest.approx(10, rel=1e-3)]
    expected = [adam(0.0, [1, *[gradient] * 999], 0.001) for gradient in (0, 1)]
    np.testing.assert_allclose(parameter, expected, rtol=1e-4)
