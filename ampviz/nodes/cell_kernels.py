"""The arithmetic of cells: as in `kernels`, row-wise over axis 0, and inputs are never written to.

The elementwise part of a step is one function each way: forward after the products, backward up to the gradients of
the gates before their squashing; the products that lead from there to the inputs and the weights are those of
`kernels.linear_*`. In between each gate is an array of its own: elementwise work on columns of a wider one takes 2 to 4
times as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.fused import twin
from ampviz.nodes.kernels import product, relu_forward, sigmoid_forward, tanh_forward

Array = NDArray[Any]


def rnn_forward(x: Array, h: Array, W: Array, U: Array, b: Array, *, rectified: bool) -> Array:
    """One step of a plain recurrent network: f(x W + h U + b), where f is max(., 0) if `rectified`, else tanh.

    x (rows, inputs), h (rows, hidden), W (inputs, hidden), U (hidden, hidden), b (hidden,). Returns (rows, hidden).
    """
    return _rnn_squash(product(x, W), product(h, U), b, rectified)


@twin("cells.rnn_squash")
def _rnn_squash(from_x: Array, from_h: Array, b: Array, rectified: bool) -> Array:
    y = from_x + b
    y += from_h
    return relu_forward(y, out=y) if rectified else tanh_forward(y, out=y)


def lstm_forward(x: Array, memories: Array, W: Array, b: Array) -> tuple[Array, Array, Array, Array]:
    """One step of an LSTM with k memories: none for a leaf, one in a sequence, one a child in a tree.

    x (rows, inputs), memories (rows, k, hidden), W (inputs, (k + 3) hidden): the gates i, o, f_1 .. f_k and the
    candidate u side by side. c = i u + sum_k f_k memory_k; h = o tanh(c): arXiv 1503.00075, equations 9 to 14.
    Returns h, c (rows, hidden), and for backward the squashed gates (rows, k + 3, hidden) and tanh(c).
    """
    return _lstm_squash(product(x, W), b, memories)


@twin("cells.lstm_squash")
def _lstm_squash(z: Array, b: Array, memories: Array) -> tuple[Array, Array, Array, Array]:
    gates = np.ascontiguousarray(_apart(z + b, memories.shape[1] + 3))
    i, o, *forget, u = gates
    sigmoid_forward(gates[:-1], out=gates[:-1])
    np.tanh(u, out=u)
    c: Array = i * u
    for gate, memory in zip(forget, memories.transpose(1, 0, 2), strict=True):
        c += gate * memory
    squashed: Array = np.tanh(c)
    return o * squashed, c, gates.transpose(1, 0, 2), squashed


@twin("cells.lstm_backward")
def lstm_backward(memories: Array, gates: Array, squashed: Array, dh: Array, dc: Array) -> tuple[Array, Array]:
    """The gradients of the gates before squashing (rows, (k + 3) hidden), and of the memories."""
    gates = np.ascontiguousarray(gates.transpose(1, 0, 2))
    whole = squashed * squashed  # becomes the whole gradient of c: dc + dh o (1 - tanh(c)^2)
    np.subtract(1, whole, out=whole)
    whole *= gates[1]
    whole *= dh
    whole += dc
    dgates = np.empty_like(gates)
    np.multiply(whole, gates[-1], out=dgates[0])
    np.multiply(dh, squashed, out=dgates[1])
    np.multiply(whole, memories.transpose(1, 0, 2), out=dgates[2:-1])
    np.multiply(whole, gates[0], out=dgates[-1])
    dmemories = np.empty(memories.shape, gates.dtype)
    np.multiply(whole, gates[2:-1], out=dmemories.transpose(1, 0, 2))
    dgates *= _slopes(gates)
    return _side_by_side(dgates), dmemories


def gru_forward(x: Array, h: Array, W: Array, U: Array, b: Array, d: Array) -> tuple[Array, Array, Array]:
    """One step of a gated recurrent unit, the reset gate after the product (as torch and cuDNN have it).

    x (rows, inputs), h (rows, hidden), W (inputs, 3 hidden), U (hidden, 3 hidden), b (3 hidden,), d (hidden,); in W, U
    and b stand r, z and the candidate n side by side. r, z = sigmoid(x W + h U + b); n = tanh(x W + b + r (h U + d));
    h' = n + z (h - n). Returns h', and for backward the squashed gates (rows, 3, hidden) and h U + d of the candidate.
    """
    return _gru_squash(product(x, W), product(h, U), b, d, h)


@twin("cells.gru_squash")
def _gru_squash(from_x: Array, from_h: Array, b: Array, d: Array, h: Array) -> tuple[Array, Array, Array]:
    gates = np.ascontiguousarray(_apart(from_x + b, 3))
    own = _apart(from_h, 3)
    gates[:2] += own[:2]
    sigmoid_forward(gates[:2], out=gates[:2])
    r, z, n = gates
    recalled: Array = own[2] + d  # an array of its own: it is kept, and what the other gates get is not
    result: Array = r * recalled
    n += result
    np.tanh(n, out=n)
    np.subtract(h, n, out=result)
    result *= z
    result += n
    return result, gates.transpose(1, 0, 2), recalled


@twin("cells.gru_backward")
def gru_backward(h: Array, gates: Array, recalled: Array, dy: Array) -> tuple[Array, Array, Array]:
    """The gradients of x W + b and of h U + (0, 0, d), both (rows, 3 hidden), and that of h beside the product."""
    rows, hidden = h.shape
    r, z, n = gates[:, 0], gates[:, 1], gates[:, 2]
    beside: Array = dy * z
    dgates = np.empty((rows, 3 * hidden), dy.dtype)
    down = np.empty_like(dgates)
    dn = n * n
    np.subtract(1, dn, out=dn)
    part = dy - beside
    dn *= part
    dgates[:, 2 * hidden :] = dn
    np.multiply(dn, r, out=down[:, 2 * hidden :])
    dn *= recalled
    np.subtract(1, r, out=part)
    part *= r
    part *= dn
    dgates[:, :hidden] = down[:, :hidden] = part
    np.subtract(1, z, out=dn)
    dn *= z
    np.subtract(h, n, out=part)
    part *= dy
    part *= dn
    dgates[:, hidden : 2 * hidden] = down[:, hidden : 2 * hidden] = part
    return dgates, down, beside


def _apart(columns: Array, gates: int) -> Array:
    """(rows, gates hidden) as a view (gates, rows, hidden)."""
    rows, width = columns.shape
    return columns.reshape(rows, gates, width // gates).transpose(1, 0, 2)


def _side_by_side(gates: Array) -> Array:
    """(gates, rows, hidden) as an array (rows, gates hidden) of its own."""
    count, rows, hidden = gates.shape
    return np.ascontiguousarray(gates.transpose(1, 0, 2)).reshape(rows, count * hidden)


def _slopes(gates: Array) -> Array:
    """By what squashing multiplies a gradient: s (1 - s) for the sigmoids, 1 - u^2 for the tanh of the last."""
    slopes: Array = gates * gates
    np.subtract(gates[:-1], slopes[:-1], out=slopes[:-1])
    np.subtract(1, slopes[-1], out=slopes[-1])
    return slopes
