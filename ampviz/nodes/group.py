"""Many messages to one: Group puts them together, the reverse of Ungroup (paper, section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import BACKWARD, FORWARD, Direction, Message
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.holder import Holder
from ampviz.nodes.payload import each, split
from ampviz.ports import ArrayType, PortType
from ampviz.state import (
    Assign,
    Expression,
    Field,
    State,
    compile_assignments_and,
    compile_expression,
    field_order,
    lift,
)

Part = tuple[State, int]
"""A message: its state, and its number in the holder"""


class Group(Node):
    """Puts `count` messages together into one, in order: the reverse of Ungroup.

    `by` is a field, which the result drops (its values order the parts), or an assignment such as
    `S.node.to(T.parent[S.node])`: messages that are equal after it form a group, ordered by `order` (0 .. count-1).
    axis 0 puts rows after rows; axis 1 stacks parts of equal rows to (rows, count, ...). Tuples are put together
    array by array.
    """

    changes_state = True
    keeps = ("_partial", "_origins")

    def __init__(
        self,
        by: Field | Assign,
        *,
        count: Expression | int,
        order: Expression | None = None,
        axis: int = 0,
        name: str = "",
    ):
        super().__init__(name)
        self.by, self.count, self.axis = by, lift(count), axis
        if order is None and not isinstance(by, Field):
            raise GraphError("Group by an assignment needs an order", hint="order=T.side[S.node], say")
        self.order: Expression = order if order is not None else by  # type: ignore[assignment] # a Field, by the check above

    def note(self) -> str:
        return f"{self.by}, {self.count} along axis {self.axis}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        if isinstance(self.by, Field):
            if self.by.name not in x.fields:
                raise GraphError(f"the state has no field {self.by.name}", where=self.where, got=x)
            fields, changes = tuple(name for name in x.fields if name != self.by.name), []
        else:
            fields, changes = field_order([*x.fields, self.by.field]), [self.by]
        self._places = compile_assignments_and([self.order, self.count], changes, x.fields, fields)
        read = [self.order, self.count, *(change.value for change in changes)]
        self._reads_tables = any(expression.tables() for expression in read)
        stacked = () if self.axis == 0 else (self._fixed_count(),)
        return (PortType.of(fields, [ArrayType((*stacked, *array.shape), array.dtype) for array in x.arrays]),)

    def _fixed_count(self) -> int | None:
        return None if self.count.fields() or self.count.tables() else int(compile_expression(self.count, ())((), None))

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._partial: dict[State, list[Part | None]] = {}
        self._holder = Holder()
        self._origins: dict[State, tuple[tuple[State, ...], tuple[int, ...]]] = {}

    def forward(self, batch: Batch) -> None:
        partial, places = self._partial, self._places(self.with_tables(batch.states, self._reads_tables))
        numbers = self._holder.put(batch.payload, batch.counts)
        complete: dict[object, list[State]] = {}  # groups by number of parts
        for state, number, (target, order, ways) in zip(batch.states, numbers, places, strict=True):
            parts = partial.get(target)
            if parts is None:
                parts = partial[target] = [None] * ways
            if not 0 <= order < len(parts) or parts[order] is not None:
                raise ValueError(f"part {order} of group {target} is out of range or came twice")
            parts[order] = state, number
            if None not in parts:
                complete.setdefault(len(parts) if self.uniform else target, []).append(target)
        for targets in complete.values():
            self._put_together(targets)

    def _put_together(self, targets: list[State]) -> None:
        """Send whole groups of equally many parts on."""
        groups: list[list[Part]] = list(map(self._partial.pop, targets))  # type: ignore[arg-type] # no part is missing
        ways = len(groups[0])
        parts = [part for group in groups for part in group]
        states, (whole, rows) = [state for state, _ in parts], self._holder.take([number for _, number in parts])
        by_way = [rows[way::ways] for way in range(ways)]
        own_states, own_rows = zip(*[iter(states)] * ways, strict=True), list(zip(*by_way, strict=True))
        self._origins.update(zip(targets, zip(own_states, own_rows, strict=True), strict=True))
        if self.axis == 0:
            counts: Sequence[int] = list(map(sum, own_rows))
        else:
            counts = by_way[0]
            if by_way.count(counts) < ways:
                raise ValueError(f"parts that are stacked have the same shape, not {list(rows)} rows")
            whole = each(lambda array: _side_by_side(array, counts, ways), whole)
        self.send(0, targets, whole, counts)

    def backward(self, batch: Batch) -> None:
        origins = list(map(self._origins.pop, batch.states))
        states = [state for own, _ in origins for state in own]
        dy = batch.payload
        if dy is None or not self.wanted[0]:
            self.answer(0, states)
        elif self.axis == 0:
            self.answer(0, states, dy, [count for _, own in origins for count in own])
        elif max(batch.counts) == min(batch.counts) == 1:
            self.answer(0, states, each(lambda array: array.reshape(-1, *array.shape[2:]), dy), [1] * len(states))
        else:
            for way in range(len(origins[0][0])):
                own = [states[way] for states, _ in origins]
                self.answer(0, own, each(lambda array, way=way: array[:, way], dy), batch.counts)

    def remembered(self) -> Iterator[tuple[Direction, Message]]:
        for parts in self._partial.values():
            for state, number in filter(None, parts):
                yield FORWARD, (0, state, self._holder.look([number])[0])
        yield from ((BACKWARD, (0, target, entry)) for target, entry in self._origins.items())

    def drop(self, key: int) -> None:
        for target, parts in self._partial.items():
            if target[0] == key:
                self._holder.free([number for _, number in filter(None, parts)])
        super().drop(key)


def _side_by_side(rows: Any, counts: Sequence[int], ways: int) -> Any:
    """Groups, so many rows of each way after the other, as (rows, ways, ...)."""
    shape = rows.shape[1:]
    if min(counts) == 1 and len(rows) == ways * len(counts):
        return rows.reshape(-1, ways, *shape)
    groups = split(rows, [ways * count for count in counts])
    turned = [group.reshape(ways, count, *shape).swapaxes(0, 1) for group, count in zip(groups, counts, strict=True)]
    return np.concatenate(turned)
