"""Payloads: arrays with rows on axis 0, or tuples of such arrays with equal rows. Payloads are read-only once sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

Payload = Any  # NDArray | tuple[NDArray, ...]; None, where it may occur, is said in the signature


def row_count(payload: Payload) -> int:
    """The number of rows of a payload; 0 for None."""
    if payload is None:
        return 0
    return len(payload[0]) if type(payload) is tuple else len(payload)


def each(function: Callable[..., Any], *payloads: Payload) -> Payload:
    """`function` of the arrays of these payloads: once, or for tuples once for each place in them."""
    if type(payloads[0]) is tuple:
        return tuple(function(*arrays) for arrays in zip(*payloads, strict=True))
    return function(*payloads)


def stack(payloads: Sequence[Payload]) -> Payload:
    """Payloads of one kind as one, rows after rows. Copies, except that a single payload is returned as it is."""
    if len(payloads) == 1:
        return payloads[0]
    if type(payloads[0]) is tuple:
        return tuple(np.concatenate(parts) for parts in zip(*payloads, strict=True))
    return np.concatenate(payloads)


def split(payload: Payload, counts: Sequence[int]) -> list[Payload]:
    """The inverse of `stack`: views of consecutive row ranges."""
    if type(payload) is tuple:
        return list(zip(*[split(part, counts) for part in payload], strict=True))
    if len(counts) == 1:
        return [payload]
    if len(payload) == len(counts) and min(counts) == 1:
        return list(payload[:, None])  # one row each: iterating costs half of slicing
    return [payload[stop - count : stop] for count, stop in zip(counts, accumulate(counts), strict=True)]


def add(total: Payload | None, payload: Payload | None) -> Payload | None:
    """The sum of two gradients, either of which may be None; neither argument is changed."""
    if payload is None:
        return total
    if total is None:
        return payload
    if type(total) is tuple:
        return tuple(a + b for a, b in zip(total, payload, strict=True))
    return total + payload
