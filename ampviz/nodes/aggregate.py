"""One message to many and back: Ungroup cuts a matrix into messages, Group puts them together (paper, section 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import BACKWARD, FORWARD, Direction, Message
from ampviz.nodes.base import Host, Node
from ampviz.nodes.payload import Payload, each, row_count, stack
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


class Ungroup(Node):
    """Cuts a payload into one message per element of `axis`, numbered by a new state field.

    axis 0: (rows, ...) becomes `rows` messages (1, ...). axis 1: (rows, n, ...) becomes n messages (rows, ...).
    `count`, where given, is what the number of pieces must be. `ids` gives the values of the new field instead of
    0, 1, ...: a table such as `T.leaves`. Backward waits for all pieces; those without a gradient count as zeros.
    Of a tuple every array is cut, along the same axis and into as many pieces.
    """

    changes_state = True
    keeps = ("_waiting",)

    def __init__(
        self,
        field: Field,
        *,
        count: Expression | int | None = None,
        ids: Expression | None = None,
        axis: int = 0,
        name: str = "",
    ):
        super().__init__(name)
        self.field, self.axis, self.ids = field.name, axis, ids
        self.count = None if count is None else lift(count)

    def note(self) -> str:
        return f"{self.field}, axis {self.axis}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        cut = {array.shape[:1] if self.axis else None for array in x.arrays}
        if self.axis not in (0, 1) or () in cut or len(cut) > 1:
            raise GraphError("cannot cut along this axis", where=self.where, expected="axis 0, or 1 of a matrix", got=x)
        if self.field in x.fields:
            raise GraphError(f"the state has a field {self.field} already", where=self.where, got=x)
        fields = field_order([*x.fields, self.field])
        self._position = fields.index(self.field)
        self._base = compile_assignments([], fields, x.fields)
        self._count = None if self.count is None else compile_expression(self.count, x.fields)
        self._ids = None if self.ids is None else compile_expression(self.ids, x.fields)
        self._reads_tables = any(read is not None and read.tables() for read in (self.count, self.ids))
        return (PortType.of(fields, [ArrayType(array.shape[self.axis :], array.dtype) for array in x.arrays]),)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._waiting: dict[State, tuple[dict[int, int], list[Payload | None], list[int]]] = {}

    def forward(self, batch: Sequence[Message]) -> None:
        at = self._position
        for _, state, payload in batch:
            tables = self.host.tables(state[0]) if self._reads_tables else None
            shape = payload[0].shape if type(payload) is tuple else payload.shape
            pieces = shape[self.axis]
            if self._count is not None and self._count(state, tables) != pieces:
                raise ValueError(f"expected {self.count} = {self._count(state, tables)} pieces, got {shape}")
            ids = range(pieces) if self._ids is None else self._ids(state, tables)
            if len(ids) != pieces:
                raise ValueError(f"{self.ids} has {len(ids)} entries for {pieces} pieces")
            if not pieces:
                self.answer(0, state, None)
                continue
            places = {value: index for index, value in enumerate(ids)}
            if len(places) != pieces:
                raise ValueError(f"{self.ids} holds a value twice: {list(ids)}")
            self._waiting[state] = (places, [None] * pieces, [pieces])
            states = [(*state[:at], value, *state[at:]) for value in ids]
            if self.axis == 0:
                self.send_rows(0, states, payload, [1] * pieces)
            else:
                self.send_all(0, states, _cut(payload, 1))

    def backward(self, batch: Sequence[Message]) -> None:
        for _, state, dy in batch:
            base = self._base(state, None)
            index, gradients, left = self._waiting[base]
            gradients[index[state[self._position]]] = dy
            left[0] -= 1
            if not left[0]:
                del self._waiting[base]
                self.answer(0, base, self._assembled(gradients) if self.wanted[0] else None)

    def _assembled(self, gradients: list[Payload | None]) -> Payload | None:
        known = next((gradient for gradient in gradients if gradient is not None), None)
        if known is None:
            return None
        return _put_together(
            [each(np.zeros_like, known) if gradient is None else gradient for gradient in gradients], self.axis
        )


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
        self.uniform = x.fixed
        stacked = () if self.axis == 0 else (self._fixed_count(),)
        return (PortType.of(fields, [ArrayType((*stacked, *array.shape), array.dtype) for array in x.arrays]),)

    def _fixed_count(self) -> int | None:
        return None if self.count.fields() or self.count.tables() else int(self._count((), None))

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._partial: dict[State, tuple[list[Any], list[int]]] = {}
        self._origins: dict[State, tuple[list[State], list[int]]] = {}

    def forward(self, batch: Sequence[Message]) -> None:
        complete: dict[int, list[tuple[State, list[Any]]]] = {}  # groups by number of parts
        for _, state, payload in batch:
            tables = self.host.tables(state[0]) if self._reads_tables else None
            target, order = self._target(state, tables), self._order(state, tables)
            entry = self._partial.get(target)
            if entry is None:
                count = self._count(state, tables)
                entry = self._partial[target] = ([None] * count, [count])
            parts, left = entry
            if not 0 <= order < len(parts) or parts[order] is not None:
                raise ValueError(f"part {order} of group {target} is out of range or came twice")
            parts[order] = (state, payload)
            left[0] -= 1
            if not left[0]:
                del self._partial[target]
                complete.setdefault(len(parts), []).append((target, parts))
        for groups in complete.values():
            self._put_together(groups)

    def _put_together(self, groups: list[tuple[State, list[Any]]]) -> None:
        """Send whole groups of equally many parts on."""
        targets, counts = [], []
        for target, parts in groups:
            rows = [row_count(payload) for _, payload in parts]
            if self.axis == 1 and len(set(rows)) > 1:
                raise ValueError(f"parts that are stacked have the same shape, not {rows} rows")
            self._origins[target] = ([state for state, _ in parts], rows)
            targets.append(target)
            counts.append(sum(rows) if self.axis == 0 else rows[0])
        if self.axis == 0:
            whole = stack([payload for _, parts in groups for _, payload in parts])
        else:
            ways = range(len(groups[0][1]))
            whole = each(_side_by_side, *[stack([parts[way][1] for _, parts in groups]) for way in ways])
        self.send_rows(0, targets, whole, counts)

    def backward(self, batch: Sequence[Message]) -> None:
        for _, target, dy in batch:
            states, counts = self._origins.pop(target)
            if dy is None or not self.wanted[0]:
                self.answer_all(0, states, [None] * len(states))
            elif self.axis == 0:
                self.answer_rows(0, states, dy, counts)
            else:
                self.answer_all(0, states, _cut(dy, 1))

    def remembered(self) -> Iterator[tuple[Direction, Message]]:
        for parts, _ in self._partial.values():
            yield from ((FORWARD, (0, *part)) for part in parts if part is not None)
        yield from ((BACKWARD, (0, target, entry)) for target, entry in self._origins.items())


def _cut(payload: Payload, axis: int) -> list[Payload]:
    """The elements of `axis` one by one: (1, ...) of axis 0, (rows, ...) of axis 1; views."""
    if type(payload) is tuple:
        return list(zip(*(_cut(array, axis) for array in payload), strict=True))
    if axis == 0:
        return [payload[index : index + 1] for index in range(len(payload))]
    return [payload[:, index] for index in range(payload.shape[1])]


def _put_together(payloads: Sequence[Payload], axis: int) -> Payload:
    """Rows after rows, or along a new axis 1: the reverse of `_cut`."""
    return stack(payloads) if axis == 0 else each(_side_by_side, *payloads)


def _side_by_side(*arrays: Any) -> Any:
    """Arrays (rows, ...) as (rows, count, ...): np.stack at a third of its cost for a few small ones."""
    first = arrays[0]
    stacked = np.empty((len(first), len(arrays), *first.shape[1:]), first.dtype)
    for index, array in enumerate(arrays):
        if array.shape != first.shape:
            raise ValueError(f"parts that are stacked have the same shape, not {first.shape} and {array.shape}")
        stacked[:, index] = array
    return stacked
