"""Where the edges of the instances of a batch begin or end, as row numbers of one matrix, by edge type."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.nodes.scatter import Scatter
from ampviz.state import Expression, Fields, State, Tables, compile_expression

Indices = NDArray[np.int64]
_REMEMBERED = 8  # batches: a loop asks for the same ones turn after turn


class Ends:
    """The ends of the edges of several messages, whose matrices stand one below the other."""

    def __init__(self, where: list[Indices], counts: list[list[int]], rows: int):
        self.where, self.counts = where, counts  # by type: row numbers, and how many each message has
        self.scatter = Scatter(np.concatenate(where), rows)  # of the rows of all types


class EdgeEnds:
    """Reads ends from a table, which holds a sequence of row numbers for each of `types` edge types."""

    def __init__(self, table: Expression, fields: Fields, types: int):
        self._name, self._types = table, types
        self._read: Callable[[State, Any], Sequence[Any]] = compile_expression(table, fields)
        self._by_key = table.fields() <= {"key"}  # all messages of an instance have the same ends
        self._recent: dict[Hashable, Ends] = {}

    def of(self, states: Sequence[State], rows: Sequence[int], tables: Callable[[int], Tables]) -> Ends:
        """The ends for messages of so many rows each.

        Raises IndexError for a row number that a message does not have, ValueError for another number of types.
        """
        batch = (tuple([state[0] for state in states] if self._by_key else states), tuple(rows))
        ends = self._recent.get(batch)
        if ends is None:
            if len(self._recent) == _REMEMBERED:
                del self._recent[next(iter(self._recent))]
            ends = self._recent[batch] = self._stacked([self._read(state, tables(state[0])) for state in states], rows)
        return ends

    def _stacked(self, lists: Sequence[Sequence[Any]], rows: Sequence[int]) -> Ends:
        for table in lists:
            if len(table) != self._types:
                raise ValueError(f"{self._name} has {len(table)} index lists for {self._types} edge types")
        pieces = [table[kind] for kind in range(self._types) for table in lists]
        sizes = list(map(len, pieces))
        where: Indices = np.concatenate(pieces, dtype=np.int64, casting="unsafe")
        limits = np.repeat(list(rows) * self._types, sizes)  # how many rows the message of each edge has
        if len(where) and (where.min() < 0 or (where >= limits).any()):
            wrong = where[(where < 0) | (where >= limits)][0]
            raise IndexError(f"{self._name}: index {wrong} is out of bounds for the rows of its matrix")
        where += np.repeat([*accumulate(rows[:-1], initial=0)] * self._types, sizes)
        messages = len(lists)
        counts = [sizes[start : start + messages] for start in range(0, len(sizes), messages)]
        cuts = accumulate(map(sum, counts), initial=0)
        return Ends([where[start:stop] for start, stop in pairwise(cuts)], counts, sum(rows))
