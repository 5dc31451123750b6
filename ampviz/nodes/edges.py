"""The edges of the instances of a batch, from end to end, and what goes along them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import pairwise
from typing import NoReturn

import numpy as np

from ampviz.compiling import compile_each
from ampviz.nodes.edge_ends import Indices, batch_of, located, make_room, shifted
from ampviz.nodes.payload import Payload
from ampviz.nodes.scatter import Scatter
from ampviz.state import Expression, Fields, State, Tabled, Tables


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
            self.cuts: list[int] = distinct.searchsorted(np.arange(types + 1) * rows).tolist()  # between the types
            self.rows = distinct % rows if count else distinct  # of each slot
            self.count = rows
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
        count = len(rows)
        if others is not places and (others.sizes != places.sizes).any():
            self._refuse(places.sizes.reshape(-1, count), others.sizes.reshape(-1, count))
        sources, targets = shifted(self._names, [sources, targets], places.owners, rows)
        kinds = (np.arange(self._types * count) // count).repeat(places.sizes)
        return Edges(sources, targets, kinds, sum(rows), self._types, self._used)

    def _refuse(self, sources: Indices, targets: Indices) -> NoReturn:
        """Raise ValueError, for a type of which a message has not as many sources as targets."""
        left, right = self._names
        kind, message = np.argwhere(sources != targets)[0]
        own, other = sources[kind, message], targets[kind, message]
        raise ValueError(f"{right}[{kind}] has {other} entries for {own} of {left}[{kind}]")
