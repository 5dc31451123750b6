"""The arithmetic of the layers: pure numpy functions, row-wise over axis 0. Inputs are never written to.

Formulas keep the dtype of their inputs: float32 when training, float64 in the gradient checks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_SMALL_VOCABULARY = 256  # up to here one product with a one-hot matrix beats sorting


def linear_forward(x: Array, W: Array, b: Array) -> Array:
    """x W + b for x (rows, inputs), W (inputs, outputs)."""
    y: Array = x @ W
    y += b
    return y


def linear_input_gradient(dy: Array, W: Array) -> Array:
    """dy W^T for dy (rows, outputs)."""
    dx: Array = dy @ W.T
    return dx


def linear_weight_gradient(x: Array, dy: Array) -> tuple[Array, Array]:
    """(x^T dy, column sums of dy): one product over all the rows that were collected."""
    return x.T @ dy, dy.sum(axis=0)


def lookup_forward(indices: Array, table: Array) -> Array:
    """Row i of the table (vocabulary, size) for each index. Raises IndexError outside 0..vocabulary-1."""
    if indices.size and indices.min() < 0:
        raise IndexError(f"index {indices.min()} is out of bounds for a table of {len(table)} rows")
    rows: Array = table[indices]
    return rows


def lookup_gradient(indices: Array, dy: Array, vocabulary: int) -> Array:
    """Rows of dy (rows, size) summed by index: (vocabulary, size)."""
    if vocabulary <= _SMALL_VOCABULARY:
        one_hot = np.zeros((len(indices), vocabulary), dy.dtype)
        one_hot[np.arange(len(indices)), indices] = 1
        small: Array = one_hot.T @ dy
        return small
    gradient = np.zeros((vocabulary, dy.shape[1]), dy.dtype)
    order = np.argsort(indices, kind="stable")
    ordered = indices[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else ordered
    if len(ordered):
        gradient[ordered[starts]] = np.add.reduceat(dy[order], starts)
    return gradient


def relu_forward(x: Array) -> Array:
    """max(x, 0)."""
    return np.maximum(x, 0)


def relu_backward(y: Array, dy: Array) -> Array:
    """dy where the output y is positive, else 0."""
    dx: Array = dy * (y > 0)
    return dx


def tanh_forward(x: Array) -> Array:
    """tanh(x)."""
    return np.tanh(x)


def tanh_backward(y: Array, dy: Array) -> Array:
    """dy (1 - y^2) for the output y."""
    slope = y * y
    np.subtract(1, slope, out=slope)
    slope *= dy
    return slope


def sigmoid_forward(x: Array) -> Array:
    """1 / (1 + exp(-x)), as (1 + tanh(x / 2)) / 2: no overflow, and faster than exp."""
    y: Array = x * x.dtype.type(0.5)
    np.tanh(y, out=y)
    y += 1
    y *= 0.5
    return y


def sigmoid_backward(y: Array, dy: Array) -> Array:
    """dy y (1 - y) for the output y."""
    slope = 1 - y
    slope *= y
    slope *= dy
    return slope


def softmax_cross_entropy(logits: Array, labels: Array, weights: Array) -> tuple[Array, Array, Array]:
    """-log softmax(logits)[label] by row, its gradient by the logits times `weights`, and where the argmax is right.

    logits (rows, classes), labels (rows,) int, weights (rows,): with weight 1 / n for the n rows of one message, the
    gradient is that of the message's mean loss. Returns (rows,), (rows, classes), (rows,) bool.
    """
    rows = np.arange(len(logits))
    probabilities = logits - logits.max(axis=1, keepdims=True)
    correct = logits.argmax(axis=1) == labels
    chosen = probabilities[rows, labels]
    np.exp(probabilities, out=probabilities)
    total = probabilities.sum(axis=1)
    losses: Array = np.log(total) - chosen
    probabilities *= (weights / total)[:, None]
    probabilities[rows, labels] -= weights
    return losses, probabilities, correct


def squared_error(prediction: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    """Mean over the features of (prediction - target)^2 by row, and its gradient by the prediction times `weights`.

    prediction and target (rows, size), weights (rows,). Returns (rows,), (rows, size).
    """
    difference = prediction - target
    losses: Array = np.square(difference).mean(axis=1)
    difference *= (2 / prediction.shape[1]) * weights[:, None]
    return losses, difference
