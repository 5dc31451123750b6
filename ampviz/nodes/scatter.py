"""Rows summed by index: the reverse of a lookup, and what message passing does at the ends of edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Indices = NDArray[np.integer[Any]]

_FEW_ROWS = 40  # of a result: up to here one product with a one-hot matrix is fastest, of any size
_SMALL_PRODUCT = 1_000_000  # multiplications up to which that is so for any result
_TURNS = 8  # so many rows of one index are summed in turns, more by sorting (which costs 2 to 3 times as much for few)


class Scatter:
    """Sums rows (n, size) by index to (count, size), for as many sets of rows as come for the same `indices` (n,).

    Raises IndexError for an index outside 0..count-1.
    """

    def __init__(self, indices: Indices, count: int):
        if indices.size and (indices.min() < 0 or indices.max() >= count):
            wrong = indices[(indices < 0) | (indices >= count)][0]
            raise IndexError(f"index {wrong} is out of bounds for {count} rows")
        self.indices, self.count = indices, count
        self._one_hot: Array | None = None
        self._turns: list[tuple[Indices, Indices]] | None = None  # (which rows, their indices): none twice in a turn

    def __call__(self, rows: Array) -> Array:
        """The sums. They have the dtype of the rows."""
        if self.count <= _FEW_ROWS or self.count * rows.size <= _SMALL_PRODUCT:
            return self._product(rows)
        sums = np.zeros((self.count, *rows.shape[1:]), rows.dtype)
        turns = self._in_turns()
        if len(turns) > _TURNS:
            distinct, summed = sum_by_index(self.indices, rows)
            sums[distinct] = summed
            return sums
        for number, (here, targets) in enumerate(turns):
            if number:
                sums[targets] += rows.take(here, axis=0)
            else:
                sums[targets] = rows.take(here, axis=0)
        return sums

    def _product(self, rows: Array) -> Array:
        if self._one_hot is None or self._one_hot.dtype != rows.dtype:
            self._one_hot = np.zeros((len(self.indices), self.count), rows.dtype)
            self._one_hot[np.arange(len(self.indices)), self.indices] = 1
        few: Array = self._one_hot.T @ rows
        return few

    def _in_turns(self) -> list[tuple[Indices, Indices]]:
        if self._turns is None:
            order = self.indices.argsort(kind="stable")
            ordered = self.indices.take(order)
            turn = np.arange(len(order)) - ordered.searchsorted(ordered)  # how many rows of this index came before
            most = min(int(turn.max(initial=-1)) + 1, _TURNS + 1)
            chosen = [order[turn == number] for number in range(most)]
            self._turns = [(here, self.indices.take(here)) for here in chosen]
        return self._turns


def scatter_add(indices: Indices, rows: Array, count: int) -> Array:
    """Rows (n, size) summed by index, once: (count, size). Raises IndexError outside 0..count-1."""
    return Scatter(indices, count)(rows)


def sum_by_index(indices: Indices, rows: Array) -> tuple[Indices, Array]:
    """The distinct indices (k,), ascending, and the sum of the rows (n, size) of each: (k, size)."""
    if not len(indices):
        return indices, rows
    order = indices.argsort(kind="stable")
    ordered = indices.take(order)
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered.take(starts), np.add.reduceat(rows.take(order, axis=0), starts)
