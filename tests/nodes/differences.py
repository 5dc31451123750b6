"""Central finite differences, the reference for every gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def numeric_gradient(loss: Callable[[], float], array: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """The gradient of `loss()` by `array`, which is nudged in place, entry by entry."""
    gradient = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        before = array[index]
        array[index] = before + step
        above = loss()
        array[index] = before - step
        gradient[index] = (above - loss()) / (2 * step)
        array[index] = before
    return gradient
