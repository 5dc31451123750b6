"""Several messages to one: the join by state that losses share, and the nodes that merge payloads."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ampviz.compiling import compile_projection
from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.message import FORWARD
from ampviz.nodes.base import Host
from ampviz.nodes.batch import Batch, agreed
from ampviz.nodes.kept import Kept
from ampviz.nodes.payload import Payload
from ampviz.nodes.rendezvous import Meets
from ampviz.ports import PortType
from ampviz.state import Field, Fields, State, field_order


class Join(Meets):
    """Waits until every input has delivered a message with equal values of the fields `on`, then calls `joined`.

    Each input keeps its own state, so that its answer can carry it. Without `on`, all inputs carry the same fields and
    all of them must agree. Raises GraphError at trace time if an input lacks a field of `on`.
    """

    meets = FORWARD

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
        self._projections: list[Callable[[Iterable[State]], list[Any]]] = [
            compile_projection(names, given.fields) for given in inputs
        ]
        self._alike = all(given.fields == names for given in inputs)

    def forward(self, batch: Batch) -> None:
        states = batch.states
        wheres = states if self._alike else self._projections[batch.port](states)
        for parts in self._waiting.put(batch, wheres):
            self.joined(parts)

    def joined(self, parts: list[Batch]) -> None:
        """Process joined messages: those of every input, in port order, that belong together number by number."""
        raise NotImplementedError


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
        self._states: dict[State, tuple[State, ...]] = {}  # of the inputs, by that of the output
        self.saved = Kept()

    def joined(self, parts: list[Batch]) -> None:
        counts = agreed(parts)
        states = self._merged(parts)
        start = self.host.clock()
        merged, saved = self.merge([part.payload for part in parts])
        self.kernel_ns += self.host.clock() - start
        if saved is not None:
            self.saved.keep(states, counts, saved, 0)
        self.send(0, states, merged, counts)

    def _merged(self, parts: list[Batch]) -> Sequence[State]:
        """The states of the output; remembers those of the inputs, unless all are the same."""
        if self._alike:
            return parts[0].states
        columns = [part.states for part in parts]
        rows = list(zip(*columns, strict=True))
        picks = self._picks
        states = columns[0] if self._whole else [tuple([row[port][index] for port, index in picks]) for row in rows]
        self._states.update(zip(states, rows, strict=True))
        return states

    def backward(self, batch: Batch) -> None:
        states, dy = batch.states, batch.payload
        origins = None if self._alike else list(zip(*map(self._states.pop, states), strict=True))
        if dy is None:
            self.saved.drop(states)
            pieces: Sequence[Payload | None] = [None] * len(self.inputs)
        else:
            saved = self.saved.take(states)[0] if self.saved else None
            start = self.host.clock()
            pieces = self.cut(saved, dy)
            self.kernel_ns += self.host.clock() - start
        for port, piece in enumerate(pieces):
            own = states if origins is None else origins[port]
            if piece is None or not self.wanted[port]:
                self.answer(port, own)
            else:
                self.answer(port, own, piece, batch.counts)

    def merge(self, payloads: list[Payload]) -> tuple[Payload, Payload | None]:
        """The output, row by row of all inputs, and what `cut` needs of them."""
        raise NotImplementedError

    def cut(self, saved: Any, dy: Payload) -> Sequence[Payload | None]:
        """The gradient of each input, row by row."""
        raise NotImplementedError


class Concat(Merge):
    """Joins payloads (rows, size) side by side, features after features; backward cuts the gradient again."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        fields = self.merged_fields(self.take(inputs, len(inputs)))
        widths: list[int] = []
        for given in inputs:
            width = given.shape[-1] if len(given.shape) == 1 else None
            if width is None or given.dtype != inputs[0].dtype:
                expected = f"(rows, size) {inputs[0].dtype}, the size fixed"
                raise GraphError("an input does not fit", where=self.where, expected=expected, got=given)
            widths.append(width)
        self._cuts = [0, *np.cumsum(widths).tolist()]
        return (PortType(fields, (self._cuts[-1],), inputs[0].dtype),)

    def merge(self, payloads: list[Payload]) -> tuple[Payload, Any]:
        return np.concatenate(payloads, axis=1), None

    def cut(self, saved: Any, dy: Payload) -> Sequence[Payload | None]:
        return [dy[:, start:stop] for start, stop in itertools.pairwise(self._cuts)]


class Multiply(Merge):
    """The product of its inputs, element by element: payloads of one shape (rows, ...) float32."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        fields = self.merged_fields(self.take(inputs, 2))
        for given in inputs:
            if given.dtype != "float32" or not given.arrays[0].meets(inputs[0].arrays[0]):
                raise GraphError("an input does not fit", where=self.where, expected=inputs[0].arrays[0], got=given)
        return (PortType(fields, inputs[0].shape),)

    def merge(self, payloads: list[Payload]) -> tuple[Payload, Any]:
        a, b = payloads
        if a.shape != b.shape:
            raise ValueError(f"cannot multiply {a.shape} and {b.shape} element by element")
        return a * b, (a, b)

    def cut(self, saved: Any, dy: Payload) -> Sequence[Payload | None]:
        return [dy * factor if wanted else None for factor, wanted in zip(reversed(saved), self.wanted, strict=True)]
