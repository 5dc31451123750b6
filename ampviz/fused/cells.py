"""What cells do with their products: squash the gates and make the next state of them, and the way back.

Arrays are float32, and shaped as in `ampviz.nodes.cell_kernels`. Loops are along rows, so that the result of a row does
not depend on how many come with it. A loop works on few arrays at a time: of many the compiler makes no vector code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.fused.compiler import (
    Given1,
    Given2,
    Given3,
    Result2,
    Result3,
    agree,
    compiled,
    contiguous,
    inlined,
)

Array = NDArray[Any]

_ONE, _HALF = np.float32(1), np.float32(0.5)
_FLAT = np.float32(9)  # from here on tanh is 1
# tanh x = x P(x^2) / Q(x^2) up to there, from the highest power down to 1: fitted by least squares of the relative
# error, with weights that even it out to 2e-8. In float32 that is off by 7 units in the last place at most.
_P4, _P3, _P2, _P1 = map(np.float32, (1.33542107e-08, 2.06087484e-05, 3.49556775e-03, 1.33810087e-01))
_Q4, _Q3, _Q2, _Q1 = map(np.float32, (7.77637087e-07, 3.28560148e-04, 2.58769050e-02, 4.67143250e-01))


@inlined
def _tanh(x: np.float32) -> np.float32:
    x = -_FLAT if x < -_FLAT else (_FLAT if x > _FLAT else x)  # NaN is neither
    square = x * x
    above = (((_P4 * square + _P3) * square + _P2) * square + _P1) * square + _ONE
    below = (((_Q4 * square + _Q3) * square + _Q2) * square + _Q1) * square + _ONE
    y = x * above / below
    return -_ONE if y < -_ONE else (_ONE if y > _ONE else y)


@inlined
def _sigmoid(x: np.float32) -> np.float32:
    return _HALF + _HALF * _tanh(_HALF * x)


@compiled
def _squash_sum(from_x: Given2, from_h: Given2, b: Given1, rectified: bool, y: Result2) -> None:
    rows, hidden = y.shape
    for row in range(rows):
        if rectified:
            for j in range(hidden):
                total = from_x[row, j] + b[j] + from_h[row, j]
                y[row, j] = np.float32(0) if total < 0 else total
        else:
            for j in range(hidden):
                y[row, j] = _tanh(from_x[row, j] + b[j] + from_h[row, j])


def rnn_squash(from_x: Array, from_h: Array, b: Array, rectified: bool) -> Array:
    """f(x W + b + h U), where f is max(., 0) or tanh."""
    agree(from_x, from_h)
    y = np.empty(from_x.shape, from_x.dtype)
    _squash_sum(contiguous(from_x), contiguous(from_h), contiguous(b), rectified, y)
    return y


@compiled
def _lstm(z: Given3, b: Given2, memories: Given3, h: Result2, c: Result2, gates: Result3, squashed: Result2) -> None:
    rows, count, hidden = gates.shape
    last = count - 1
    for row in range(rows):
        for k in range(last):
            for j in range(hidden):
                gates[row, k, j] = _sigmoid(z[row, k, j] + b[k, j])
        for j in range(hidden):
            gates[row, last, j] = _tanh(z[row, last, j] + b[last, j])
        for j in range(hidden):
            c[row, j] = gates[row, 0, j] * gates[row, last, j]
        for k in range(count - 3):
            for j in range(hidden):
                c[row, j] += gates[row, 2 + k, j] * memories[row, k, j]
        for j in range(hidden):
            squashed[row, j] = _tanh(c[row, j])
        for j in range(hidden):
            h[row, j] = gates[row, 1, j] * squashed[row, j]


def lstm_squash(z: Array, b: Array, memories: Array) -> tuple[Array, Array, Array, Array]:
    """h, c, the gates and tanh(c), from z = x W."""
    rows, k, hidden = memories.shape
    h, c, squashed = (np.empty((rows, hidden), z.dtype) for _ in range(3))
    gates = np.empty((rows, k + 3, hidden), z.dtype)
    own, bias = contiguous(z).reshape(gates.shape), contiguous(b).reshape(k + 3, hidden)
    _lstm(own, bias, contiguous(memories), h, c, gates, squashed)
    return h, c, gates, squashed


@compiled
def _lstm_slopes(
    memories: Given3, gates: Given3, squashed: Given2, dh: Given2, dc: Given2, dgates: Result3, dmemories: Result3
) -> None:
    rows, count, hidden = gates.shape
    last = count - 1
    whole = np.empty(hidden, np.float32)  # the whole gradient of c
    for row in range(rows):
        for j in range(hidden):
            whole[j] = dc[row, j] + dh[row, j] * gates[row, 1, j] * (_ONE - squashed[row, j] * squashed[row, j])
        for j in range(hidden):
            dgates[row, 0, j] = whole[j] * gates[row, last, j] * gates[row, 0, j] * (_ONE - gates[row, 0, j])
        for j in range(hidden):
            dgates[row, 1, j] = dh[row, j] * squashed[row, j] * gates[row, 1, j] * (_ONE - gates[row, 1, j])
        for k in range(count - 3):
            for j in range(hidden):
                forget = gates[row, 2 + k, j]
                dgates[row, 2 + k, j] = whole[j] * memories[row, k, j] * forget * (_ONE - forget)
            for j in range(hidden):
                dmemories[row, k, j] = whole[j] * gates[row, 2 + k, j]
        for j in range(hidden):
            dgates[row, last, j] = whole[j] * gates[row, 0, j] * (_ONE - gates[row, last, j] * gates[row, last, j])


def lstm_backward(memories: Array, gates: Array, squashed: Array, dh: Array, dc: Array) -> tuple[Array, Array]:
    """The gradients of z and of the memories."""
    agree(squashed, dh, dc)
    rows, count, hidden = gates.shape
    dgates, dmemories = np.empty(gates.shape, gates.dtype), np.empty(memories.shape, gates.dtype)
    _lstm_slopes(*map(contiguous, (memories, gates, squashed, dh, dc)), dgates, dmemories)
    return dgates.reshape(rows, count * hidden), dmemories


@compiled
def _gru(
    from_x: Given3, from_h: Given3, b: Given2, d: Given1, h: Given2, y: Result2, gates: Result3, recalled: Result2
) -> None:
    rows, hidden = h.shape
    for row in range(rows):
        for k in range(2):
            for j in range(hidden):
                gates[row, k, j] = from_x[row, k, j] + b[k, j] + from_h[row, k, j]
            for j in range(hidden):
                gates[row, k, j] = _sigmoid(gates[row, k, j])
        for j in range(hidden):
            recalled[row, j] = from_h[row, 2, j] + d[j]
        for j in range(hidden):
            gates[row, 2, j] = from_x[row, 2, j] + b[2, j] + gates[row, 0, j] * recalled[row, j]
        for j in range(hidden):
            gates[row, 2, j] = _tanh(gates[row, 2, j])
        for j in range(hidden):
            y[row, j] = gates[row, 2, j] + gates[row, 1, j] * (h[row, j] - gates[row, 2, j])


def gru_squash(from_x: Array, from_h: Array, b: Array, d: Array, h: Array) -> tuple[Array, Array, Array]:
    """The next h, the gates, and h U + d of the candidate, from x W and h U."""
    rows, hidden = h.shape
    y, recalled = np.empty((rows, hidden), h.dtype), np.empty((rows, hidden), h.dtype)
    gates = np.empty((rows, 3, hidden), h.dtype)
    products = contiguous(from_x).reshape(gates.shape), contiguous(from_h).reshape(gates.shape)
    _gru(*products, contiguous(b).reshape(3, hidden), contiguous(d), contiguous(h), y, gates, recalled)
    return y, gates, recalled


@compiled
def _gru_slopes(
    h: Given2, gates: Given3, recalled: Given2, dy: Given2, dgates: Result3, down: Result3, beside: Result2
) -> None:
    rows, hidden = h.shape
    for row in range(rows):
        for j in range(hidden):
            beside[row, j] = dy[row, j] * gates[row, 1, j]
        for j in range(hidden):
            n = gates[row, 2, j]
            dgates[row, 2, j] = (dy[row, j] - beside[row, j]) * (_ONE - n * n)
        for j in range(hidden):
            down[row, 2, j] = dgates[row, 2, j] * gates[row, 0, j]
        for j in range(hidden):
            dgates[row, 0, j] = down[row, 2, j] * recalled[row, j] * (_ONE - gates[row, 0, j])
        for j in range(hidden):
            z = gates[row, 1, j]
            dgates[row, 1, j] = (h[row, j] - gates[row, 2, j]) * dy[row, j] * z * (_ONE - z)
        for k in range(2):
            for j in range(hidden):
                down[row, k, j] = dgates[row, k, j]


def gru_backward(h: Array, gates: Array, recalled: Array, dy: Array) -> tuple[Array, Array, Array]:
    """The gradients of x W + b and of h U + (0, 0, d), and that of h beside the product."""
    agree(h, recalled, dy)
    rows, hidden = h.shape
    dgates, down = np.empty((rows, 3, hidden), h.dtype), np.empty((rows, 3, hidden), h.dtype)
    beside = np.empty((rows, hidden), h.dtype)
    _gru_slopes(*map(contiguous, (h, gates, recalled, dy)), dgates, down, beside)
    return dgates.reshape(rows, 3 * hidden), down.reshape(rows, 3 * hidden), beside
