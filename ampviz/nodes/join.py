"""Several messages to one: the join by state that losses share, and the nodes that merge payloads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import FORWARD, Direction, Message
from ampviz.nodes.base import Host, Node
from ampviz.nodes.kept import Kept
from ampviz.nodes.payload import Payload, row_count, stack
from ampviz.ports import PortType
from ampviz.state import Field, Fields, State, compile_projection, field_order

Part = tuple[State, Payload]


class Join(Node):
    """Waits until every input has delivered a message with equal values of the fields `on`, then calls `joined`.

    Each input keeps its own state, so that its answer can carry it. Without `on`, all inputs carry the same fields and
    all of them must agree. Raises GraphError at trace time if an input lacks a field of `on`.
    """

    def __init__(self, *, on: Field | Sequence[Field] | None = None, name: str = ""):
        super().__init__(name)
        self.on = None if on is None else tuple(f.name for f in ([on] if isinstance(on, Field) else on))

    def note(self) -> str:
        return "" if self.on is None else f"on {', '.join(self.on)}"

    def join_fields(self, inputs: Sequence[PortType]) -> None:
        """Work out what to join on; for `infer` of subclasses."""
        names: Fields = inputs[0].fields if self.on is None else self.on
        for position, given in enumerate(inputs):
            lacking = [name for name in names if name not in given.fields]
            if lacking or (self.on is None and given.fields != names):
                raise GraphError(
                    f"input {position} cannot be joined on {', '.join(names)}",
                    where=self.where,
                    expected="{" + ", ".join(names) + "}",
                    got="{" + ", ".join(given.fields) + "}",
                    hint="name the fields all inputs share: on=(S.key, ...)",
                )
        self._projections: list[Callable[[State], Any]] = [compile_projection(names, given.fields) for given in inputs]

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._partial: dict[Any, list[Part | None]] = {}

    def forward(self, batch: Sequence[Message]) -> None:
        partial, projections = self._partial, self._projections
        complete: list[list[Part]] = []
        for port, state, payload in batch:
            where = projections[port](state)
            parts = partial.get(where)
            if parts is None:
                parts = partial[where] = [None] * len(projections)
            elif parts[port] is not None:
                raise ValueError(f"input {port} delivered state {state} twice before the other inputs came")
            parts[port] = (state, payload)
            if None not in parts:
                complete.append(partial.pop(where))  # type: ignore[arg-type] # no part is None any more
        if complete:
            self.joined(complete)

    def joined(self, complete: list[list[Part]]) -> None:
        """Process joined messages: for each, the (state, payload) of every input in port order."""
        raise NotImplementedError

    def cached(self) -> int:
        return super().cached() + len(self._partial)

    def remembered(self) -> Iterator[tuple[Direction, Message]]:
        for parts in self._partial.values():
            yield from ((FORWARD, (port, *part)) for port, part in enumerate(parts) if part is not None)
        yield from super().remembered()

    def drop(self, key: int) -> None:
        super().drop(key)
        for where, parts in list(self._partial.items()):
            if any(part is not None and part[0][0] == key for part in parts):
                del self._partial[where]


class Merge(Join):
    """A join that gives one message: `merge` of the payloads forward, `cut` of the gradient backward.

    The output state has the fields of all inputs; where inputs share a field outside `on`, the first input's value.
    """

    keeps = ("_states", "saved")

    def merged_fields(self, inputs: Sequence[PortType]) -> Fields:
        """The fields of the output; for `infer` of subclasses, which need at least two inputs."""
        if len(inputs) < 2:
            raise GraphError("needs at least two inputs", where=self.where, got=len(inputs))
        self.join_fields(inputs)
        fields = field_order(name for given in inputs for name in given.fields)
        self._picks = [
            next((port, given.fields.index(name)) for port, given in enumerate(inputs) if name in given.fields)
            for name in fields
        ]
        self._whole = inputs[0].fields == fields
        return fields

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._states: dict[State, list[State]] = {}  # of the inputs, by that of the output
        self.saved = Kept()

    def joined(self, complete: list[list[Part]]) -> None:
        picks, states = self._picks, []
        for parts in complete:
            own = [part[0] for part in parts]
            state = own[0] if self._whole else tuple([own[port][index] for port, index in picks])
            self._states[state] = own
            states.append(state)
        payloads = [[parts[port][1] for parts in complete] for port in range(len(self.inputs))]
        counts = [row_count(payload) for payload in payloads[0]]
        for others in payloads[1:]:
            if [row_count(payload) for payload in others] != counts:
                raise ValueError(
                    f"joined messages differ in rows: {counts} and {[row_count(other) for other in others]}"
                )
        start = self.host.clock()
        merged, saved = self.merge([stack(column) for column in payloads])
        self.kernel_ns += self.host.clock() - start
        if saved is not None:
            self.saved.keep(states, counts, saved, 0)
        self.send_rows(0, states, merged, counts)

    def backward(self, batch: Sequence[Message]) -> None:
        live = [message for message in batch if message[2] is not None]
        silent = [message[1] for message in batch if message[2] is None]
        for state in silent:
            self.saved.drop(state)
        if silent:
            self._answer(silent, [None] * len(self.inputs), [])
        if live:
            self._cut_back([message[1] for message in live], [message[2] for message in live])

    def _cut_back(self, states: Sequence[State], gradients: Sequence[Payload]) -> None:
        saved = None
        if self.saved:
            order, saved, _ = self.saved.take(states)
            states, gradients = [states[at] for at in order], [gradients[at] for at in order]
        start = self.host.clock()
        pieces = self.cut(saved, stack(gradients))
        self.kernel_ns += self.host.clock() - start
        self._answer(states, pieces, [row_count(gradient) for gradient in gradients])

    def _answer(self, states: Sequence[State], pieces: Sequence[Payload | None], counts: Sequence[int]) -> None:
        origins = [self._states.pop(state) for state in states]
        for port, piece in enumerate(pieces):
            own = [origin[port] for origin in origins]
            if piece is None or not self.wanted[port]:
                self.answer_all(port, own, [None] * len(own))
            else:
                self.answer_rows(port, own, piece, counts)

    def merge(self, payloads: list[Payload]) -> tuple[Payload, Payload | None]:
        """The output, row by row of all inputs, and what `cut` needs of them."""
        raise NotImplementedError

    def cut(self, saved: Any, dy: Payload) -> Sequence[Payload | None]:
        """The gradient of each input, row by row."""
        raise NotImplementedError


class Concat(Merge):
    """Joins payloads side by side, features after features; backward cuts the gradient again.

    The arrays of a tuple stand one after the other: Concat of x and a cell's (h, c) gives the rows (x | h | c).
    """

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        fields = self.merged_fields(inputs)
        widths: list[int] = []
        for given in inputs:
            for array in given.arrays:
                width = array.shape[-1] if len(array.shape) == 1 else None
                if width is None or array.dtype != inputs[0].dtype:
                    expected = f"(rows, size) {inputs[0].dtype}, the size fixed"
                    raise GraphError("an input does not fit", where=self.where, expected=expected, got=given)
                widths.append(width)
        self._cuts = [0, *np.cumsum(widths).tolist()]
        self._arrays = [len(given.arrays) for given in inputs]
        self._plain = max(self._arrays) == 1
        return (PortType(fields, (self._cuts[-1],), inputs[0].dtype),)

    def merge(self, payloads: list[Payload]) -> tuple[Payload, Any]:
        if not self._plain:
            payloads = [array for payload in payloads for array in (payload if type(payload) is tuple else (payload,))]
        return np.concatenate(payloads, axis=1), None

    def cut(self, saved: Any, dy: Payload) -> Sequence[Payload | None]:
        pieces: list[Payload] = [dy[:, start:stop] for start, stop in itertools.pairwise(self._cuts)]
        if self._plain:
            return pieces
        rest = iter(pieces)
        return [next(rest) if count == 1 else tuple(itertools.islice(rest, count)) for count in self._arrays]


class Multiply(Merge):
    """The product of its inputs, element by element: payloads of one shape (rows, ...) float32."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        fields = self.merged_fields(self.take(inputs, 2))
        for given in inputs:
            if given.dtype != "float32" or not given.arrays[0].meets(inputs[0].arrays[0]):
                raise GraphError("an input does not fit", where=self.where, expected=inputs[0].arrays[0], got=given)
        self.uniform = all(given.fixed for given in inputs)
        return (PortType(fields, inputs[0].shape),)

    def merge(self, payloads: list[Payload]) -> tuple[Payload, Any]:
        a, b = payloads
        if a.shape != b.shape:
            raise ValueError(f"cannot multiply {a.shape} and {b.shape} element by element")
        return a * b, (a, b)

    def cut(self, saved: Any, dy: Payload) -> Sequence[Payload | None]:
        return [dy * factor if wanted else None for factor, wanted in zip(reversed(saved), self.wanted, strict=True)]
