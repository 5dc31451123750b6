"""Rows summed by index: the reverse of a lookup, and what message passing does at the ends of edges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.fused import fused

Array = NDArray[Any]
Indices = NDArray[np.integer[Any]]

_FEW_NUMBERS = 4_000  # so many are fastest added one by one, unless the result has few rows
_FEW_ROWS = 40  # of a result: up to here one product with a one-hot matrix is fastest, of any size
_SMALL_PRODUCT = 1_000_000  # multiplications up to which that is so for any result
_TURNS = 8  # so many rows of one index are summed in turns, more by sorting (which costs 2 to 3 times as much for few)


class Scatter:
    """Sums rows (n, size) by index to (count, size), for as many sets of rows as come for the same `indices` (n,).

    With `chosen` (n,) it sums these of the rows that come, in their order, as if they had been taken before. The caller
    has seen to it that no index is outside 0..count-1.
    """

    def __init__(self, indices: Indices, count: int, chosen: Indices | None = None):
        self.indices, self.count, self.chosen = indices, count, chosen
        self._one_hot: Array | None = None
        self._numbers: Indices | None = None  # where each number of the rows is added, in the flat result
        self._turns: tuple[list[Indices], Indices] | None = None

    def __call__(self, rows: Array) -> Array:
        """The sums. They have the dtype of the rows."""
        add_by_index = fused("rows.add_by_index", rows)
        if add_by_index:
            sums: Array = add_by_index(rows, self.indices, self.chosen, self.count)
            return sums
        numbers = len(self.indices) * math.prod(rows.shape[1:])
        if self.count <= _FEW_ROWS:
            return self._product(self._taken(rows))
        if numbers <= _FEW_NUMBERS:
            return self._one_by_one(self._taken(rows))
        if self.count * numbers <= _SMALL_PRODUCT:
            return self._product(self._taken(rows))
        turns, place = self._in_turns()
        if len(turns) > _TURNS:
            sums = np.zeros((self.count, *rows.shape[1:]), rows.dtype)
            distinct, summed = sum_by_index(self.indices, self._taken(rows))
            sums[distinct] = summed
            return sums
        some = rows.take(turns[0], axis=0)
        for turn in turns[1:]:
            some[: len(turn)] += rows.take(turn, axis=0)
        sums = some.take(place, axis=0, mode="clip")  # a sum of no rows has no place among them
        if len(some) < self.count:
            sums[place >= len(some)] = 0
        return sums

    def _taken(self, rows: Array) -> Array:
        return rows if self.chosen is None else rows.take(self.chosen, axis=0)

    def _product(self, rows: Array) -> Array:
        if self._one_hot is None or self._one_hot.dtype != rows.dtype:
            self._one_hot = np.zeros((len(self.indices), self.count), rows.dtype)
            self._one_hot[np.arange(len(self.indices)), self.indices] = 1
        few: Array = self._one_hot.T @ rows
        return few

    def _one_by_one(self, rows: Array) -> Array:
        size = math.prod(rows.shape[1:])
        if self._numbers is None or len(self._numbers) != rows.size:
            self._numbers = np.add.outer(self.indices * size, np.arange(size)).reshape(-1)
        sums = np.zeros((self.count, *rows.shape[1:]), rows.dtype)
        np.add.at(sums.reshape(-1), self._numbers, rows.reshape(-1))
        return sums

    def _in_turns(self) -> tuple[list[Indices], Indices]:
        """Which rows are added in each turn, one to each of the first so many sums; and where a sum stands among them.

        Those of the most rows stand first, so that each turn adds to a slice.
        """
        if self._turns is None:
            numbers = np.bincount(self.indices, minlength=self.count)  # of rows for each sum
            few = np.minimum(numbers, _TURNS + 1).astype(np.int16)  # 16 bits are sorted by counting
            largest = (-few).argsort(kind="stable")
            place = np.empty_like(largest)
            place[largest] = np.arange(self.count)
            short = place.astype(np.int16) if self.count < 1 << 15 else place
            order: Indices = short.take(self.indices).argsort(kind="stable")
            numbers = numbers.take(largest)
            first = numbers.cumsum() - numbers
            adding = (self.count - np.bincount(few).cumsum())[:-1].tolist()  # how many have a row left in each turn
            if self.chosen is not None:
                order = self.chosen.take(order)
            self._turns = [order.take(first[:sums] + turn) for turn, sums in enumerate(adding)], place
        return self._turns


def scatter_add(indices: Indices, rows: Array, count: int) -> Array:
    """Rows (n, size) summed by index, once: (count, size). Raises IndexError outside 0..count-1."""
    if indices.size and (indices.min() < 0 or indices.max() >= count):
        wrong = indices[(indices < 0) | (indices >= count)][0]
        raise IndexError(f"index {wrong} is out of bounds for {count} rows")
    return Scatter(indices, count)(rows)


def sum_by_index(indices: Indices, rows: Array) -> tuple[Indices, Array]:
    """The distinct indices (k,), ascending, and the sum of the rows (n, size) of each: (k, size)."""
    if not len(indices):
        return indices, rows
    order = indices.argsort(kind="stable")
    ordered = indices.take(order)
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    starts = np.flatnonzero(first)
    add_by_index = fused("rows.add_by_index", rows)
    if add_by_index:
        return ordered.take(starts), add_by_index(rows, first.cumsum() - 1, order, len(starts))
    return ordered.take(starts), np.add.reduceat(rows.take(order, axis=0), starts)
