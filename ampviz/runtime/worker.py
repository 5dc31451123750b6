"""The worker: a machine without IO that hosts nodes and processes one unit of work at a time.

It knows no sockets, no event loop and no time of its own (the clock is given). A backend delivers messages and
commands, calls `run_unit`, and carries away what stands in `outbox` and `reports` afterwards. Pausing and stepping are
ordinary commands, so debugging is not a second code path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ampviz.data.dataset import Dataset
from ampviz.errors import NodeError
from ampviz.graph import EVERY, Graph
from ampviz.knobs import KNOBS, KnobValues
from ampviz.message import FORWARD, Direction
from ampviz.nodes.batch import Batch
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.payload import Payload
from ampviz.nodes.terminal import Source
from ampviz.runtime.commands import (
    Admit,
    Barrier,
    Command,
    Drop,
    HoldNode,
    Look,
    Passed,
    Retire,
    Retune,
    SetPaused,
    SetRules,
    StepOne,
    Trace,
)
from ampviz.runtime.debugger import Debugger
from ampviz.runtime.hosting import Hosting
from ampviz.runtime.inspector import seen
from ampviz.runtime.policy import POLICIES, backward_first
from ampviz.runtime.reports import Reports
from ampviz.runtime.residents import Residents
from ampviz.runtime.router import Router
from ampviz.runtime.slot import Slot, hosted
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.tracer import Tracer
from ampviz.state import State


class Worker:
    """Hosts the nodes that `placement` gives to worker `index`, or to every worker.

    After `run_unit`, `apply` or `deliver` the backend must take what is in `outbox` (messages for other workers) and
    in `reports` (for the controller), in order, and clear both.
    """

    hosting: type[Hosting] = Hosting  # what makes the host of its nodes

    def __init__(
        self,
        index: int,
        graph: Graph,
        placement: Sequence[int],
        store: ParameterStore,
        datasets: tuple[Dataset, Dataset | None],
        *,
        clock: Callable[[], int],
        seed: int = 0,
    ):
        self.index, self.graph, self.clock, self.seed = index, graph, clock, seed
        self.reports = Reports()
        self.paused = False
        self.slow_motion = 0.0  # seconds the backend waits after each unit
        self.busy_ns = 0
        self.messages = 0
        self.tracer: Tracer | None = None  # where units are noted
        self._max_batch = 1
        self._policy = backward_first
        self._held: set[int] = set()  # nodes that wait although messages do
        self.residents = Residents(index, datasets, clock)
        self.slots = hosted(graph, placement, index)
        self._router = Router(self.slots, placement, clock)
        self.debugger = Debugger(self, self._router)
        self.outbox, self._ready = self._router.outbox, self._router.ready
        self.host = self.hosting(self, self._router)
        for slot in self.slots.values():
            slot.node.bind(self.host, graph)
            if isinstance(slot.node, Parameterised):
                several = slot.node.shares or placement[slot.node.id] == EVERY
                slot.node.attach(store.parameters(slot.node, several=several))
        self._sources = [slot for slot in self.slots.values() if isinstance(slot.node, Source)]

    # What a backend calls

    @property
    def ready(self) -> bool:
        """Whether a message waits at a node that is not held."""
        forward, backward = self._ready
        return bool(forward or backward) and not (self._held and (forward.keys() | backward.keys()) <= self._held)

    def deliver(
        self,
        direction: Direction,
        edge: int,
        states: Sequence[State],
        payload: Payload | None,
        counts: Sequence[int],
    ) -> None:
        """Take messages of one edge from another worker. One that is ahead of its key's admission waits for that."""
        road = self.graph.edges[edge]
        node, port = (road.target, road.target_port) if direction == FORWARD else (road.source, road.source_port)
        batch = Batch(port, states, payload, counts)
        here = [state[0] in self.residents for state in states]
        if not all(here):
            for state, message, present in zip(states, batch, here, strict=True):
                if not present:
                    early = Batch.of(message)
                    self.residents.park(state[0], (direction, edge, early.states, early.payload, early.counts))
            batch = batch.where(here)
        if batch.states:
            self._router.enqueue(self.slots[node], direction, batch)
        if self.paused:
            self.debugger.announce()

    def apply(self, command: Command) -> None:
        """Do what the controller says. Raises NodeError if a step meets a failing node."""
        match command:
            case Admit(keys, indices, room):
                self.residents.room = room
                self.residents.waiting += zip(keys, indices, strict=True)
                self.begin()
            case Retire(keys):
                self.residents.leave(keys)
            case Drop(key):
                self._drop(key)
            case Retune(values, epoch):
                self._retune(values, epoch)
            case Trace(on, every_key):
                if self.tracer is not None:
                    self.tracer.on, self.tracer.every_key = on, every_key
            case SetPaused(paused):
                self.debugger.set_paused(paused)
            case Barrier():
                self.reports.append(Passed())
            case Look():
                self.reports.append(seen(self, command))
            case StepOne(node, stop):
                self.debugger.step(node, stop)
            case SetRules(rules):
                self.debugger.set_rules(rules)
            case HoldNode(node, held) if node in self.slots:
                (self._held.add if held else self._held.discard)(node)
        if self.paused:
            self.debugger.announce()

    def run_unit(self, choice: tuple[Slot, Direction] | None = None, *, stop: bool = True) -> int:
        """Process messages of one node and direction, needs `ready`; how many it was.

        They are at most `max_batch`, and one at a time in slow motion or where the queue is given. With `stop` a
        breakpoint may halt the worker instead. Raises NodeError, naming node, worker, key and model line, if the node
        fails.
        """
        limit = self._max_batch
        if choice is not None or self.slow_motion:
            limit = 1
        slot, direction = choice or (self.choice() if self._held else self._policy(*self._ready))
        queue, node = slot.queues[direction], slot.node
        take = node.batch_limit(direction, limit)
        if take > queue.messages:
            take = queue.messages
        if slot.traps is not None and stop:
            take = self.debugger.free(slot.traps, slot, direction, take)
            if not take:
                return 0
        waiting = queue.messages + slot.queues[1 - direction].messages
        if waiting > slot.max_queue:
            slot.max_queue = waiting
        batches = queue.take(take)
        ready = self._ready[direction]
        del ready[node.id]
        if queue.messages:
            ready[node.id] = slot  # to the end of the line
        start = self.clock()
        if not self.paused:
            slot.waiting_ns += start - slot.ready_since
        self._process(slot, direction, batches)
        slot.ready_since = end = self.clock()
        slot.busy_ns += end - start
        slot.processed[direction] += take
        if self.tracer is not None:
            self.tracer.unit(start, end, node.id, direction, batches)
        self.busy_ns += end - start
        self.messages += take
        return take

    def begin(self) -> None:
        """Let keys at hand enter while there is room."""
        keys = self.residents.enter()
        if keys and self._sources:
            self._start(keys)
        for message in self.residents.parked(keys):
            self.deliver(*message)

    def choice(self) -> tuple[Slot, Direction]:
        """The queue that the policy serves next, among those of nodes that are not held; needs `ready`."""
        forward, backward = (
            {node: slot for node, slot in ready.items() if node not in self._held} for ready in self._ready
        )
        return self._policy(forward, backward)

    def remembered(self) -> dict[str, int]:
        """Nodes that hold something for an instance, and how much; empty when nothing is in flight."""
        held = {slot.node.name: slot.node.cached() + sum(map(len, slot.queues)) for slot in self.slots.values()}
        held["(instances)"] = len(self.residents)
        return {name: count for name, count in held.items() if count}

    # Inside

    def _process(self, slot: Slot, direction: Direction, batches: Sequence[Batch]) -> None:
        process = slot.node.forward if direction is FORWARD else slot.node.backward
        for batch in batches:
            try:
                process(batch)
            except NodeError:  # the data set failed, not this node
                raise
            except Exception as error:
                raise self._failure(slot, direction, batch, error) from error

    def _start(self, keys: Sequence[int]) -> None:
        """Queue the first messages of instances."""
        values = [self.residents.instance(key).state for key in keys]
        self.residents.start(keys, len(self._sources))
        for slot in self._sources:
            columns = [[int(own[name]) for own in values] for name in slot.node.outputs[0].type.fields[1:]]
            states: list[State] = list(zip(keys, *columns, strict=True))
            self._router.enqueue(slot, FORWARD, Batch(0, states))

    def _drop(self, key: int) -> None:
        if key not in self.residents:
            return  # it has come home, and another one began in its place
        self.residents.drop(key)
        for slot in self.slots.values():
            slot.node.drop(key)
            self._router.drop(slot, key, waits=not self.paused)
        self.begin()

    def _retune(self, values: Mapping[str, Any], epoch: int) -> None:
        own = [slot.node for slot in self.slots.values() if isinstance(slot.node, Parameterised)]
        names, copies = [node.name for node in own], {node.name: node.part_of for node in own if node.part_of}
        known = {"", *names, *copies.values()}
        mine = {name: value for name, value in values.items() if name.rpartition(".")[0] in known}
        knobs = KnobValues(names, mine, copies)
        self._max_batch = knobs.number("max_batch")
        self._policy = POLICIES[str(knobs.get("policy"))]
        self.slow_motion = float(knobs.get("slow_motion"))
        for node in own:
            tuned = {name: float(knobs.get(name, node.name)) for name, knob in KNOBS.items() if knob.per_node}
            node.retune(tuned, tuned["learning_rate_decay"] ** (epoch - 1))

    def _failure(self, slot: Slot, direction: Direction, batch: Batch, error: Exception) -> NodeError:
        token, node = slot.token(direction, batch.port, batch.states[0]), slot.node
        where = f"{token} ({node.kind}, worker {self.index}, {node.line})"
        return NodeError(f"{type(error).__name__}: {error}", where=where)
