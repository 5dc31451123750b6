"""The arithmetic of gated cells: as in `kernels`, row-wise over axis 0, and inputs are never written to.

The elementwise part of backward is one function, which gives the gradients of the gates before their squashing; the
products that lead from there to the inputs and the weights are those of `kernels.linear_*`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def lstm_forward(x: Array, memories: Array, W: Array, b: Array) -> tuple[Array, Array, Array, Array]:
    """One step of an LSTM with k memories: none for a leaf, one in a sequence, one a child in a tree.

    x (rows, inputs), memories (rows, k, hidden), W (inputs, (k + 3) hidden): the gates i, o, f_1 .. f_k and the
    candidate u side by side. c = i u + sum_k f_k memory_k; h = o tanh(c): arXiv 1503.00075, equations 9 to 14.
    Returns h, c (rows, hidden), and for backward the squashed gates (rows, (k + 3) hidden) and tanh(c).
    """
    gates: Array = x @ W
    gates += b
    count, hidden = memories.shape[1:]
    sigmoids = gates[:, : (count + 2) * hidden]
    sigmoids *= 0.5  # sigmoid(x) = (1 + tanh(x / 2)) / 2: one pass of tanh over all gates
    np.tanh(gates, out=gates)
    sigmoids *= 0.5
    sigmoids += 0.5
    c: Array = gates[:, :hidden] * gates[:, -hidden:]
    for child in range(count):
        c += gates[:, (child + 2) * hidden : (child + 3) * hidden] * memories[:, child]
    squashed: Array = np.tanh(c)
    return gates[:, hidden : 2 * hidden] * squashed, c, gates, squashed


def lstm_backward(memories: Array, gates: Array, squashed: Array, dh: Array, dc: Array) -> tuple[Array, Array]:
    """The gradients of the gates before squashing and of the memories, shaped as those."""
    count, hidden = memories.shape[1:]
    i, o, u = gates[:, :hidden], gates[:, hidden : 2 * hidden], gates[:, -hidden:]
    whole = squashed * squashed  # becomes the whole gradient of c: dc + dh o (1 - tanh(c)^2)
    np.subtract(1, whole, out=whole)
    whole *= o
    whole *= dh
    whole += dc
    dgates = np.empty_like(gates)
    np.multiply(whole, u, out=dgates[:, :hidden])
    np.multiply(dh, squashed, out=dgates[:, hidden : 2 * hidden])
    np.multiply(whole, i, out=dgates[:, -hidden:])
    dmemories = np.empty((len(gates), count, hidden), gates.dtype)
    for child in range(count):
        place = slice((child + 2) * hidden, (child + 3) * hidden)
        np.multiply(whole, memories[:, child], out=dgates[:, place])
        np.multiply(whole, gates[:, place], out=dmemories[:, child])
    slopes = gates * gates  # becomes s (1 - s) for sigmoids, 1 - u^2 for tanh
    np.subtract(gates[:, :-hidden], slopes[:, :-hidden], out=slopes[:, :-hidden])
    np.subtract(1, slopes[:, -hidden:], out=slopes[:, -hidden:])
    dgates *= slopes
    return dgates, dmemories


def gru_forward(x: Array, h: Array, W: Array, U: Array, b: Array, d: Array) -> tuple[Array, Array, Array]:
    """One step of a gated recurrent unit, the reset gate after the product (as torch and cuDNN have it).

    x (rows, inputs), h (rows, hidden), W (inputs, 3 hidden), U (hidden, 3 hidden), b (3 hidden,), d (hidden,); in W, U
    and b stand r, z and the candidate n side by side. r, z = sigmoid(x W + h U + b); n = tanh(x W + b + r (h U + d));
    h' = n + z (h - n). Returns h', and for backward the squashed gates (rows, 3 hidden) and h U + d of the candidate.
    """
    hidden = h.shape[1]
    gates: Array = x @ W
    gates += b
    own = h @ U
    sigmoids, n = gates[:, : 2 * hidden], gates[:, 2 * hidden :]
    sigmoids += own[:, : 2 * hidden]
    sigmoids *= 0.5
    np.tanh(sigmoids, out=sigmoids)
    sigmoids *= 0.5
    sigmoids += 0.5
    recalled: Array = own[:, 2 * hidden :] + d
    n += gates[:, :hidden] * recalled
    np.tanh(n, out=n)
    result: Array = h - n
    result *= gates[:, hidden : 2 * hidden]
    result += n
    return result, gates, recalled


def gru_backward(h: Array, gates: Array, recalled: Array, dy: Array) -> tuple[Array, Array, Array]:
    """The gradients of x W + b and of h U + (0, 0, d), both (rows, 3 hidden), and that of h beside the product."""
    hidden = h.shape[1]
    r, z, n = gates[:, :hidden], gates[:, hidden : 2 * hidden], gates[:, 2 * hidden :]
    beside: Array = dy * z
    dgates = np.empty_like(gates)
    dr, dz, dn = dgates[:, :hidden], dgates[:, hidden : 2 * hidden], dgates[:, 2 * hidden :]
    np.multiply(n, n, out=dn)
    np.subtract(1, dn, out=dn)
    dn *= dy - beside
    np.subtract(h, n, out=dz)
    dz *= dy
    np.multiply(dn, recalled, out=dr)
    sigmoids = gates[:, : 2 * hidden]
    slopes = 1 - sigmoids
    slopes *= sigmoids
    dgates[:, : 2 * hidden] *= slopes
    down = dgates.copy()
    down[:, 2 * hidden :] *= r
    return dgates, down, beside
