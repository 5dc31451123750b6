"""Each compiled kernel, the function of numpy that it stands for, and arguments for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ampviz import optim
from ampviz.fused import cells, rows, steps
from ampviz.nodes import cell_kernels, kernels

Arguments = tuple[Any, ...]


class Draw:
    """Arrays that all differ, and are the same for the same seed."""

    def __init__(self, seed: int):
        self._rng = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> np.ndarray:
        return self._rng.normal(size=shape).astype(np.float32)

    def share(self, *shape: int) -> np.ndarray:
        """Numbers between 0 and 1, such as gates are."""
        return self._rng.random(shape, np.float32)

    def label(self, count: int, classes: int) -> np.ndarray:
        return self._rng.integers(0, classes, count)


def _numpy_sums(values: np.ndarray, indices: np.ndarray, chosen: np.ndarray | None, count: int) -> np.ndarray:
    sums = np.zeros((count, *values.shape[1:]), values.dtype)
    np.add.at(sums, indices, values if chosen is None else values[chosen])
    return sums


# Cases tell odd sizes from even ones, and the number of memories is the rest of a third.
PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[[Draw, int, int], Arguments]]] = {
    "cells.rnn_squash": (
        cells.rnn_squash, cell_kernels._rnn_squash, lambda d, r, n: (d(r, n), d(r, n), d(n), n % 2 == 1)
    ),
    "cells.lstm_squash": (
        cells.lstm_squash, cell_kernels._lstm_squash,
        lambda d, r, n: (d(r, (n % 3 + 3) * n), d((n % 3 + 3) * n), d(r, n % 3, n)),
    ),
    "cells.lstm_backward": (
        cells.lstm_backward, cell_kernels.lstm_backward,
        lambda d, r, n: (d(r, n % 3, n), d.share(r, n % 3 + 3, n), d.share(r, n), d(r, n), d(r, n)),
    ),
    "cells.gru_squash": (
        cells.gru_squash, cell_kernels._gru_squash,
        lambda d, r, n: (d(r, 3 * n), d(r, 3 * n), d(3 * n), d(n), d(r, n)),
    ),
    "cells.gru_backward": (
        cells.gru_backward, cell_kernels.gru_backward,
        lambda d, r, n: (d(r, n), d.share(r, 3, n), d(r, n), d(r, n)),
    ),
    "rows.relu_backward": (
        rows.relu_backward, kernels.relu_backward, lambda d, r, n: (np.maximum(d(r, n), 0), d(r, n))
    ),
    "rows.softmax_cross_entropy": (
        rows.softmax_cross_entropy, kernels.softmax_cross_entropy,
        lambda d, r, n: (d(r, n), d.label(r, n), d.share(r)),
    ),
    "rows.add_by_index": (
        rows.add_by_index, _numpy_sums,
        lambda d, r, n: (d(r, n), d.label(2 * r, 5), d.label(2 * r, r), 5) if n % 2
        else (d(r, n), d.label(r, 5), None, 5),
    ),
    "steps.adam": (
        steps.adam, optim._adam,
        lambda d, r, n: (d(r, n), d(r, n), d(r, n), d.share(r, n), 0.9, 0.99, 1e-8, 0.01),
    ),
    "steps.adagrad": (
        steps.adagrad, optim._adagrad, lambda d, r, n: (d(r, n), d(r, n), d.share(r, n), 1e-10, 0.05)
    ),
}  # fmt: skip


def arguments(name: str, count: int, size: int) -> Arguments:
    """Arguments of this kernel for so many rows of so many numbers."""
    return PAIRS[name][2](Draw(1000 * count + size), count, size)
