"""Control flow by state: where messages go and how their state changes. Payloads pass through untouched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ampviz.errors import GraphError
from ampviz.graph import Graph, Port
from ampviz.message import Message
from ampviz.nodes.base import Host, Node, columns
from ampviz.nodes.sender import send_by_port
from ampviz.ports import PortType
from ampviz.state import (
    Assign,
    Expression,
    State,
    compile_assignments,
    compile_expression,
    field_order,
    lift,
)


class Cond(Node):
    """Sends each message to the successor that its state chooses (paper, section 3).

    With two ways, output 0 is for true and output 1 for false; with more, the expression is the output's number.
    The gradient goes straight back.
    """

    is_exit = True

    def __init__(self, choose: Expression, *, ways: int = 2, name: str = ""):
        super().__init__(name)
        self.choose, self.ways = choose, ways

    def note(self) -> str:
        return str(self.choose)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        choose = compile_expression(self.choose, x.fields)
        if self.ways == 2:
            self._choose: Callable[[State, Any], int] = lambda state, tables: 0 if choose(state, tables) else 1
        else:
            self._choose = choose
        return (x,) * self.ways

    def forward(self, batch: Sequence[Message]) -> None:
        choose = self._choose
        tables = self.host.tables if self.choose.tables() else None
        if len(batch) == 1:
            ((_, state, payload),) = batch
            self.send(choose(state, tables(state[0]) if tables else None), state, payload)
            return
        _, states, payloads = columns(batch)
        ways = [choose(state, tables(state[0]) if tables else None) for state in states]
        send_by_port(self.send_all, ways, states, payloads)

    def backward(self, batch: Sequence[Message]) -> None:
        if len(batch) == 1:
            self.answer(0, batch[0][1], batch[0][2])
            return
        _, states, payloads = columns(batch)
        self.answer_all(0, states, payloads)


class Phi(Node):
    """Passes on what comes from any ancestor; the gradient goes to the ancestor it came from (paper, section 3).

    `phi(a, b)` joins paths; `port.also(c)` adds one later, which closes a loop.
    """

    many_ancestors = True
    keeps = ("_origin",)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        if not inputs:
            raise GraphError("needs an ancestor", where=self.where)
        for other in inputs[1:]:
            if not other.meets(inputs[0]):
                raise GraphError("ancestors differ", where=self.where, expected=inputs[0], got=other)
        return (inputs[0],)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._origin: dict[State, int] = {}

    def forward(self, batch: Sequence[Message]) -> None:
        origin = self._origin
        ports, states, payloads = columns(batch)
        for port, state in zip(ports, states, strict=True):
            if state in origin:
                raise ValueError(
                    f"state {state} is already on its way: two ancestors sent it, or a loop did not change it"
                )
            origin[state] = port
        self.send_all(0, states, payloads)

    def backward(self, batch: Sequence[Message]) -> None:
        pop = self._origin.pop
        if len(batch) == 1:
            ((_, state, payload),) = batch
            self.answer(pop(state), state, payload)
            return
        _, states, payloads = columns(batch)
        send_by_port(self.answer_all, [pop(state) for state in states], states, payloads)


class Isu(Node):
    """Changes the state by invertible assignments, and undoes them on the way back (paper, section 3).

    An assignment to a field that the state has not yet adds it; backward drops it again.
    """

    changes_state = True

    def __init__(self, *assigns: Assign, name: str = ""):
        super().__init__(name)
        self.assigns = assigns

    def note(self) -> str:
        return ", ".join(str(assign) for assign in self.assigns)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        fields = field_order([*x.fields, *(assign.field for assign in self.assigns)])
        changed = {assign.field for assign in self.assigns}
        undo = []
        for assign in self.assigns:
            if assign.field == "key":
                raise GraphError("the key of a message never changes", where=self.where)
            inverse = assign.inverted(x.fields, self.where)
            if inverse is not None:
                if changed & (assign.value.fields() - {assign.field}):
                    raise GraphError(
                        f"cannot invert {self.note()} together", where=self.where, hint="use one Isu after the other"
                    )
                undo.append(inverse)
        self._change = compile_assignments(self.assigns, x.fields, fields)
        self._undo = compile_assignments(undo, fields, x.fields)
        self._reads_tables = any(assign.value.tables() for assign in self.assigns)
        return (PortType.of(fields, x.arrays),)

    def forward(self, batch: Sequence[Message]) -> None:
        if len(batch) == 1 and not self._reads_tables:
            self.send(0, self._change(batch[0][1], None), batch[0][2])
            return
        _, states, payloads = columns(batch)
        self.send_all(0, self._mapped(self._change, states), payloads)

    def backward(self, batch: Sequence[Message]) -> None:
        if len(batch) == 1 and not self._reads_tables:
            self.answer(0, self._undo(batch[0][1], None), batch[0][2])
            return
        _, states, payloads = columns(batch)
        self.answer_all(0, self._mapped(self._undo, states), payloads)

    def _mapped(self, change: Callable[[State, Any], State], states: Sequence[State]) -> list[State]:
        if not self._reads_tables:
            return [change(state, None) for state in states]
        tables = self.host.tables
        return [change(state, tables(state[0])) for state in states]


def loop(
    body: Callable[[Port], Port], *, init: Port, step: Assign, while_: Expression, start: int = 0, name: str = "loop"
) -> Port:
    """Run `body` on `init` until the state says stop; returns the port of the last result.

    The counter that `step` changes (`S.t.to(S.t + 1)`) begins at `start`; `while_` is asked after each round, so the
    body runs at least once. Expands into Isu (adds the counter), Phi, the body, Isu (steps it) and Cond.
    """
    begun = init if step.field in init.type.fields else Isu(Assign(step.field, lift(start)), name=f"{name}-start")(init)
    head: Port = Phi(name=f"{name}-phi")(begun)
    stepped = Isu(step, name=f"{name}-step")(body(head))
    again, done = Cond(while_, name=f"{name}-while")(stepped)
    head.also(again)
    result: Port = done
    return result
