"""One message to many with states made from tables: Flatmap (arXiv 1705.09786)."""

from __future__ import annotations

import functools

from ampviz.compiling import compile_expression
from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.payload import Payload, add, gather, row_count, runs
from ampviz.ports import PortType
from ampviz.state import Expression, Field, State, field_order


class Flatmap(Node):
    """The same payload once for every id, as the value of a state field: `Flatmap(S.node, T.children[S.node])`.

    A field that the state has already is replaced, a new one is added. `ids` is a sequence of integers; the states that
    come out must differ from all others of the instance that are under way, or ValueError is raised. Backward waits for
    all copies and sums their gradients; a message without ids comes home at once.
    """

    changes_state = True
    keeps = ("_waiting", "_origin")

    def __init__(self, field: Field, ids: Expression, *, name: str = ""):
        super().__init__(name)
        self.field, self.ids = field.name, ids

    def note(self) -> str:
        return f"{self.field} in {self.ids}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        if self.field == "key":
            raise GraphError("the key of a message never changes", where=self.where)
        fields = field_order([*x.fields, self.field])
        self._start = fields.index(self.field)
        self._stop = self._start + (self.field in x.fields)
        self._ids = compile_expression(self.ids, x.fields)
        self._reads_tables = bool(self.ids.tables())
        return (PortType.of(fields, x.arrays),)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self._origin: dict[State, State] = {}
        self._waiting: dict[State, tuple[list[int], list[Payload]]] = {}  # copies still out, gradients of the others

    def forward(self, batch: Batch) -> None:
        states, places, counts = [], [], []
        for number, state in enumerate(batch.states):
            made = self._made(state)
            if not made:
                self.answer(0, (state,))
                continue
            self._waiting[state] = ([len(made)], [])
            states += made
            places += [batch.place(number)] * len(made)
            counts += [batch.counts[number]] * len(made)
        if states:
            self.send(0, states, gather(runs(places)), counts)

    def _made(self, state: State) -> list[State]:
        """The states of the copies."""
        start, stop, origin = self._start, self._stop, self._origin
        ids = self._ids(state, self.host.tables(state[0]) if self._reads_tables else None)
        states = [(*state[:start], int(value), *state[stop:]) for value in ids]
        for made in states:
            if made in origin:
                raise ValueError(f"{self.ids} gives state {made}, which is on its way already")
            origin[made] = state
        return states

    def backward(self, batch: Batch) -> None:
        for _, made, dy in batch:
            state = self._origin.pop(made)
            left, gradients = self._waiting[state]
            if dy is not None:
                gradients.append(dy)
            left[0] -= 1
            if not left[0]:
                del self._waiting[state]
                if gradients and self.wanted[0]:
                    total: Payload = functools.reduce(add, gradients)
                    self.answer(0, (state,), total, (row_count(total),))
                else:
                    self.answer(0, (state,))
