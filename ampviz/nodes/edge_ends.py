"""Where the edges of the instances of a batch begin or end, as row numbers of one matrix, by edge type."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ampviz.nodes.batch import difference
from ampviz.nodes.payload import Payload
from ampviz.nodes.scatter import Scatter
from ampviz.state import Expression, Fields, State, Tabled, Tables, compile_each, lift

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


def refuse(name: object, where: Indices, limits: Indices) -> None:
    """Raise IndexError if a row number is not below its limit, or negative."""
    outside = where.view(np.uint64) >= limits.view(np.uint64)  # negative ones are large there
    if outside.any():
        raise IndexError(f"{name}: index {where[outside][0]} is out of bounds for the rows of its matrix")


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
            limits = np.array(rows, np.int64)
            refuse(self._name, where, limits.take(places.owners))
            where += (limits.cumsum() - limits).take(places.owners)
            make_room(self._recent)
            ends = self._recent[batch] = Ends(where, places, rows)
        return ends


class Edges:
    """The edges of several messages, whose matrices stand one below the other: from row u to row v, of a type.

    What goes along an edge is that of its slot, one for each row and edge type: all of them, by row and then by type,
    or if `used` only those that an edge leaves from, by type and then by row.
    """

    def __init__(self, sources: Indices, targets: Indices, kinds: Indices, rows: int, types: int, used: bool):
        if not used:
            slots, count = sources * types, rows * types
            slots += kinds
        else:
            pairs = kinds * rows
            pairs += sources
            occupied = np.zeros(types * rows, bool)
            occupied[pairs] = True
            distinct = occupied.nonzero()[0]
            slots, count = (occupied.cumsum() - 1).take(pairs), len(distinct)
            starts = np.arange(types + 1) * rows
            self.cuts: list[int] = distinct.searchsorted(starts).tolist()  # between the types
            self.rows = distinct - starts.repeat(np.diff(self.cuts, append=count))  # of each slot
            self.home = Scatter(self.rows, rows)  # from slots to the rows that they belong to
        self.arrive = Scatter(targets, rows, slots)  # from slots along the edges to their targets
        self.leave = Scatter(slots, count, targets)  # back from targets to slots

    def cut(self, x: Payload) -> list[Payload]:
        """What stands slot after slot, by type; if only slots in use have one."""
        return [x[start:stop] for start, stop in pairwise(self.cuts)]

    def places(self, start: int, end: int) -> list[slice]:
        """Where the slots of these rows stand among those of each type."""
        return [slice(*own.searchsorted((start, end)).tolist()) for own in self.cut(self.rows)]


class EdgeTables:
    """Reads edges from two tables, of the rows where they leave from and where they arrive, by edge type."""

    def __init__(self, sources: Expression, targets: Expression, fields: Fields, types: int, used: bool):
        self._names, self._types, self._used = (sources, targets), types, used
        self._read = compile_each(sources, fields), compile_each(targets, fields)
        self._by_key = (sources.fields() | targets.fields()) <= {"key"}  # all messages of an instance have the same
        self._recent: dict[Hashable, Edges] = {}

    def of(self, states: Sequence[State], tables: Callable[[int], Tables], rows: Sequence[int]) -> Edges:
        """The edges for these messages, of so many rows each.

        Raises as `EdgeEnds.of`, and ValueError where there are not as many sources as targets.
        """
        batch = batch_of(states, rows, self._by_key)
        edges = self._recent.get(batch)
        if edges is None:
            tabled = [(state, tables(state[0])) for state in states]
            make_room(self._recent)
            edges = self._recent[batch] = self._stacked(tabled, rows)
        return edges

    def _stacked(self, tabled: Sequence[Tabled], rows: Sequence[int]) -> Edges:
        (sources, places), (targets, others) = (
            located(name, read(tabled), self._types) for name, read in zip(self._names, self._read, strict=True)
        )
        if others is not places:
            self._compare(places.counts, others.counts)
        limits = np.array(rows, np.int64)
        bounds, offsets = limits.take(places.owners), (limits.cumsum() - limits).take(places.owners)
        for name, ends in zip(self._names, (sources, targets), strict=True):
            refuse(name, ends, bounds)
            ends += offsets
        kinds = np.arange(self._types).repeat(np.diff(places.cuts))
        return Edges(sources, targets, kinds, sum(rows), self._types, self._used)

    def _compare(self, sources: list[list[int]], targets: list[list[int]]) -> None:
        """Raise ValueError where, of a type, a message has not as many sources as targets."""
        left, right = self._names
        for kind, (own, other) in enumerate(zip(sources, targets, strict=True)):
            differ = difference(other, own)
            if differ:
                raise ValueError(f"{right}[{kind}] has {differ[0]} entries for {differ[1]} of {left}[{kind}]")
