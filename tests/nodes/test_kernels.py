"""The kernels against plain loops and finite differences; they keep the dtype and never write to their inputs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.nodes import kernels, scatter
from ampviz.nodes.scatter import Scatter, scatter_add, sum_by_index
from tests.nodes.differences import numeric_gradient

SMALL, LARGE = 7, 300  # numbers of rows on both sides of the one-hot limit
CASES: dict[str, Callable[..., object]] = {
    "product": lambda x, y, i, w: kernels.product(x, y),
    "linear_forward": lambda x, y, i, w: kernels.linear_forward(x, np.ones((3, 2), x.dtype), np.ones(2, x.dtype)),
    "linear_input_gradient": lambda x, y, i, w: kernels.linear_input_gradient(x, y),
    "weight_gradient": lambda x, y, i, w: kernels.weight_gradient(x, y),
    "lookup_forward": lambda x, y, i, w: kernels.lookup_forward(i, x),
    "scatter_add, few": lambda x, y, i, w: scatter_add(i, x, SMALL),
    "scatter_add, many": lambda x, y, i, w: scatter_add(i, x, LARGE),
    "sum_by_index": lambda x, y, i, w: sum_by_index(i, x)[1],
    "relu_forward": lambda x, y, i, w: kernels.relu_forward(x),
    "relu_backward": lambda x, y, i, w: kernels.relu_backward(x, y),
    "tanh_forward": lambda x, y, i, w: kernels.tanh_forward(x),
    "tanh_backward": lambda x, y, i, w: kernels.tanh_backward(x, y),
    "sigmoid_forward": lambda x, y, i, w: kernels.sigmoid_forward(x),
    "sigmoid_backward": lambda x, y, i, w: kernels.sigmoid_backward(x, y),
    "softmax_cross_entropy": lambda x, y, i, w: kernels.softmax_cross_entropy(x, i, w)[:2],
    "squared_error": lambda x, y, i, w: kernels.squared_error(x, y, w),
    "absolute_error": lambda x, y, i, w: kernels.absolute_error(x, y, w),
    "huber_error": lambda x, y, i, w: kernels.huber_error(x, y, w, 0.5),
    "selection_cross_entropy": lambda x, y, i, w: kernels.selection_cross_entropy(w, i[:1], np.array([3]))[:2],
}
POINTWISE = {
    "relu": (kernels.relu_forward, kernels.relu_backward, lambda x: max(x, 0.0)),
    "tanh": (kernels.tanh_forward, kernels.tanh_backward, math.tanh),
    "sigmoid": (kernels.sigmoid_forward, kernels.sigmoid_backward, lambda x: 1 / (1 + math.exp(-x))),
}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_the_dtype_is_kept_and_read_only_inputs_suffice(name, dtype, rng):
    x, y = rng.normal(size=(2, 3, 3)).astype(dtype)
    inputs = (x, y, np.array([2, 0, 2]), np.full(3, 0.5, dtype))
    for array in inputs:
        array.flags.writeable = False
    results = CASES[name](*inputs)
    for result in results if isinstance(results, tuple) else (results,):
        assert result.dtype == dtype
        assert not any(np.shares_memory(result, array) for array in inputs)


def test_every_kernel_is_among_the_cases():
    defined = {**vars(kernels), **vars(scatter)}
    own = (kernels.__name__, scatter.__name__)
    public = {name for name, value in defined.items()
              if inspect.isfunction(value) and value.__module__ in own and name[0] != "_"}  # fmt: skip
    assert {name.partition(",")[0] for name in CASES} == public


def test_linear_forward_is_the_sum_of_products(rng):
    x, W, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    expected = [[sum(x[r, i] * W[i, o] for i in range(3)) + b[o] for o in range(2)] for r in range(4)]
    np.testing.assert_allclose(kernels.linear_forward(x, W, b), expected, rtol=1e-12)


def test_linear_gradients_are_the_finite_differences(rng):
    x, W, b, dy = rng.normal(size=(4, 3)), rng.normal(size=(3, 2)), rng.normal(size=2), rng.normal(size=(4, 2))

    def loss() -> float:
        return float((kernels.linear_forward(x, W, b) * dy).sum())

    dW, db = kernels.weight_gradient(x, dy), kernels.weight_gradient(np.ones(4), dy)
    for found, array in [(kernels.linear_input_gradient(dy, W), x), (dW, W), (db, b)]:
        np.testing.assert_allclose(found, numeric_gradient(loss, array), atol=1e-8)


SHAPES = [(300, 400), (40, 20), (1301, 37), (16, 70_000)]  # in blocks with a rest, and too small or too long for blocks


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rows", [0, 1, 2, 4, 5, 16, 20, 21, 64, 65, 101])
def test_products_of_any_number_of_rows_and_any_shape_are_those_of_numpy(rows, shape, rng):
    W, x, dy = rng.normal(size=shape), rng.normal(size=(rows, shape[0])), rng.normal(size=(rows, shape[1]))
    found = kernels.linear_input_gradient(dy, W)
    np.testing.assert_allclose(found, dy @ W.T, rtol=1e-9, atol=1e-9)
    assert found.flags.c_contiguous
    np.testing.assert_allclose(kernels.product(x, W), x @ W, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("vocabulary", [SMALL, 256, 257, LARGE])
def test_lookup_picks_rows_and_its_gradient_adds_them_up(vocabulary, rng):
    table = rng.normal(size=(vocabulary, 3))
    indices = np.array([vocabulary - 1, 0, 4, 0, 4, 4])
    dy = rng.normal(size=(6, 3))
    np.testing.assert_array_equal(kernels.lookup_forward(indices, table), [table[i] for i in indices])
    expected = np.zeros((vocabulary, 3))
    for row, index in enumerate(indices):
        expected[index] += dy[row]
    np.testing.assert_allclose(scatter_add(indices, dy, vocabulary), expected, rtol=1e-12)


@given(st.lists(st.integers(0, SMALL - 1), max_size=20))
@settings(max_examples=30, deadline=None)
def test_sums_by_index_are_those_of_a_dictionary(indices):
    rows = np.random.default_rng(len(indices)).normal(size=(len(indices), 2))
    expected: dict[int, np.ndarray] = {}
    for index, row in zip(indices, rows, strict=True):
        expected[index] = expected.get(index, 0) + row
    distinct, sums = sum_by_index(np.array(indices, np.int64), rows)
    assert distinct.tolist() == sorted(expected)
    for index, total in zip(distinct.tolist(), sums, strict=True):
        np.testing.assert_allclose(total, expected[index], rtol=1e-12, atol=1e-15)


@given(st.lists(st.integers(0, SMALL - 1), max_size=20))
@settings(max_examples=30, deadline=None)
def test_rows_add_up_to_the_same_by_one_hot_one_by_one_in_turns_and_by_sorting(indices):
    dy = np.random.default_rng(len(indices)).normal(size=(len(indices), 2))
    by_one_hot = scatter_add(np.array(indices, np.int64), dy, SMALL)
    one_by_one = scatter_add(np.array(indices, np.int64), dy, LARGE)
    np.testing.assert_allclose(one_by_one[:SMALL], by_one_hot, atol=1e-12)
    assert not one_by_one[SMALL:].any()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scatter, "_FEW_NUMBERS", -1)
        patch.setattr(scatter, "_SMALL_PRODUCT", 0)
        patch.setattr(scatter, "_FEW_ROWS", 0)
        for turns in (0, 2, 20):
            patch.setattr(scatter, "_TURNS", turns)
            sums = scatter_add(np.array(indices, np.int64), dy, LARGE)
            np.testing.assert_allclose(sums[:SMALL], by_one_hot, atol=1e-12)
            assert not sums[SMALL:].any()


@pytest.mark.parametrize(("numbers", "product"), [(10**9, 0), (-1, 0), (-1, 10**9)])
def test_a_scatter_serves_many_sets_of_rows_of_any_kind(numbers, product, monkeypatch, rng):
    monkeypatch.setattr(scatter, "_FEW_NUMBERS", numbers)
    monkeypatch.setattr(scatter, "_SMALL_PRODUCT", product)
    indices = rng.integers(0, LARGE, 30)
    adds = Scatter(indices, LARGE)
    for dtype, size in ((np.float32, 2), (np.float64, 2), (np.float32, 3)):
        rows = rng.normal(size=(30, size)).astype(dtype)
        expected = np.zeros((LARGE, size), dtype)
        np.add.at(expected, indices, rows)
        sums = adds(rows)
        assert sums.dtype == dtype
        np.testing.assert_allclose(sums, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("few", "turns"), [(10**9, 8), (-1, 8), (-1, 0)])
def test_a_scatter_of_chosen_rows_is_that_of_the_rows_taken_before(few, turns, monkeypatch, rng):
    for limit in ("_FEW_NUMBERS", "_SMALL_PRODUCT"):
        monkeypatch.setattr(scatter, limit, few)
    monkeypatch.setattr(scatter, "_TURNS", turns)
    rows, indices, chosen = rng.normal(size=(9, 2)), rng.integers(0, LARGE, 30), rng.integers(0, 9, 30)
    for count in (LARGE, SMALL):
        own = indices % count
        expected = scatter_add(own, rows[chosen], count)
        np.testing.assert_allclose(Scatter(own, count, chosen)(rows), expected, rtol=1e-12, atol=1e-15)


def test_lookup_gradient_is_the_finite_difference(rng):
    table, indices, dy = rng.normal(size=(4, 2)), np.array([3, 1, 3]), rng.normal(size=(3, 2))
    numeric = numeric_gradient(lambda: float((kernels.lookup_forward(indices, table) * dy).sum()), table)
    np.testing.assert_allclose(scatter_add(indices, dy, 4), numeric, atol=1e-8)


@pytest.mark.parametrize("index", [-1, -SMALL, SMALL, 10**6])
def test_lookup_refuses_an_index_outside_the_table(index):
    with pytest.raises(IndexError, match=f"index {index} is out of bounds"):
        kernels.lookup_forward(np.array([0, index]), np.zeros((SMALL, 2)))


@pytest.mark.parametrize("count", [SMALL, LARGE])
@pytest.mark.parametrize("index", [-1, LARGE, 10**12])
def test_rows_are_not_added_outside_the_result(count, index):
    with pytest.raises(IndexError, match=f"index {index} is out of bounds"):
        scatter_add(np.array([0, index]), np.zeros((2, 3)), count)


@pytest.mark.parametrize("count", [0, 1, SMALL, LARGE])
def test_no_rows_add_up_to_zeros(count):
    sums = scatter_add(np.zeros(0, np.int64), np.zeros((0, 3), np.float32), count)
    np.testing.assert_array_equal(sums, np.zeros((count, 3), np.float32))


@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise_forward_is_the_formula(name, rng):
    forward, _, formula = POINTWISE[name]
    x = rng.normal(size=(3, 2, 2)) * 3
    np.testing.assert_allclose(forward(x).ravel(), [formula(value) for value in x.ravel()], rtol=1e-12)


@pytest.mark.parametrize("name", POINTWISE)
def test_pointwise_backward_is_the_finite_difference(name, rng):
    forward, backward, _ = POINTWISE[name]
    x, dy = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    numeric = numeric_gradient(lambda: float((forward(x) * dy).sum()), x)
    np.testing.assert_allclose(backward(forward(x), dy), numeric, atol=1e-8)


def test_relu_has_no_slope_where_it_is_zero():
    x = np.array([[-1.0, -0.0, 0.0, 2.0]])
    np.testing.assert_array_equal(kernels.relu_backward(kernels.relu_forward(x), np.ones((1, 4))), [[0, 0, 0, 1]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sigmoid_of_extremes_is_zero_and_one(dtype):
    extremes = np.array([-1e30, -1e4, 0.0, 1e4, 1e30], dtype)
    np.testing.assert_array_equal(kernels.sigmoid_forward(extremes), [0, 0, 0.5, 1, 1])


def naive_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> list[float]:
    tops = [max(row) for row in logits]
    return [
        math.log(sum(math.exp(value - top) for value in row)) + top - row[label]
        for row, label, top in zip(logits, labels, tops, strict=True)
    ]


def test_cross_entropy_is_minus_the_log_of_the_share(rng):
    logits, labels = rng.normal(size=(5, 3)) * 4, np.array([0, 2, 1, 1, 0])
    losses, _, correct = kernels.softmax_cross_entropy(logits, labels, np.ones(5))
    np.testing.assert_allclose(losses, naive_cross_entropy(logits, labels), rtol=1e-12)
    assert correct.tolist() == [
        row.tolist().index(max(row)) == label for row, label in zip(logits, labels, strict=True)
    ]


def test_cross_entropy_gradient_is_the_finite_difference_of_the_weighted_sum(rng):
    logits, labels, weights = rng.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0]), rng.uniform(0.1, 2, 5)
    numeric = numeric_gradient(lambda: float(weights @ naive_cross_entropy(logits, labels)), logits)
    _, gradient, _ = kernels.softmax_cross_entropy(logits, labels, weights)
    np.testing.assert_allclose(gradient, numeric, atol=1e-8)


def test_cross_entropy_losses_do_not_depend_on_the_weights(rng):
    logits, labels = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    plain, gradient, _ = kernels.softmax_cross_entropy(logits, labels, np.ones(4))
    weighted, scaled, _ = kernels.softmax_cross_entropy(logits, labels, np.array([0.0, 1.0, 2.0, 0.25]))
    np.testing.assert_array_equal(weighted, plain)
    np.testing.assert_allclose(scaled, gradient * [[0], [1], [2], [0.25]], rtol=1e-12)


@pytest.mark.parametrize("size", [1e3, 1e30])
def test_cross_entropy_of_large_logits_does_not_overflow(size):
    logits = np.array([[size, -size, 0], [-size, size, 0]], np.float32)
    losses, gradient, correct = kernels.softmax_cross_entropy(logits, np.array([0, 0]), np.ones(2, np.float32))
    np.testing.assert_allclose(losses, [0, 2 * size], rtol=1e-6)
    np.testing.assert_array_equal(gradient, [[0, 0, 0], [-1, 1, 0]])
    assert correct.tolist() == [True, False]


ERRORS = {
    "squared": (kernels.squared_error, lambda d: d * d),
    "absolute": (kernels.absolute_error, abs),
    "huber": (
        lambda prediction, target, weights: kernels.huber_error(prediction, target, weights, 0.7),
        lambda d: d * d / 2 if abs(d) <= 0.7 else 0.7 * (abs(d) - 0.35),
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_the_mean_over_the_features(name, rng):
    kernel, formula = ERRORS[name]
    prediction, target, weights = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), rng.uniform(0.1, 2, 4)

    def naive() -> list[float]:
        return [sum(formula(prediction[r, c] - target[r, c]) for c in range(3)) / 3 for r in range(4)]

    losses, gradient = kernel(prediction, target, weights)
    np.testing.assert_allclose(losses, naive(), rtol=1e-12)
    numeric = numeric_gradient(lambda: float(weights @ naive()), prediction)
    np.testing.assert_allclose(gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("name", ERRORS)
def test_there_is_no_error_and_no_slope_where_both_are_equal(name):
    losses, gradient = ERRORS[name][0](np.ones((2, 3)), np.ones((2, 3)), np.ones(2))
    assert not losses.any()
    assert not gradient.any()
