"""Steps of optimizers, in place: a number with its gradient and state at a time. Arrays are float32."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.fused.compiler import Given1, Result1, agree, compiled, contiguous

Array = NDArray[Any]


@compiled
def _adam(
    p: Result1, g: Given1, total: Result1, squares: Result1, beta1: float, beta2: float, epsilon: float, rate: float
) -> None:
    for j in range(len(p)):
        mean = total[j] * beta1 + g[j]
        square = squares[j] * beta2 + g[j] * g[j]
        total[j], squares[j] = mean, square
        p[j] -= rate * mean / (np.sqrt(square) + epsilon)


def adam(
    p: Array, g: Array, total: Array, squares: Array, beta1: float, beta2: float, epsilon: float, rate: float
) -> None:
    """p -= rate total / (sqrt(squares) + epsilon), after both sums have taken the gradient up."""
    agree(p, g, total, squares)
    _adam(_flat(p), contiguous(g).reshape(-1), _flat(total), _flat(squares), beta1, beta2, epsilon, rate)


@compiled
def _adagrad(p: Result1, g: Given1, total: Result1, epsilon: float, rate: float) -> None:
    for j in range(len(p)):
        square = total[j] + g[j] * g[j]
        total[j] = square
        p[j] -= rate * g[j] / (np.sqrt(square) + epsilon)


def adagrad(p: Array, g: Array, total: Array, epsilon: float, rate: float) -> None:
    """p -= rate g / (sqrt(total) + epsilon), after the sum of squares has taken the gradient up."""
    agree(p, g, total)
    _adagrad(_flat(p), contiguous(g).reshape(-1), _flat(total), epsilon, rate)


def _flat(array: Array) -> Array:
    """The array itself in one dimension. Raises ValueError if it is not contiguous: a copy would be stepped."""
    if not array.flags.c_contiguous:
        raise ValueError("parameters and their state must be contiguous")
    return array.reshape(-1)
