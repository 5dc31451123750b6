"""Control flow by state: where messages go and how their state changes. Payloads pass through untouched."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from ampviz.building import Port
from ampviz.compiling import compile_assignments, compile_each
from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.ports import PortType
from ampviz.state import Assign, Expression, State, field_order, lift


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
        self._choose = compile_each(self.choose, x.fields)
        self._reads_tables = bool(self.choose.tables())
        return (x,) * self.ways

    def forward(self, batch: Batch) -> None:
        ways = self._choose(self.with_tables(batch.states, self._reads_tables))
        if self.ways == 2:
            ways = [0 if way else 1 for way in ways]
        for way, chosen in batch.by(ways):
            self.send(way, chosen.states, chosen.payload, chosen.counts)

    def backward(self, batch: Batch) -> None:
        self.answer(0, batch.states, batch.payload, batch.counts)


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

    def forward(self, batch: Batch) -> None:
        origin, states = self._origin, batch.states
        before = len(origin)
        origin |= dict.fromkeys(states, batch.port)
        if len(origin) < before + len(states):
            known = set(islice(origin, before))
            twice = next(state for state in states if state in known or states.count(state) > 1)
            raise ValueError(f"state {twice} is already on its way: two ancestors sent it, or a loop did not change it")
        self.send(0, states, batch.payload, batch.counts)

    def backward(self, batch: Batch) -> None:
        for port, chosen in batch.by(list(map(self._origin.pop, batch.states))):
            self.answer(port, chosen.states, chosen.payload, chosen.counts)


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

    def forward(self, batch: Batch) -> None:
        states = self._change(self.with_tables(batch.states, self._reads_tables))
        self.send(0, states, batch.payload, batch.counts)

    def backward(self, batch: Batch) -> None:
        states = self._undo(self.with_tables(batch.states, self._reads_tables))
        self.answer(0, states, batch.payload, batch.counts)


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
