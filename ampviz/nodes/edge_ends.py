"""Where the edges of the instances of a batch begin or end, as row numbers of one matrix, by edge type."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ampviz.nodes.payload import Payload
from ampviz.nodes.scatter import Scatter
from ampviz.state import Expression, Fields, State, Tables, compile_each, lift

Indices = NDArray[np.int64]
_REMEMBERED = 8  # batches: a loop asks for the same ones turn after turn


class Places(NamedTuple):
    """Where the row numbers of some graphs stand in an array, by type and then by graph."""

    where: Indices
    owners: Indices  # which of these graphs each belongs to
    counts: list[list[int]]  # by type, how many each graph has
    cuts: list[int]  # between the types


class Layout:
    """Where row numbers of many graphs stand in an array: type k of graph g from `starts[g * types + k]` to the next.

    Both ends of edges stand alike and are asked for one after the other: `places` remembers its last answer.
    """

    def __init__(self, starts: Indices, types: int):
        self.starts, self.types = starts, types
        self._last: tuple[Sequence[int], Places] | None = None

    def places(self, graphs: Sequence[int]) -> Places:
        """The places of these graphs."""
        if self._last is None or self._last[0] != graphs:
            types, count = self.types, len(graphs)
            pieces = np.add.outer(np.arange(types), np.array(graphs) * types).reshape(-1)
            starts = self.starts.take(pieces)
            sizes = self.starts.take(pieces + 1) - starts
            stops = sizes.cumsum()
            where = (starts - stops + sizes).repeat(sizes)
            where += np.arange(len(where))
            owners = (np.arange(types * count) % count).repeat(sizes)
            cuts = [0, *stops[count - 1 :: count].tolist()]
            self._last = graphs, Places(where, owners, sizes.reshape(types, count).tolist(), cuts)
        return self._last[1]


class RowTable:
    """Row numbers of many graphs by edge type, as one array (edges,) int64 of this layout."""

    def __init__(self, rows: Indices, layout: Layout):
        self.rows, self.layout = rows, layout

    @classmethod
    def of(cls, graphs: Sequence[Sequence[Sequence[int] | Indices]]) -> RowTable:
        """The table of these graphs, which have equally many types, one at least."""
        pieces = [piece for graph in graphs for piece in graph]
        layout = Layout(np.cumsum([0, *map(len, pieces)]), len(graphs[0]))
        return cls(np.concatenate(pieces, dtype=np.int64, casting="unsafe"), layout)


class TypedRows(Sequence[Indices]):
    """The row numbers of one graph of a table: a sequence with an array for each edge type.

    Instances whose tables hold such are stacked at once, without a look at each array.
    """

    __slots__ = ("graph", "table")

    def __init__(self, table: RowTable, graph: int):
        self.table, self.graph = table, graph

    def __len__(self) -> int:
        return self.table.layout.types

    def __getitem__(self, kind: Any) -> Any:
        layout = self.table.layout
        types, first = range(layout.types)[kind], self.graph * layout.types
        if isinstance(types, range):
            return [self[own] for own in types]
        return self.table.rows[layout.starts[first + types] : layout.starts[first + types + 1]]


class Ends:
    """The ends of the edges of several messages, whose matrices stand one below the other."""

    def __init__(self, where: Indices, places: Places, rows: Sequence[int]):
        self.where = where  # row numbers, type after type
        self.counts = places.counts  # by type, how many each message has
        self.rows = rows  # of the matrix of each message
        self.scatter = Scatter(where, sum(rows))  # of the rows of all types
        self._cuts = places.cuts

    def cut(self, x: Payload) -> list[Payload]:
        """What stands type after type, such as `where`, by type."""
        return [x[start:stop] for start, stop in pairwise(self._cuts)]


class EdgeEnds:
    """Reads ends from a table, which holds a sequence of row numbers for each of `types` edge types.

    `rows` is how many the matrix of a message has, if that is not told with the messages.
    """

    def __init__(self, table: Expression, fields: Fields, types: int, rows: Expression | int = 0):
        self._name, self._types = table, types
        self._read, self._read_rows = compile_each(table, fields), compile_each(lift(rows), fields)
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
            tabled = [(state, tables(state[0])) for state in states]
            if rows is None:
                rows = list(map(int, self._read_rows(tabled)))
            ends = self._recent[batch] = self._stacked(self._read(tabled), rows)
        return ends

    def _stacked(self, lists: Sequence[Sequence[Any]], rows: Sequence[int]) -> Ends:
        typed = [own for own in lists if type(own) is TypedRows]
        tables = {own.table for own in typed}
        shared = len(tables) == 1 and len(typed) == len(lists)
        for types in {own.layout.types for own in tables} if shared else map(len, lists):
            if types != self._types:
                raise ValueError(f"{self._name} has {types} index lists for {self._types} edge types")
        table = tables.pop() if shared else RowTable.of(lists)
        places = table.layout.places([own.graph for own in typed] if shared else range(len(lists)))
        where = table.rows.take(places.where)
        limits = np.array(rows, np.int64)
        outside = where.view(np.uint64) >= limits.take(places.owners).view(np.uint64)  # negative ones are large there
        if outside.any():
            raise IndexError(f"{self._name}: index {where[outside][0]} is out of bounds for the rows of its matrix")
        where += (limits.cumsum() - limits).take(places.owners)
        return Ends(where, places, rows)
