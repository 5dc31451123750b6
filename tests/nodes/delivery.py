"""A host for traced graphs without ampviz's worker: one list of pending messages, delivered in any order that is drawn.

It is stricter than a worker: payloads are frozen when sent, an answer must belong to a message that is still out, and
an instance is gone once its last source came home.
"""

from __future__ import annotations

import itertools
import math
import random
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ampviz.data.dataset import Instance
from ampviz.graph import Edge, Graph
from ampviz.knobs import KNOBS
from ampviz.message import BACKWARD, FORWARD, Direction, Message
from ampviz.nodes.base import Node
from ampviz.nodes.batch import Batch, Send, merged
from ampviz.nodes.loss import Loss
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.parameters import Parameters
from ampviz.nodes.terminal import Source
from ampviz.optim import Optimizer
from ampviz.state import State
from ampviz.tracing import trace

NEVER = 10_000_000  # an update interval that no test reaches


@dataclass
class Traffic:
    """Every message that travelled an edge, in the order sent."""

    forward: list[tuple[State, Any]] = field(default_factory=list)
    backward: list[tuple[State, Any]] = field(default_factory=list)


class Ledger:
    """An optimizer that adds up the gradients it is given and leaves the parameters alone."""

    learning_rate = 1.0
    rowwise = False

    def slots(self, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"total": shape}

    def initialise(self, slots: Mapping[str, Any]) -> None:
        """The total starts at 0."""

    def update(self, parameter: Any, gradient: Any, slots: Mapping[str, Any], learning_rate: float) -> None:
        slots["total"] += gradient


def arrays(payload: Any) -> tuple[np.ndarray, ...]:
    """The arrays of a payload; none for None."""
    if payload is None:
        return ()
    return payload if type(payload) is tuple else (payload,)


def freeze(payload: Any) -> None:
    """Payloads are read-only once sent."""
    for array in arrays(payload):
        array.flags.writeable = False


def one_by_one(send: Callable[[int, State, Any], None]) -> Send:
    """Sends the messages of a batch one after the other."""

    def send_all(port: int, states: Sequence[State], payload: Any = None, counts: Sequence[int] = (), /) -> None:
        assert states
        assert payload is None or len(counts) == len(states)
        assert all(len(array) == sum(counts) for array in arrays(payload))
        for _, state, own in Batch(port, states, payload, counts):
            send(port, state, own)

    return send_all


def process(node: Node, direction: Direction, messages: Sequence[Message]) -> None:
    """Hand messages to a node, those of a port together, where they have payloads of one kind."""
    kinds: dict[Any, list[Batch]] = {}
    for port, state, payload in messages:
        kind = (port, payload is None, *((array.shape[1:], array.dtype) for array in arrays(payload)))
        kinds.setdefault(kind, []).append(Batch.of((port, state, payload)))
    for batches in kinds.values():
        (node.forward if direction is FORWARD else node.backward)(merged(batches))


class Delivery:
    """Hosts all nodes of `graph`; implements `ampviz.nodes.base.Host`. Keys are admitted with `admit`, then `run`."""

    def __init__(
        self,
        graph: Graph,
        *,
        seed: int = 0,
        max_batch: int = 1,
        dtype: type = np.float32,
        optimizer: Optimizer | None = None,
        **knobs: float,
    ):
        self.graph, self.dtype = graph, dtype
        self.traffic = [Traffic() for _ in graph.edges]
        self.seed = 0  # of what nodes draw
        self.pending: list[tuple[Node, Direction, Message]] = []
        self.homes: Counter[int] = Counter()
        self.objective = 0.0  # the mean losses of all messages: what the gradients are of
        self.losses: dict[int, tuple[int, float, dict[str, float]]] = {}
        self.reported: list[tuple[int, float, dict[str, float]]] = []  # the sums that losses told their host
        self.updates: list[str] = []
        self.nodes = [node for node in graph.nodes if isinstance(node, Node)]
        self.sources = [node for node in self.nodes if isinstance(node, Source)]
        self._ticks = itertools.count()
        self._instances: dict[int, Instance] = {}
        self._out: list[set[State]] = [set() for _ in graph.edges]
        self._random = random.Random(seed)
        self._max_batch = max_batch
        self._haste: dict[tuple[int, Direction], float] = {}
        self.knobs = {name: float(knob.default) for name, knob in KNOBS.items() if knob.per_node}
        self.knobs |= {"min_update_interval": NEVER, **knobs}
        for node in self.nodes:
            node.bind(self, graph)
            if isinstance(node, Loss):
                node.report = self._noting(node.report)
            if isinstance(node, Parameterised):
                node.optimizer = optimizer or Ledger()
                node.attach(self._parameters(node, node.optimizer))
                node.retune(self.knobs, 1.0)

    def node(self, name: str | int) -> Any:
        """A node by name or id."""
        return self.graph.node(name) if isinstance(name, str) else self.graph.nodes[name]

    @property
    def parameterised(self) -> list[Parameterised]:
        return [node for node in self.nodes if isinstance(node, Parameterised)]

    def admit(self, instances: Mapping[int, Instance]) -> None:
        """Let instances in, by key: negative keys are validation."""
        self._instances |= instances
        for source, (key, instance) in itertools.product(self.sources, instances.items()):
            state = (key, *(instance.state[name] for name in source.outputs[0].type.fields[1:]))
            self.pending.append((source, FORWARD, (0, state, None)))

    def run(self, deliveries: float = math.inf) -> None:
        """Deliver so many batches, or until nothing is pending."""
        while self.pending and deliveries > 0:
            self._deliver()
            deliveries -= 1

    def drop(self, key: int) -> None:
        """Let an instance vanish: its messages under way, and what nodes remember of it."""
        self.pending = [entry for entry in self.pending if entry[2][1][0] != key]
        self._out = [{state for state in out if state[0] != key} for out in self._out]
        for node in self.nodes:
            node.drop(key)

    def parameters(self) -> dict[str, Any]:
        """The arrays by `node/parameter`: writing to one changes the model."""
        return {
            f"{node.name}/{name}": array
            for node in self.parameterised
            for name, array in node.parameters.arrays.items()
        }

    def gradients(self) -> dict[str, Any]:
        """With `Ledger`: each node's gradient, summed over keys, by `node/parameter`."""
        found = {}
        for node in self.parameterised:
            node.update()
            for name, slots in node.parameters.slots.items():
                found[f"{node.name}/{name}"] = slots["total"] * len(self.keys_with_gradient(node))
        return found

    def keys_with_gradient(self, node: Node) -> set[int]:
        """The keys that sent this node a gradient."""
        edges = self.graph.outgoing[node.id]
        return {state[0] for edge in edges for state, dy in self.traffic[edge.id].backward if dy is not None}

    # What nodes call

    def clock(self) -> int:
        return next(self._ticks)

    def sender(self, node: Node) -> Send:
        edges = self.graph.outgoing[node.id]
        assert [edge.source_port for edge in edges] == list(range(len(node.outputs)))

        def send(port: int, state: State, payload: Any) -> None:
            edge = edges[port]
            self._check_forward(edge, state, payload)
            self._out[edge.id].add(state)
            self.traffic[edge.id].forward.append((state, payload))
            self.pending.append((self.node(edge.target), FORWARD, (edge.target_port, state, payload)))

        return one_by_one(send)

    def answerer(self, node: Node) -> Send:
        edges = self.graph.incoming[node.id]

        def answer(port: int, state: State, payload: Any) -> None:
            edge = edges[port]
            assert state in self._out[edge.id], f"{edge} answers {state}, which is not out"
            self._out[edge.id].remove(state)
            freeze(payload)
            self.traffic[edge.id].backward.append((state, payload))
            self.pending.append((self.node(edge.source), BACKWARD, (edge.source_port, state, payload)))

        return one_by_one(answer)

    def tables(self, key: int) -> Mapping[str, Any]:
        return self._instances[key].tables

    def payload(self, key: int, name: str) -> Any:
        return self._instances[key].fields[name]

    def payloads(self, states: Sequence[State], name: str) -> list[Any]:
        return [self.payload(state[0], name) for state in states]

    def came_home(self, keys: Sequence[int]) -> None:
        for key in keys:
            self.homes[key] += 1
            if self.homes[key] == len(self.sources):
                del self._instances[key]

    def loss(self, node: Node, states: Sequence[State], rows: int, total: float, metrics: Mapping[str, float]) -> None:
        assert states
        self.reported.append((rows, total, dict(metrics)))

    def updated(self, node: Node, since: int) -> None:
        self.updates.append(node.name)

    # Inside

    def _noting(self, report: Any) -> Any:
        """Add up the losses of each message, by instance and in the objective; hosts are told whole sums only."""

        def noted(states: Any, reported: Any, losses: Any, metrics: Any) -> None:
            ends = np.cumsum(reported)
            for state, count, end in zip(states, reported, ends, strict=True):
                own = slice(end - count, end)
                rows, total, sums = self.losses.get(state[0], (0, 0.0, {}))
                fresh = float(losses[own].sum())
                summed = {name: sums.get(name, 0.0) + values[own].sum() for name, values in metrics.items()}
                self.losses[state[0]] = (rows + count, total + fresh, {**sums, **summed})
                self.objective += fresh / max(count, 1)
            report(states, reported, losses, metrics)
            assert self.reported[-1][0] == sum(reported)
            assert self.reported[-1][1] == pytest.approx(losses.sum(), rel=1e-5)
            assert self.reported[-1][2] == pytest.approx({name: values.sum() for name, values in metrics.items()})

        return noted

    def _check_forward(self, edge: Edge, state: State, payload: Any) -> None:
        assert state not in self._out[edge.id], f"{edge} has {state} out already"
        assert len(state) == len(edge.type.fields)
        assert len(arrays(payload)) == len(edge.type.arrays)
        assert (type(payload) is tuple) == bool(edge.type.rest)
        assert len({len(array) for array in arrays(payload)}) == 1, f"{edge} carries arrays of different rows"
        for array, declared in zip(arrays(payload), edge.type.arrays, strict=True):
            assert array.ndim == 1 + len(declared.shape)
            for size, expected in zip(array.shape[1:], declared.shape, strict=True):
                assert expected is None or size == expected, f"{edge} carries {array.shape}"
        freeze(payload)

    def _deliver(self) -> None:
        """One batch: a lane (node, direction) chosen with a haste of its own, so that some lanes wait for long."""
        haste = [self._haste_of(node, direction) for node, direction, _ in self.pending]
        (chosen,) = self._random.choices(range(len(self.pending)), haste)
        node, direction, _ = self.pending[chosen]
        lane = [index for index, entry in enumerate(self.pending) if entry[0] is node and entry[1] is direction]
        size = min(self._random.randint(1, self._max_batch), len(lane))
        picked = self._random.sample(lane, node.batch_limit(direction, size))
        if self._random.random() < 0.5:  # as messages usually come
            picked.sort()
        batch = [self.pending[index][2] for index in picked]
        for index in sorted(picked, reverse=True):
            del self.pending[index]
        process(node, direction, batch)

    def _haste_of(self, node: Node, direction: Direction) -> float:
        lane = (node.id, direction)
        if lane not in self._haste:
            self._haste[lane] = 10 ** self._random.uniform(-2, 1)
        return self._haste[lane]

    def _parameters(self, node: Parameterised, optimizer: Optimizer) -> Parameters:
        rng = np.random.default_rng(zlib.crc32(node.name.encode()))
        parameters = Parameters({name: value.astype(self.dtype) for name, value in node.initial(rng).items()})
        for name, array in parameters.arrays.items():
            shapes = optimizer.slots(array.shape)
            parameters.slots[name] = {slot: np.zeros(shape, self.dtype) for slot, shape in shapes.items()}
            optimizer.initialise(parameters.slots[name])
        return parameters


def hosted(model: Any, dataset: Sequence[Instance], **settings: Any) -> Delivery:
    """A model function, traced on this data set and hosted."""
    return Delivery(trace(model, dataset), **settings)
