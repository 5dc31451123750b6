"""Many messages to one: Group puts them together, the reverse of Ungroup (paper, section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from ampviz.compiling import compile_assignments_and, compile_expression
from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import FORWARD, Direction, Message
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.holder import Holder
from ampviz.nodes.payload import Payload, each, split
from ampviz.ports import ArrayType, PortType
from ampviz.state import Assign, Expression, Field, State, field_order, lift

Part = tuple[State, int, int]
"""A message: its state, its number in the holder, and how many rows it has"""


class Groups(Node):
    """A node in which messages wait until their group is complete; `grouped` gets it as one message, in order.

    What forms a group, and how it is put together, is said at Group. Raises ValueError for a part that came twice or is
    out of range, and for parts of different rows that are to be stacked.
    """

    changes_state = True
    keeps: ClassVar[tuple[str, ...]] = ("_origins",)

    def group_by(self, by: Field | Assign, count: Expression | int, order: Expression | None, axis: int) -> None:
        """What makes a group; for `__init__` of subclasses. Raises GraphError for an assignment without an order."""
        self.by, self.count, self.axis = by, lift(count), axis
        if order is None and not isinstance(by, Field):
            raise GraphError(f"{self.kind} by an assignment needs an order", hint="order=T.side[S.node], say")
        self.order: Expression = order if order is not None else by  # type: ignore[assignment] # a Field, by the check above

    def infer_groups(self, x: PortType) -> PortType:
        """What a group of such messages is; for `infer` of subclasses. Raises GraphError for a field that `x` lacks."""
        if isinstance(self.by, Field):
            if self.by.name not in x.fields:
                raise GraphError(f"the state has no field {self.by.name}", where=self.where, got=x)
            fields, changes = tuple(name for name in x.fields if name != self.by.name), []
        else:
            fields, changes = field_order([*x.fields, self.by.field]), [self.by]
        self._places = compile_assignments_and([self.order, self.count], changes, x.fields, fields)
        read = [self.order, self.count, *(change.value for change in changes)]
        self._reads_tables = any(expression.tables() for expression in read)
        self._ways = self._fixed_count()
        stacked = () if self.axis == 0 else (self._ways,)
        return PortType.of(fields, [ArrayType((*stacked, *array.shape), array.dtype) for array in x.arrays])

    def _fixed_count(self) -> int | None:
        return None if self.count.fields() or self.count.tables() else int(compile_expression(self.count, ())((), None))

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._partial: dict[State, list[Part | None]] = {}
        self._holder = Holder()
        self._origins: dict[State, list[Part]] = {}  # of groups that were handed over

    def forward(self, batch: Batch) -> None:
        partial, places = self._partial, self._places(self.with_tables(batch.states, self._reads_tables))
        numbers = self._holder.put(batch.payload, batch.counts)
        complete: list[State] = []
        arrived = zip(batch.states, numbers, batch.counts, strict=True)
        for part, (target, order, ways) in zip(arrived, places, strict=True):
            parts = partial.get(target)
            if parts is None:
                parts = partial[target] = [None] * ways
            if not 0 <= order < len(parts) or parts[order] is not None:
                raise ValueError(f"part {order} of group {target} is out of range or came twice")
            parts[order] = part
            if None not in parts:
                complete.append(target)
        for targets in self._alike(complete):
            self._put_together(targets)

    def _alike(self, targets: list[State]) -> Iterable[list[State]]:
        """Complete groups, those together that become one batch: of equally many parts of one kind."""
        if self.uniform and self._ways is not None:
            return [targets] if targets else []
        alike: dict[object, list[State]] = {}
        for target in targets:
            alike.setdefault(len(self._partial[target]) if self.uniform else target, []).append(target)
        return alike.values()

    def _put_together(self, targets: list[State]) -> None:
        """Hand over whole groups of equally many parts."""
        groups: list[list[Part]] = list(map(self._partial.pop, targets))  # type: ignore[arg-type] # no part is missing
        self._origins.update(zip(targets, groups, strict=True))
        ways = len(groups[0])
        whole, rows = self._holder.take([number for parts in groups for _, number, _ in parts])
        by_way = [rows[way::ways] for way in range(ways)]
        if self.axis == 0:
            counts: Sequence[int] = list(map(sum, zip(*by_way, strict=True)))
        else:
            counts = by_way[0]
            if by_way.count(counts) < ways:
                raise ValueError(f"parts that are stacked have the same shape, not {list(rows)} rows")
            whole = each(lambda array: _side_by_side(array, counts, ways), whole)
        self.grouped(targets, whole, counts)

    def grouped(self, targets: Sequence[State], whole: Payload, counts: Sequence[int]) -> None:
        """Process complete groups: their states, the rows of all of them, and how many each has."""
        raise NotImplementedError

    def answer_parts(self, targets: Sequence[State], dy: Payload | None = None, counts: Sequence[int] = ()) -> None:
        """Answer the messages of these groups with their parts of the gradient, or that there is none."""
        groups = list(map(self._origins.pop, targets))
        states = [state for parts in groups for state, _, _ in parts]
        if dy is None or not self.wanted[0]:
            self.answer(0, states)
        elif self.axis == 0:
            self.answer(0, states, dy, [count for parts in groups for _, _, count in parts])
        elif max(counts) == min(counts) == 1:
            self.answer(0, states, each(lambda array: array.reshape(-1, *array.shape[2:]), dy), [1] * len(states))
        else:
            for way in range(len(groups[0])):
                own = [parts[way][0] for parts in groups]
                self.answer(0, own, each(lambda array, way=way: array[:, way], dy), counts)

    def cached(self) -> int:
        return super().cached() + len(self._partial)

    def remembered(self) -> Iterator[tuple[Direction, Message]]:
        for parts in self._partial.values():
            for state, number, _ in filter(None, parts):
                yield FORWARD, (0, state, self._holder.look([number])[0])
        yield from super().remembered()

    def drop(self, key: int) -> None:
        super().drop(key)
        for target in [target for target in self._partial if target[0] == key]:
            self._holder.free([number for _, number, _ in filter(None, self._partial.pop(target))])


class Group(Groups):
    """Puts `count` messages together into one, in order: the reverse of Ungroup.

    `by` is a field, which the result drops (its values order the parts), or an assignment such as
    `S.node.to(T.parent[S.node])`: messages that are equal after it form a group, ordered by `order` (0 .. count-1).
    axis 0 puts rows after rows; axis 1 stacks parts of equal rows to (rows, count, ...). Tuples are put together
    array by array.
    """

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
        self.group_by(by, count, order, axis)

    def note(self) -> str:
        return f"{self.by}, {self.count} along axis {self.axis}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        return (self.infer_groups(x),)

    def grouped(self, targets: Sequence[State], whole: Payload, counts: Sequence[int]) -> None:
        self.send(0, targets, whole, counts)

    def backward(self, batch: Batch) -> None:
        self.answer_parts(batch.states, batch.payload, batch.counts)


def _side_by_side(rows: Any, counts: Sequence[int], ways: int) -> Any:
    """Groups, so many rows of each way after the other, as (rows, ways, ...)."""
    shape = rows.shape[1:]
    if min(counts) == 1 and len(rows) == ways * len(counts):
        return rows.reshape(-1, ways, *shape)
    groups = split(rows, [ways * count for count in counts])
    turned = [group.reshape(ways, count, *shape).swapaxes(0, 1) for group, count in zip(groups, counts, strict=True)]
    return np.concatenate(turned)
