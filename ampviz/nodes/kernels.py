"""The arithmetic of the layers: pure numpy functions, row-wise over axis 0. Inputs are never written to.

Formulas keep the dtype of their inputs: float32 when training, float64 in the gradient checks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz import blas
from ampviz.fused import twin

Array = NDArray[Any]

# Up to so many multiplications OpenBLAS (AVX-512, float32) has kernels that pack nothing: for few rows a product in
# blocks of that size is up to four times as fast. With W^T they ask for a small result and 32 outputs, too.
_SMALL_PRODUCT, _SMALL_RESULT, _LEAST_OUTPUTS = 1_000_000, 1_200, 32
_FORWARD_ROWS, _BACKWARD_ROWS = 16, 20  # blocks pay up to here
_LARGE_PRODUCT = 370_000  # from here on, for some more rows, W dy^T is 1.1 to 1.5 times as fast as dy W^T
_LARGE_WEIGHTS = 130_000  # from here on even for 100 rows


def product(x: Array, W: Array) -> Array:
    """x W for x (rows, inputs), W (inputs, outputs)."""
    fast = blas.fast_product(x, W)
    if fast is not None:
        return fast
    rows = len(x)
    if 1 < rows <= _FORWARD_ROWS and rows * W.size > _SMALL_PRODUCT:
        inputs, outputs = W.shape
        block = _SMALL_PRODUCT // (rows * inputs) // 16 * 16
        if block:
            y = np.empty((rows, outputs), x.dtype)
            for start in range(0, outputs, block):
                np.matmul(x, W[:, start : start + block], out=y[:, start : start + block])
            return y
    whole: Array = x @ W
    return whole


def linear_forward(x: Array, W: Array, b: Array) -> Array:
    """x W + b for x (rows, inputs), W (inputs, outputs)."""
    y = product(x, W)
    y += b
    return y


def linear_input_gradient(dy: Array, W: Array) -> Array:
    """dy W^T for dy (rows, outputs)."""
    fast = blas.fast_product(dy, W, transposed="z")
    if fast is not None:
        return fast
    rows, (inputs, outputs) = len(dy), W.shape
    if 1 < rows <= _BACKWARD_ROWS and outputs >= _LEAST_OUTPUTS:
        block = min(_SMALL_RESULT // rows, _SMALL_PRODUCT // (rows * outputs)) // 4 * 4
        if 16 <= block < inputs:
            dx = np.empty((rows, inputs), dy.dtype)
            for start in range(0, inputs, block):
                np.matmul(dy, W[start : start + block].T, out=dx[:, start : start + block])
            return dx
    if 4 < rows <= (64 if inputs * outputs < _LARGE_WEIGHTS else 100) and rows * W.size > _LARGE_PRODUCT:
        return np.ascontiguousarray((W @ dy.T).T)
    whole: Array = dy @ W.T
    return whole


def weight_gradient(x: Array, dy: Array) -> Array:
    """x^T dy: one product over all the rows that were collected. With ones (rows,) as x, the column sums of dy."""
    if x.ndim == 2 and len(x) == 1:  # the products of BLAS take five times as long
        outer: Array = np.einsum("ri,rj->ij", x, dy)
        return outer
    fast = blas.fast_product(x, dy, transposed="x")
    gradient: Array = x.T @ dy if fast is None else fast
    return gradient


def lookup_forward(indices: Array, table: Array) -> Array:
    """Row i of the table (vocabulary, size) for each index. Raises IndexError outside 0..vocabulary-1."""
    if indices.size and indices.min() < 0:
        raise IndexError(f"index {indices.min()} is out of bounds for a table of {len(table)} rows")
    rows: Array = table.take(indices, axis=0)
    return rows


def relu_forward(x: Array, out: Array | None = None) -> Array:
    """max(x, 0). `out` may be x itself."""
    y: Array = np.maximum(x, 0, out=out)
    return y


@twin("rows.relu_backward")
def relu_backward(y: Array, dy: Array) -> Array:
    """dy where the output y is positive, else 0."""
    dx = (y > 0).astype(dy.dtype)  # a product of numbers and truth values is slower
    dx *= dy
    return dx


def tanh_forward(x: Array, out: Array | None = None) -> Array:
    """tanh(x). `out` may be x itself."""
    y: Array = np.tanh(x, out=out)
    return y


def tanh_backward(y: Array, dy: Array) -> Array:
    """dy (1 - y^2) for the output y."""
    slope = y * y
    np.subtract(1, slope, out=slope)
    slope *= dy
    return slope


def sigmoid_forward(x: Array, out: Array | None = None) -> Array:
    """1 / (1 + exp(-x)), as (1 + tanh(x / 2)) / 2: no overflow, and faster than exp. `out` may be x itself."""
    y: Array = np.multiply(x, 0.5, out=out)
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


@twin("rows.softmax_cross_entropy")
def softmax_cross_entropy(logits: Array, labels: Array, weights: Array) -> tuple[Array, Array, Array]:
    """-log softmax(logits)[label] by row, its gradient by the logits times `weights`, and where the argmax is right.

    logits (rows, classes), labels (rows,) int, weights (rows,): with weight 1 / n for the n rows of one message, the
    gradient is that of the message's mean loss. Returns (rows,), (rows, classes), (rows,) bool.
    """
    classes = logits.shape[1]
    largest = logits.argmax(axis=1)
    first = np.arange(0, logits.size, classes)  # of each row, as a place in all of them
    tops = logits.reshape(-1).take(first + largest)
    shares = np.subtract(logits, tops[:, None], order="C")
    places = first + labels
    chosen = shares.reshape(-1).take(places)
    np.exp(shares, out=shares)
    totals = shares @ np.ones(classes, shares.dtype)
    losses: Array = np.log(totals)
    losses -= chosen
    shares *= (weights / totals)[:, None]
    shares.reshape(-1)[places] -= weights
    return losses, shares, largest == labels


def squared_error(prediction: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    """Mean over the features of (prediction - target)^2 by row, and its gradient by the prediction times `weights`.

    prediction and target (rows, size), weights (rows,). Returns (rows,), (rows, size).
    """
    difference = prediction - target
    losses: Array = np.square(difference).mean(axis=1)
    difference *= (2 / prediction.shape[1]) * weights[:, None]
    return losses, difference


def absolute_error(prediction: Array, target: Array, weights: Array) -> tuple[Array, Array]:
    """Mean over the features of |prediction - target| by row, and its gradient by the prediction times `weights`.

    Shapes as for `squared_error`. Where both are equal the gradient is 0.
    """
    difference = prediction - target
    gradient: Array = np.sign(difference)
    gradient *= (1 / prediction.shape[1]) * weights[:, None]
    return np.abs(difference).mean(axis=1), gradient


def huber_error(prediction: Array, target: Array, weights: Array, delta: float) -> tuple[Array, Array]:
    """d^2 / 2 for |d| up to `delta`, else delta (|d| - delta / 2), where d = prediction - target.

    Mean over the features by row, and its gradient by the prediction times `weights`; shapes as for `squared_error`.
    """
    difference = prediction - target
    gradient: Array = np.clip(difference, -delta, delta)
    losses: Array = ((difference - gradient * 0.5) * gradient).mean(axis=1)
    gradient *= (1 / prediction.shape[1]) * weights[:, None]
    return losses, gradient


def selection_cross_entropy(logits: Array, labels: Array, counts: Array) -> tuple[Array, Array, Array]:
    """-log softmax(logits of a set)[label] for sets of `counts` > 0 logits that stand one after the other.

    logits (rows,), labels (sets,) int within each set, counts (sets,) with rows as their sum. Returns the losses
    (sets,), the gradient of their sum (rows,), and (sets,) bool: whether the label is the first of the largest.
    """
    starts = np.cumsum(counts) - counts
    chosen = starts + labels
    probabilities: Array = logits - np.repeat(np.maximum.reduceat(logits, starts), counts)
    largest = probabilities == 0
    up_to = np.cumsum(largest)
    correct = largest[chosen] & (up_to[chosen] - up_to[starts] + largest[starts] == 1)
    of_label = probabilities[chosen]
    np.exp(probabilities, out=probabilities)
    total = np.add.reduceat(probabilities, starts)
    probabilities /= np.repeat(total, counts)
    probabilities[chosen] -= 1
    return np.log(total) - of_label, probabilities, correct
