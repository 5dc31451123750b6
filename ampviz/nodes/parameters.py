"""The arrays of one node: its parameters and what its optimizer keeps for them, wherever they lie."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

_ONES: dict[np.dtype[Any], Array] = {}  # as many as were asked for at once, and more


def ones(rows: int, dtype: np.dtype[Any]) -> Array:
    """Ones (rows,), read-only: the x of a bias. numpy takes as long to make some as to sum a small gradient."""
    known = _ONES.get(dtype)
    if known is None or len(known) < rows:
        known = _ONES[dtype] = np.ones(2 * rows, dtype)
        known.flags.writeable = False
    return known[:rows]


@dataclass(slots=True)
class Parameters:
    """The arrays of one node: parameters, and the optimizer's state for each.

    Where they lie one after another, `whole` is all parameters as one vector, and `whole_slots` has one for each slot.
    `version` has one element: how often they were updated. Who writes any of these holds `turn`.
    """

    arrays: dict[str, Array]
    slots: dict[str, dict[str, Array]] = field(default_factory=dict)
    whole: Array | None = None
    whole_slots: dict[str, Array] = field(default_factory=dict)
    version: memoryview[int] = field(default_factory=lambda: memoryview(bytearray(8)).cast("q"))
    turn: AbstractContextManager[None] = field(default_factory=nullcontext)
