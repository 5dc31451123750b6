"""Arrays in a few numbers, for looking at them where they lie."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.nodes.payload import Payload
from ampviz.telemetry.inspection import ArraySummary

BINS = 16
FIRST = 8
_SAMPLE = 1 << 16  # elements that the histogram of a larger array is made of


def summarise(array: NDArray[Any]) -> ArraySummary:
    """The summary of one array; some milliseconds for millions of elements."""
    flat = array.reshape(-1)
    values = flat if flat.dtype.kind == "f" else flat.astype(np.float64)
    whole = np.isfinite(values)
    finite = values if whole.all() else values[whole]
    nans = int(np.isnan(values).sum()) if finite is not values else 0
    infs = values.size - finite.size - nans
    about = ArraySummary(
        str(array.dtype), array.shape, nans=nans, infs=infs, first=tuple(values[:FIRST].astype(float).tolist())
    )
    return _measured(about, finite) if finite.size else about


def summaries(payload: Payload | None) -> tuple[ArraySummary, ...]:
    """Of each array of a payload, or of whatever tuples and lists a node keeps its arrays in."""
    if isinstance(payload, np.ndarray):
        return (summarise(payload),)
    if isinstance(payload, tuple | list):
        return tuple(summary for part in payload for summary in summaries(part))
    return ()


def _measured(about: ArraySummary, values: NDArray[np.floating]) -> ArraySummary:
    low, high = float(values.min()), float(values.max())
    mean, norm = _mean_and_norm(values)
    if not math.isfinite(mean + norm) or norm == 0:  # too large or small to be squared as they are
        mean, norm = _mean_and_norm(values.astype(np.float64))
    sample = values[:: -(-values.size // _SAMPLE)].astype(np.float64)
    return ArraySummary(
        about.dtype,
        about.shape,
        low,
        high,
        mean,
        norm,
        about.nans,
        about.infs,
        _counts(sample, low, high),
        about.first,
    )


def _mean_and_norm(values: NDArray[np.floating]) -> tuple[float, float]:
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return float(values.mean()), math.sqrt(np.dot(values, values))


def _counts(values: NDArray[np.float64], low: float, high: float) -> tuple[int, ...]:
    """How many fall into each bin; np.histogram refuses ranges that are tiny beside their values."""
    half = high / 2 - low / 2  # the whole range may overflow
    places = (values / 2 - low / 2) / half if half > 0 else np.zeros(values.size)
    bins = np.minimum((places * BINS).astype(np.int64), BINS - 1)
    return tuple(np.bincount(bins, minlength=BINS).tolist())
