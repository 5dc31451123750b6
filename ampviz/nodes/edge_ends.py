"""Where the edges of the instances of a batch begin or end, as row numbers of one matrix, by edge type."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.nodes.payload import Payload
from ampviz.nodes.scatter import Scatter
from ampviz.state import Expression, Fields, State, Tables, compile_expression, lift

Indices = NDArray[np.int64]
_REMEMBERED = 8  # batches: a loop asks for the same ones turn after turn


class TypedRows(Sequence[Indices]):
    """Row numbers by edge type: a sequence with an array for each type, cut out of `rows`, where all stand.

    `sizes` (types,) says how many each type has. Cheaper to stack than arrays by type, and to make.
    """

    __slots__ = ("rows", "sizes")

    def __init__(self, rows: Indices, sizes: Indices):
        self.rows, self.sizes = rows, sizes

    @classmethod
    def of(cls, table: Sequence[Any]) -> TypedRows:
        """Any sequence of sequences of row numbers in this form. Needs at least one type."""
        if type(table) is cls:
            return table
        sizes = np.array(list(map(len, table)), np.int64)
        return cls(np.concatenate(table, dtype=np.int64, casting="unsafe"), sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, kind: Any) -> Any:
        if isinstance(kind, slice):
            return list(self)[kind]
        stop = self.sizes.cumsum()[kind]
        return self.rows[stop - self.sizes[kind] : stop]


class Ends:
    """The ends of the edges of several messages, whose matrices stand one below the other."""

    def __init__(self, where: Indices, counts: list[list[int]], rows: Sequence[int]):
        self.where, self.counts = where, counts  # row numbers, type after type; by type how many each message has
        self.rows = rows  # of the matrix of each message
        self.cuts = [0, *np.cumsum([sum(own) for own in counts]).tolist()]  # between the types
        self.scatter = Scatter(where, sum(rows))  # of the rows of all types

    def cut(self, x: Payload) -> list[Payload]:
        """What stands type after type, such as `where`, by type."""
        return [x[start:stop] for start, stop in pairwise(self.cuts)]


class EdgeEnds:
    """Reads ends from a table, which holds a sequence of row numbers for each of `types` edge types.

    `rows` is how many the matrix of a message has, if that is not told with the messages.
    """

    def __init__(self, table: Expression, fields: Fields, types: int, rows: Expression | int = 0):
        self._name, self._types = table, types
        self._read: Callable[[State, Any], Sequence[Any]] = compile_expression(table, fields)
        self._read_rows = compile_expression(lift(rows), fields)
        self._by_key = (table.fields() | lift(rows).fields()) <= {"key"}  # all messages of an instance have the same
        self._recent: dict[Hashable, Ends] = {}

    def of(self, states: Sequence[State], tables: Callable[[int], Tables], rows: Sequence[int] | None = None) -> Ends:
        """The ends for these messages, of so many rows each.

        Raises IndexError for a row number that a message does not have, ValueError for another number of types.
        """
        which = tuple([state[0] for state in states] if self._by_key else states)
        batch = which if rows is None else (which, tuple(rows))
        ends = self._recent.get(batch)
        if ends is None:
            if len(self._recent) == _REMEMBERED:
                del self._recent[next(iter(self._recent))]
            own = [tables(state[0]) for state in states]
            if rows is None:
                rows = [int(self._read_rows(state, table)) for state, table in zip(states, own, strict=True)]
            lists = [self._read(state, table) for state, table in zip(states, own, strict=True)]
            ends = self._recent[batch] = self._stacked(lists, rows)
        return ends

    def _stacked(self, lists: Sequence[Sequence[Any]], rows: Sequence[int]) -> Ends:
        for table in lists:
            if len(table) != self._types:
                raise ValueError(f"{self._name} has {len(table)} index lists for {self._types} edge types")
        typed = list(map(TypedRows.of, lists))
        where = np.concatenate([table.rows for table in typed])
        sizes = np.concatenate([table.sizes for table in typed])
        by_message = sizes.reshape(len(typed), self._types)
        edges, limits = by_message.sum(axis=1), np.array(rows, np.int64)
        outside = where.view(np.uint64) >= np.repeat(limits, edges).view(np.uint64)  # negative ones are large there
        if outside.any():
            raise IndexError(f"{self._name}: index {where[outside][0]} is out of bounds for the rows of its matrix")
        where += np.repeat(limits.cumsum() - limits, edges)
        kinds = (np.arange(len(sizes)) % self._types).astype(np.int16)  # 16 bits are sorted by counting
        order = np.repeat(kinds, sizes).argsort(kind="stable")
        return Ends(where.take(order), by_message.T.tolist(), rows)
