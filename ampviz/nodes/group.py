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
    compile_assignments,
    compile_expression,
    compile_projection,
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
            fields = tuple(name for name in x.fields if name != self.by.name)
            project = compile_projection(fields, x.fields)
            self._target: Any = (lambda s, _: (project(s),)) if len(fields) == 1 else (lambda s, _: project(s))
        else:
            fields = field_order([*x.fields, self.by.field])
            self._target = compile_assignments([self.by], x.fields, fields)
        self._order = compile_expression(self.order, x.fields)
        self._count = compile_expression(self.count, x.fields)
        read = (
            self.order.tables()
            | self.count.tables()
            | (self.by.value.tables() if isinstance(self.by, Assign) else set())
        )
        self._reads_tables = bool(read)
        stacked = () if self.axis == 0 else (self._fixed_count(),)
        return (PortType.of(fields, [ArrayType((*stacked, *array.shape), array.dtype) for array in x.arrays]),)

    def _fixed_count(self) -> int | None:
        return None if self.count.fields() or self.count.tables() else int(self._count((), None))

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._partial: dict[State, list[Part | None]] = {}
        self._holder = Holder()
        self._origins: dict[State, tuple[tuple[State, ...], tuple[int, ...]]] = {}

    def forward(self, batch: Batch) -> None:
        complete: dict[object, list[tuple[State, list[Part]]]] = {}  # groups by number of parts
        tables = None
        for part in zip(batch.states, self._holder.put(batch.payload, batch.counts), strict=True):
            state = part[0]
            if self._reads_tables:
                tables = self.host.tables(state[0])
            target, order = self._target(state, tables), self._order(state, tables)
            parts = self._partial.get(target)
            if parts is None:
                parts = self._partial[target] = [None] * self._count(state, tables)
            if not 0 <= order < len(parts) or parts[order] is not None:
                raise ValueError(f"part {order} of group {target} is out of range or came twice")
            parts[order] = part
            if None not in parts:
                del self._partial[target]
                complete.setdefault(len(parts) if self.uniform else target, []).append((target, parts))  # type: ignore[arg-type] # no part is None any more
        for groups in complete.values():
            self._put_together(groups)

    def _put_together(self, groups: list[tuple[State, list[Part]]]) -> None:
        """Send whole groups of equally many parts on."""
        targets, ways = [target for target, _ in groups], len(groups[0][1])
        parts = [part for _, group in groups for part in group]
        states, (whole, rows) = [state for state, _ in parts], self._holder.take([number for _, number in parts])
        own_states, own_rows = (list(zip(*[iter(flat)] * ways, strict=True)) for flat in (states, rows))
        self._origins.update(zip(targets, zip(own_states, own_rows, strict=True), strict=True))
        if self.axis == 0:
            counts = list(map(sum, own_rows))
        else:
            counts = [own[0] for own in own_rows]
            if list(rows) != [count for count in counts for _ in range(ways)]:
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
    if min(counts) == max(counts):
        return rows.reshape(len(counts), ways, counts[0], *shape).swapaxes(1, 2).reshape(-1, ways, *shape)
    groups = split(rows, [ways * count for count in counts])
    return np.concatenate(
        [group.reshape(ways, count, *shape).swapaxes(0, 1) for group, count in zip(groups, counts, strict=True)]
    )
