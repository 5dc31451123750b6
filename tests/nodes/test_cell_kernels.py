"""The cells' kernels against the formulas entry by entry, and against finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ampviz.nodes import cell_kernels, kernels
from tests.nodes.differences import numeric_gradient

INPUTS, HIDDEN = 3, 2


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def naive_lstm(x, memories, W, b):
    """h and c by equations 9 to 14 of arXiv 1503.00075, one number at a time."""
    rows, count = memories.shape[:2]
    h, c = np.zeros((rows, HIDDEN)), np.zeros((rows, HIDDEN))
    for row in range(rows):
        gates = [sum(x[row, i] * W[i, g] for i in range(len(W))) + b[g] for g in range(len(b))]
        for unit in range(HIDDEN):
            i, o, *forget, u = gates[unit::HIDDEN]
            c[row, unit] = sigmoid(i) * math.tanh(u)
            c[row, unit] += sum(sigmoid(forget[k]) * memories[row, k, unit] for k in range(count))
            h[row, unit] = sigmoid(o) * math.tanh(c[row, unit])
    return h, c


def naive_gru(x, h, W, U, b, d):
    """The formulas of torch.nn.GRUCell, one number at a time."""
    result = np.zeros(h.shape)
    for row in range(len(x)):
        below = [sum(x[row, i] * W[i, g] for i in range(len(W))) + b[g] for g in range(len(b))]
        own = [sum(h[row, i] * U[i, g] for i in range(len(U))) for g in range(len(b))]
        for unit in range(HIDDEN):
            (a, c, e), (p, q, s) = below[unit::HIDDEN], own[unit::HIDDEN]
            r, z = sigmoid(a + p), sigmoid(c + q)
            result[row, unit] = (1 - z) * math.tanh(e + r * (s + d[unit])) + z * h[row, unit]
    return result


def lstm_arrays(memories: int, rows: int = 3, dtype: type = np.float64):
    rng = np.random.default_rng(memories)
    width = (memories + 3) * HIDDEN
    shapes = [(rows, INPUTS), (rows, memories, HIDDEN), (INPUTS, width), (width,)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def gru_arrays(rows: int = 3, dtype: type = np.float64):
    rng = np.random.default_rng(rows)
    width = 3 * HIDDEN
    shapes = [(rows, INPUTS), (rows, HIDDEN), (INPUTS, width), (HIDDEN, width), (width,), (HIDDEN,)]
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def rnn_arrays(rows: int = 3, dtype: type = np.float64):
    return [array[..., :HIDDEN] if number > 1 else array for number, array in enumerate(gru_arrays(rows, dtype)[:5])]


def naive_rnn(x, h, W, U, b):
    """x W + h U + b, one number at a time."""
    return np.array(
        [
            [
                sum(x[row, i] * W[i, unit] for i in range(INPUTS))
                + sum(h[row, i] * U[i, unit] for i in range(HIDDEN))
                + b[unit]
                for unit in range(HIDDEN)
            ]
            for row in range(len(x))
        ]
    )


@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_rnn_gradients_are_the_finite_differences(nonlinearity):
    x, h, W, U, _ = arrays = rnn_arrays()
    dy = np.random.default_rng(9).normal(size=(3, HIDDEN))
    formula = {"relu": lambda y: np.where(y > 0, y, 0), "tanh": np.tanh}[nonlinearity]
    y = cell_kernels.rnn_forward(*arrays, rectified=nonlinearity == "relu")
    np.testing.assert_allclose(y, formula(naive_rnn(*arrays)), rtol=1e-12)
    d = getattr(kernels, f"{nonlinearity}_backward")(y, dy)
    found = [d @ W.T, d @ U.T, x.T @ d, h.T @ d, d.sum(axis=0)]
    for gradient, array in zip(found, arrays, strict=True):
        numeric = numeric_gradient(lambda: float((formula(naive_rnn(*arrays)) * dy).sum()), array)
        np.testing.assert_allclose(gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("memories", [0, 1, 2, 3])
def test_lstm_forward_is_the_formula(memories):
    arrays = lstm_arrays(memories)
    h, c, *_ = cell_kernels.lstm_forward(*arrays)
    np.testing.assert_allclose((h, c), naive_lstm(*arrays), rtol=1e-12)


@pytest.mark.parametrize("memories", [0, 1, 2, 3])
def test_lstm_gradients_are_the_finite_differences(memories):
    x, before, W, _ = arrays = lstm_arrays(memories)
    dh, dc = np.random.default_rng(9).normal(size=(2, 3, HIDDEN))

    def loss() -> float:
        h, c = naive_lstm(*arrays)
        return float((h * dh).sum() + (c * dc).sum())

    _, _, gates, squashed = cell_kernels.lstm_forward(*arrays)
    dgates, dmemories = cell_kernels.lstm_backward(before, gates, squashed, dh, dc)
    dW, db = (kernels.weight_gradient(factor, dgates) for factor in (x, np.ones(len(x))))
    found = [kernels.linear_input_gradient(dgates, W), dmemories, dW, db]
    for gradient, array in zip(found, arrays, strict=True):
        np.testing.assert_allclose(gradient, numeric_gradient(loss, array), atol=1e-8)


def test_gru_forward_is_the_formula():
    arrays = gru_arrays()
    np.testing.assert_allclose(cell_kernels.gru_forward(*arrays)[0], naive_gru(*arrays), rtol=1e-12)


def test_gru_gradients_are_the_finite_differences():
    x, h, W, U, _, _ = arrays = gru_arrays()
    dy = np.random.default_rng(9).normal(size=(3, HIDDEN))
    _, gates, recalled = cell_kernels.gru_forward(*arrays)
    dgates, down, beside = cell_kernels.gru_backward(h, gates, recalled, dy)
    dW, db = (kernels.weight_gradient(factor, dgates) for factor in (x, np.ones(len(x))))
    dU, dd = (kernels.weight_gradient(factor, down) for factor in (h, np.ones(len(h))))
    found = [dgates @ W.T, down @ U.T + beside, dW, dU, db, dd[-HIDDEN:]]
    for gradient, array in zip(found, arrays, strict=True):
        numeric = numeric_gradient(lambda: float((naive_gru(*arrays) * dy).sum()), array)
        np.testing.assert_allclose(gradient, numeric, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", [0, 1, 4])
def test_the_dtype_is_kept_and_read_only_inputs_suffice(dtype, rows):
    x, memories, W, b = lstm = lstm_arrays(2, rows, dtype)
    gru = gru_arrays(rows, dtype)
    rnn = rnn_arrays(rows, dtype)
    for array in [*lstm, *gru, *rnn]:
        array.flags.writeable = False
    forward = cell_kernels.lstm_forward(x, memories, W, b)
    step = cell_kernels.gru_forward(*gru)
    for array in [*forward, *step]:
        array.flags.writeable = False
    results = [
        cell_kernels.rnn_forward(*rnn, rectified=True),
        *forward,
        *step,
        *cell_kernels.lstm_backward(memories, forward[2], forward[3], forward[0], forward[1]),
        *cell_kernels.gru_backward(gru[1], step[1], step[2], step[0]),
    ]
    for result in results:
        assert result.dtype == dtype
        assert len(result) == rows
        assert not any(np.shares_memory(result, array) for array in [*lstm, *gru, *rnn])


@pytest.mark.parametrize("size", [50.0, 1e4, 1e30])
def test_extreme_gates_open_and_close_without_overflow(size):
    W, b = np.zeros((INPUTS, 4 * HIDDEN)), np.repeat([-size, size, size, size], HIDDEN)  # i closed; o, f, u open
    memory = np.array([[[0.5, -2.0]]])
    h, c, gates, squashed = cell_kernels.lstm_forward(np.ones((1, INPUTS)), memory, W, b)
    np.testing.assert_allclose(c, memory[:, 0], rtol=1e-12)
    np.testing.assert_allclose(h, np.tanh(c), rtol=1e-12)
    dgates, dmemory = cell_kernels.lstm_backward(memory, gates, squashed, np.zeros((1, HIDDEN)), np.ones((1, HIDDEN)))
    np.testing.assert_allclose(dmemory, np.ones((1, 1, HIDDEN)), rtol=1e-12)
    np.testing.assert_allclose(dgates, 0, atol=1e-12)
