"""One message to many: Ungroup cuts a matrix into messages (paper, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import repeat
from typing import Any

import numpy as np

from ampviz.compiling import compile_assignments, compile_expression
from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.holder import Holder
from ampviz.nodes.payload import Payload, each, gather, row_count, stack
from ampviz.ports import ArrayType, PortType
from ampviz.state import Expression, Field, State, field_order, lift


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
        self._waiting: dict[State, _Pieces] = {}
        self._holder = Holder()

    def forward(self, batch: Batch) -> None:
        states: list[State] = []
        payloads, counts = [], []
        for number, state in enumerate(batch.states):
            x = gather([batch.place(number)])
            own = self._numbered(state, x)
            if not own:
                self.answer(0, (state,))
                continue
            states += own
            payloads.append(x if self.axis == 0 else each(_piece_after_piece, x))
            counts += [1 if self.axis == 0 else row_count(x)] * len(own)
        if states:
            self.send(0, states, batch.payload if self.axis == 0 else stack(payloads), counts)

    def _numbered(self, state: State, x: Payload) -> list[State]:
        """The states of the pieces of a message, which from now on wait for their gradients."""
        tables = self.host.tables(state[0]) if self._reads_tables else None
        shape = x[0].shape if type(x) is tuple else x.shape
        pieces, at = shape[self.axis], self._position
        if self._count is not None and self._count(state, tables) != pieces:
            raise ValueError(f"expected {self.count} = {self._count(state, tables)} pieces, got {shape}")
        ids = range(pieces) if self._ids is None else self._ids(state, tables)
        if len(ids) != pieces:
            raise ValueError(f"{self.ids} has {len(ids)} entries for {pieces} pieces")
        if pieces:
            number_of = ids if self._ids is None else dict(zip(ids, range(pieces), strict=True))
            if len(number_of) != pieces:
                raise ValueError(f"{self.ids} holds a value twice: {list(ids)}")
            self._waiting[state] = _Pieces(number_of)
        return list(zip(*map(repeat, state[:at]), ids, *map(repeat, state[at:])))  # noqa: B905 # the rest of the state for all

    def backward(self, batch: Batch) -> None:
        at, live = self._position, batch.payload is not None and self.wanted[0]
        bases = self._base(self.with_tables(batch.states, False))
        if live:
            numbers = self._holder.put(batch.payload, batch.counts)
            for base, state, number in zip(bases, batch.states, numbers, strict=True):
                pieces = self._waiting[base]
                pieces.parts[pieces.number_of[state[at]]] = number
        for base in bases:
            pieces = self._waiting[base]
            pieces.out -= 1
            if not pieces.out:
                del self._waiting[base]
                self._assembled(base, pieces.parts)

    def _assembled(self, base: State, parts: list[int | None]) -> None:
        live = [part for part in parts if part is not None]
        if not live:
            self.answer(0, (base,))
            return
        if len(live) < len(parts):
            rows, counts = self._holder.look(live[:1])
            zeros = each(np.zeros_like, rows)
            live = [self._holder.put(zeros, counts)[0] if part is None else part for part in parts]
        whole, _ = self._holder.take(live)
        if self.axis:
            whole = each(lambda array: np.stack(np.split(array, len(parts)), axis=1), whole)
        self.answer(0, (base,), whole, (row_count(whole),))

    def drop(self, key: int) -> None:
        for base, pieces in self._waiting.items():
            if base[0] == key:
                self._holder.free([part for part in pieces.parts if part is not None])
        super().drop(key)


class _Pieces:
    """What came back of the pieces of one message: the gradient of each, and how many are still out."""

    __slots__ = ("number_of", "out", "parts")

    def __init__(self, number_of: Mapping[int, int] | range):
        self.number_of, self.out = number_of, len(number_of)
        self.parts: list[int | None] = [None] * self.out


def _piece_after_piece(x: Any) -> Any:
    """(rows, n, ...) as (n rows, ...): the rows of each element of axis 1 together."""
    return np.moveaxis(x, 1, 0).reshape(-1, *x.shape[2:])
