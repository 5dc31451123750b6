"""Rows summed by index, rows compared with their labels, and the way back through a ReLU. Arrays are float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.fused.compiler import Flags, Given1, Given2, Indices, Result1, Result2, agree, compiled, contiguous

Array = NDArray[Any]


@compiled
def _add_rows(rows: Given2, indices: Indices, chosen: Indices, sums: Result2) -> None:
    for edge in range(len(indices)):
        target, source = indices[edge], chosen[edge]
        for j in range(sums.shape[1]):
            sums[target, j] += rows[source, j]


def add_by_index(rows: Array, indices: NDArray[Any], chosen: NDArray[Any] | None, count: int) -> Array:
    """What `Scatter` gives, for rows (n, ...): the sums (count, ...)."""
    sums = np.zeros((count, *rows.shape[1:]), rows.dtype)
    which = np.arange(len(rows)) if chosen is None else _whole(chosen)
    agree(indices, which)
    if sums.size and len(indices):
        _add_rows(contiguous(rows).reshape(len(rows), -1), _whole(indices), which, sums.reshape(count, -1))
    return sums


@compiled
def _relu_slopes(y: Given1, dy: Given1, dx: Result1) -> None:
    for j in range(len(y)):
        dx[j] = dy[j] * (np.float32(1) if y[j] > 0 else np.float32(0))  # as numpy has it, NaN included


def relu_backward(y: Array, dy: Array) -> Array:
    """dy where the output y is positive, else 0."""
    agree(y, dy)
    dx = np.empty(y.shape, y.dtype)
    _relu_slopes(contiguous(y).reshape(-1), contiguous(dy).reshape(-1), dx.reshape(-1))
    return dx


@compiled
def _compare(logits: Given2, labels: Indices, weights: Given1, losses: Result1, shares: Result2, right: Flags) -> None:
    rows, classes = logits.shape
    for row in range(rows):
        largest = 0
        for j in range(1, classes):
            if logits[row, j] > logits[row, largest]:
                largest = j
        top, total, label = logits[row, largest], np.float32(0), labels[row]
        for j in range(classes):
            shares[row, j] = np.exp(logits[row, j] - top)
            total += shares[row, j]
        losses[row] = np.log(total) - (logits[row, label] - top)
        factor = weights[row] / total
        for j in range(classes):
            shares[row, j] *= factor
        shares[row, label] -= weights[row]
        right[row] = largest == label


def softmax_cross_entropy(logits: Array, labels: NDArray[Any], weights: Array) -> tuple[Array, Array, NDArray[Any]]:
    """The losses (rows,), their gradient (rows, classes), and where the argmax is right (rows,)."""
    rows = len(logits)
    agree(labels, weights, logits[:, 0])
    losses, shares, right = np.empty(rows, logits.dtype), np.empty(logits.shape, logits.dtype), np.empty(rows, bool)
    _compare(contiguous(logits), _whole(labels), contiguous(weights), losses, shares, right)
    return losses, shares, right


def _whole(indices: NDArray[Any]) -> Indices:
    return np.ascontiguousarray(indices.astype(np.int64, casting="same_kind", copy=False))
