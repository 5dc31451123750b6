"""Where the edges of the instances of a batch begin or end, as row numbers of one matrix, by edge type."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ampviz.compiling import compile_each
from ampviz.nodes.payload import Payload
from ampviz.nodes.scatter import Scatter
from ampviz.state import Expression, Fields, State, Tables, lift

Indices = NDArray[np.int64]
_REMEMBERED = 8  # batches: a loop asks for the same ones turn after turn


class Places(NamedTuple):
    """Where the row numbers of some graphs stand in an array, by type and then by graph."""

    where: Indices
    owners: Indices  # which of these graphs each belongs to
    sizes: Indices  # how many each graph has, of the first type, and so on


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
            self._last = graphs, Places(where, owners, sizes)
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


def located(name: object, lists: Sequence[Any], types: int) -> tuple[Indices, Places]:
    """The row numbers of some graphs, type after type, and where they come from.

    Raises ValueError for another number of types.
    """
    first = lists[0]
    own = [rows.graph for rows in lists if type(rows) is type(first) is TypedRows and rows.table is first.table]
    shared = len(own) == len(lists)
    for given in [first.table.layout.types] if shared else map(len, lists):
        if given != types:
            raise ValueError(f"{name} has {given} index lists for {types} edge types")
    table: RowTable = first.table if shared else RowTable.of(lists)
    places = table.layout.places(own if shared else range(len(lists)))
    return table.rows.take(places.where), places


def shifted(
    names: Sequence[Expression], ends: Sequence[Indices], owners: Indices, rows: Sequence[int]
) -> list[Indices]:
    """Row numbers of matrices of so many rows, owned as the owners say, as those of the matrices stacked.

    Raises IndexError, with the name of the ends, if a matrix does not have such a row.
    """
    limits = np.array(rows, np.int64)
    bounds, offsets = limits.take(owners).view(np.uint64), (limits.cumsum() - limits).take(owners)
    unsigned = [where.view(np.uint64) for where in ends]  # negative ones are large there
    largest = unsigned[0] if len(ends) == 1 else np.maximum(*unsigned)
    if (largest >= bounds).any():
        name, where, outside = next(
            (name, where, own >= bounds)
            for name, where, own in zip(names, ends, unsigned, strict=True)
            if (own >= bounds).any()
        )
        raise IndexError(f"{name}: index {where[outside][0]} is out of bounds for the rows of its matrix")
    return [where + offsets for where in ends]


class Ends:
    """The ends of the edges of several messages, whose matrices stand one below the other."""

    def __init__(self, where: Indices, places: Places, rows: Sequence[int]):
        self.where = where  # row numbers, type after type
        by_type = places.sizes.reshape(-1, len(rows))
        self.counts: list[list[int]] = by_type.tolist()  # by type, how many each message has
        self.rows = rows  # of the matrix of each message
        self.scatter = Scatter(where, sum(rows))  # of the rows of all types
        self._cuts = [0, *by_type.sum(axis=1).cumsum().tolist()]

    def cut(self, x: Payload) -> list[Payload]:
        """What stands type after type, such as `where`, by type."""
        return [x[start:stop] for start, stop in pairwise(self._cuts)]


def batch_of(states: Sequence[State], rows: Sequence[int] | None, by_key: bool) -> Hashable:
    """What the edges of these messages depend on: batches for which it is equal have the same."""
    which = tuple([state[0] for state in states] if by_key else states)
    return which if rows is None else (which, tuple(rows))


def make_room(recent: dict[Hashable, Any]) -> None:
    """Forget what was found for the oldest batch, where as many are remembered as may be."""
    if len(recent) == _REMEMBERED:
        del recent[next(iter(recent))]


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
        batch = batch_of(states, rows, self._by_key)
        ends = self._recent.get(batch)
        if ends is None:
            tabled = [(state, tables(state[0])) for state in states]
            if rows is None:
                rows = list(map(int, self._read_rows(tabled)))
            where, places = located(self._name, self._read(tabled), self._types)
            (where,) = shifted([self._name], [where], places.owners, rows)
            make_room(self._recent)
            ends = self._recent[batch] = Ends(where, places, rows)
        return ends
