"""The arithmetic of gated cells: as in `kernels`, row-wise over axis 0, and inputs are never written to.

The elementwise part of backward is one function, which gives the gradients of the gates before their squashing; the
products that lead from there to the inputs and the weights are those of `kernels.linear_*`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.nodes.kernels import linear_forward

Array = NDArray[Any]


def lstm_forward(x: Array, memories: Array, W: Array, b: Array) -> tuple[Array, Array, Array, Array]:
    """One step of an LSTM with k memories: none for a leaf, one in a sequence, one a child in a tree.

    x (rows, inputs), memories (rows, k, hidden), W (inputs, (k + 3) hidden): the gates i, o, f_1 .. f_k and the
    candidate u side by side. c = i u + sum_k f_k memory_k; h = o tanh(c): arXiv 1503.00075, equations 9 to 14.
    Returns h, c (rows, hidden), and for backward the squashed gates (rows, (k + 3) hidden) and tanh(c).
    """
    gates = linear_forward(x, W, b)
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
    h' = n + z (h - n). Returns h', and for backward the squashed gates (rows, 3, hidden) and h U + d of the candidate.
    """
    rows, hidden = h.shape
    gates = np.empty((3, rows, hidden), x.dtype)  # each gate is contiguous: elementwise work is up to 4 times as fast
    own = np.empty_like(gates)
    for gate in range(3):
        columns = slice(gate * hidden, (gate + 1) * hidden)
        np.matmul(x, W[:, columns], out=gates[gate])
        np.matmul(h, U[:, columns], out=own[gate])
    gates += b.reshape(3, 1, hidden)
    sigmoids, n = gates[:2], gates[2]
    sigmoids += own[:2]
    sigmoids *= 0.5
    np.tanh(sigmoids, out=sigmoids)
    sigmoids *= 0.5
    sigmoids += 0.5
    recalled: Array = own[2]
    recalled += d
    result: Array = gates[0] * recalled
    n += result
    np.tanh(n, out=n)
    np.subtract(h, n, out=result)
    result *= gates[1]
    result += n
    return result, gates.transpose(1, 0, 2), recalled


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
