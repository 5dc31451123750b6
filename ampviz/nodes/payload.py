"""Payloads: arrays with rows on axis 0, or tuples of such arrays with equal rows. Payloads are read-only once sent."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

Payload = Any  # NDArray | tuple[NDArray, ...]; None, where it may occur, is said in the signature
Place = tuple[Any, int, int]
"""(block, first row, row behind the last)"""


def row_count(payload: Payload) -> int:
    """The number of rows of a payload; 0 for None."""
    if payload is None:
        return 0
    return len(payload[0]) if type(payload) is tuple else len(payload)


def each(function: Callable[..., Any], *payloads: Payload) -> Payload:
    """`function` of the arrays of these payloads: once, or for tuples once for each place in them."""
    if type(payloads[0]) is tuple:
        return tuple(map(function, *payloads))
    return function(*payloads)


def stack(payloads: Sequence[Payload]) -> Payload:
    """Payloads of one kind as one, rows after rows. Copies, except that a single payload is returned as it is."""
    if len(payloads) == 1:
        return payloads[0]
    if type(payloads[0]) is tuple:
        return tuple(map(np.concatenate, zip(*payloads, strict=True)))
    return np.concatenate(payloads)


def split(payload: Payload, counts: Sequence[int]) -> list[Payload]:
    """The inverse of `stack`: views of consecutive row ranges."""
    if type(payload) is tuple:
        return list(zip(*[split(part, counts) for part in payload], strict=True))
    if len(counts) == 1:
        return [payload]
    if len(payload) == len(counts) and min(counts, default=1) == 1:
        return list(payload[:, None])  # one row each: iterating costs half of slicing
    return [payload[stop - count : stop] for count, stop in zip(counts, accumulate(counts), strict=True)]


def runs(places: Iterable[Place]) -> list[Place]:
    """The same rows in the same order, as few places: neighbours in one block become one."""
    found: list[Place] = []
    block, first, behind = None, 0, 0
    for own, start, stop in places:
        if own is block and start == behind:
            behind = stop
            continue
        if block is not None:
            found.append((block, first, behind))
        block, first, behind = own, start, stop
    found.append((block, first, behind))
    return found


def gather(places: Sequence[Place]) -> Payload:
    """The rows at these places of payloads, in this order; a view where it is one place. Needs at least one."""
    block, first, behind = places[0]
    if len(places) == 1:
        if behind - first == row_count(block):
            return block
        return each(lambda array: array[first:behind], block)
    if all(own is block and stop - start == 1 for own, start, stop in places):
        rows = np.array([start for _, start, _ in places])
        return each(lambda array: array.take(rows, axis=0), block)
    if type(block) is tuple:
        ways = range(len(block))
        return tuple(np.concatenate([own[way][start:stop] for own, start, stop in places]) for way in ways)
    return np.concatenate([own[start:stop] for own, start, stop in places])


def add(total: Payload | None, payload: Payload | None) -> Payload | None:
    """The sum of two gradients, either of which may be None; neither argument is changed."""
    if payload is None:
        return total
    if total is None:
        return payload
    if type(total) is tuple:
        return tuple(map(operator.add, total, payload))
    return total + payload
