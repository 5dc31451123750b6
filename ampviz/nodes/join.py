"""Nodes with several inputs or outputs: Concat, Split, Bcast, and the join by state that losses share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import Graph, PortType
from ampviz.message import Message
from ampviz.nodes.base import Host, Node
from ampviz.nodes.payload import Payload, add
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
        return len(self._partial)


class Concat(Join):
    """Joins payloads side by side, features after features; backward cuts the gradient again.

    The output state has the fields of all inputs; where inputs share a field outside `on`, the first input's value.
    """

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        if len(inputs) < 2:
            raise GraphError("needs at least two inputs", where=self.where, got=len(inputs))
        self.join_fields(inputs)
        widths: list[int] = []
        for given in inputs:
            width = given.shape[-1] if len(given.shape) == 1 else None
            if width is None or given.dtype != inputs[0].dtype:
                expected = f"(rows, size) {inputs[0].dtype}, the size fixed"
                raise GraphError("an input does not fit", where=self.where, expected=expected, got=given)
            widths.append(width)
        self._cuts = [0, *np.cumsum(widths).tolist()]
        fields = field_order(name for given in inputs for name in given.fields)
        self._picks = [
            next((port, given.fields.index(name)) for port, given in enumerate(inputs) if name in given.fields)
            for name in fields
        ]
        self._whole = next((port for port, given in enumerate(inputs) if given.fields == fields and port == 0), None)
        return (PortType(fields, (self._cuts[-1],), inputs[0].dtype),)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._states: dict[State, list[State]] = {}

    def joined(self, complete: list[list[Part]]) -> None:
        for parts in complete:
            states = [part[0] for part in parts]
            if self._whole is not None:
                state = states[self._whole]
            else:
                state = tuple([states[port][index] for port, index in self._picks])
            self._states[state] = states
            self.send(0, state, np.concatenate([part[1] for part in parts], axis=1))

    def backward(self, batch: Sequence[Message]) -> None:
        cuts = self._cuts
        for _, state, dy in batch:
            for port, own in enumerate(self._states.pop(state)):
                piece = None
                if dy is not None and self.wanted[port]:
                    piece = dy[:, cuts[port] : cuts[port + 1]]
                self.answer(port, own, piece)

    def cached(self) -> int:
        return super().cached() + len(self._states)


class Gather(Node):
    """One input, several outputs with the same state: backward waits for all of them, then calls `gathered`."""

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._waiting: dict[State, list[Any]] = {}  # outputs still out, then the gradient of each

    def backward(self, batch: Sequence[Message]) -> None:
        waiting, ways = self._waiting, len(self.outputs)
        for port, state, payload in batch:
            entry = waiting.get(state)
            if entry is None:
                entry = waiting[state] = [ways, *([None] * ways)]
            entry[port + 1] = payload
            entry[0] -= 1
            if not entry[0]:
                del waiting[state]
                self.answer(0, state, self.gathered(entry[1:]))

    def gathered(self, gradients: list[Payload | None]) -> Payload | None:
        """The gradient of the input, from those of all outputs."""
        raise NotImplementedError

    def cached(self) -> int:
        return len(self._waiting)


class Bcast(Gather):
    """The same message to several successors; their gradients are summed. Put in wherever a port is used twice."""

    def __init__(self, ways: int, *, name: str = ""):
        super().__init__(name)
        self.ways = ways

    def note(self) -> str:
        return f"x{self.ways}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        return (x,) * self.ways

    def forward(self, batch: Sequence[Message]) -> None:
        for _, state, payload in batch:
            for port in range(self.ways):
                self.send(port, state, payload)

    def gathered(self, gradients: list[Payload | None]) -> Payload | None:
        total: Payload | None = None
        for gradient in gradients:
            total = add(total, gradient)
        return total


class Split(Gather):
    """Cuts the features into consecutive parts of these sizes, one output each; backward joins their gradients."""

    def __init__(self, *sizes: int, name: str = ""):
        super().__init__(name)
        self.sizes = sizes

    def note(self) -> str:
        return " | ".join(str(size) for size in self.sizes)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if x.shape != (sum(self.sizes),) or len(self.sizes) < 2:
            raise GraphError("the sizes do not add up", where=self.where, expected=f"(rows, {sum(self.sizes)})", got=x)
        self._cuts = [0, *np.cumsum(self.sizes).tolist()]
        return tuple(PortType(x.fields, (size,), x.dtype) for size in self.sizes)

    def forward(self, batch: Sequence[Message]) -> None:
        cuts = self._cuts
        for _, state, x in batch:
            for port in range(len(self.sizes)):
                self.send(port, state, x[:, cuts[port] : cuts[port + 1]])

    def gathered(self, gradients: list[Payload | None]) -> Payload | None:
        known = next((gradient for gradient in gradients if gradient is not None), None)
        if known is None:
            return None
        filled = [
            np.zeros((len(known), size), known.dtype) if gradient is None else gradient
            for gradient, size in zip(gradients, self.sizes, strict=True)
        ]
        return np.concatenate(filled, axis=1)
