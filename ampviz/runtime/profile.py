"""A short run on a few instances before the session, to learn what each node and each edge costs: `placement=cost`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from ampviz.errors import UsageError
from ampviz.experiment import Experiment
from ampviz.graph import EVERY, Edge, Graph
from ampviz.knobs import KnobValues
from ampviz.nodes.base import Node
from ampviz.nodes.batch import Send
from ampviz.nodes.payload import Payload
from ampviz.placement import Costs, place
from ampviz.runtime.commands import Admit, Retire, Retune
from ampviz.runtime.hosting import Hosting
from ampviz.runtime.router import Router
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.worker import Worker
from ampviz.state import State

_WARM_UP, _MEASURED = 8, 32  # instances
_BUDGET_NS = 1_000_000_000  # no further instances are admitted after this long
_MESSAGE_NS, _BYTE_NS = 4_000.0, 0.25  # what a message between two processes costs each of them (benchmarks wire)


class _Counting(Hosting):
    """Counts what travels on each edge."""

    def __init__(self, worker: Worker, router: Router):
        super().__init__(worker, router)
        self._graph = worker.graph
        self.reset()

    def reset(self) -> None:
        """Count from here."""
        self.messages_of, self.bytes_of = ([0] * len(self._graph.edges) for _ in range(2))

    def sender(self, node: Node) -> Send:
        return self._counted(super().sender(node), self._graph.outgoing[node.id])

    def answerer(self, node: Node) -> Send:
        return self._counted(super().answerer(node), self._graph.incoming[node.id])

    def _counted(self, send: Send, edges: list[Edge]) -> Send:
        def counted(
            port: int, states: Sequence[State], payload: Payload | None = None, counts: Sequence[int] = (), /
        ) -> None:
            edge = edges[port].id
            self.messages_of[edge] += len(states)
            arrays = () if payload is None else payload if type(payload) is tuple else (payload,)
            self.bytes_of[edge] += sum(array.nbytes for array in arrays)
            send(port, states, payload, counts)

        return counted


class _ProfiledWorker(Worker):
    """A worker that hosts the whole graph and counts what it costs."""

    hosting = _Counting
    host: _Counting

    def __init__(self, graph: Graph, store: ParameterStore, experiment: Experiment, clock: Callable[[], int]):
        super().__init__(0, graph, [0] * len(graph.nodes), store, (experiment.train, None), clock=clock)

    def reset(self) -> None:
        """Count from here."""
        self.host.reset()
        for slot in self.slots.values():
            slot.busy_ns = 0

    def costs(self, instances: int) -> Costs:
        """What was counted, per instance."""
        unit = instances * 1e9
        counted = zip(self.host.messages_of, self.host.bytes_of, strict=True)
        edges = [(_MESSAGE_NS * messages + _BYTE_NS * nbytes) / unit for messages, nbytes in counted]
        return Costs(_shared_out(self.graph, [self.slots[node.id].busy_ns / unit for node in self.graph.nodes]), edges)


def measure(
    experiment: Experiment, spec: RunSpec, knobs: KnobValues, *, clock: Callable[[], int] = time.perf_counter_ns
) -> Costs:
    """What nodes and edges cost, in seconds per instance: trains a copy of the model on the first instances.

    The session's own parameters are not touched. `clock` gives nanoseconds.
    """
    graph = experiment.graph(spec.variant)
    store = ParameterStore(graph, experiment.optimizer, spec.seed)
    try:
        worker = _ProfiledWorker(graph, store, experiment, clock)
        worker.apply(Retune(knobs.as_dict(), 1))
        order = np.random.default_rng([spec.seed, 1]).permutation(len(experiment.train)).tolist()
        warm_up = min(_WARM_UP, len(order) // 2)
        at_once = min(knobs.number("max_active_keys"), _WARM_UP)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            _train(worker, range(warm_up), order, at_once)
            worker.reset()
            measured = _train(worker, range(warm_up, min(warm_up + _MEASURED, len(order))), order, at_once)
        return worker.costs(measured)
    finally:
        store.close()


def _train(worker: Worker, keys: range, order: list[int], at_once: int) -> int:
    """Train on the instances of these keys, some in flight together, until the time is up; how many there were."""
    begin, done = worker.clock(), 0
    while done < len(keys) and (not done or worker.clock() - begin < _BUDGET_NS):
        some = tuple(keys[done : done + at_once])
        worker.apply(Admit(some, tuple(order[key] for key in some)))
        while worker.ready:
            worker.run_unit()
        worker.apply(Retire(some))
        worker.reports.clear()
        done += len(some)
    return done


def _shared_out(graph: Graph, nodes: list[float]) -> list[float]:
    """Each copy of a replicated layer gets an equal part of what all of them cost."""
    groups: dict[str, list[int]] = {}
    for node in graph.nodes:
        groups.setdefault(node.part_of or node.name, []).append(node.id)
    means = {name: sum(nodes[copy] for copy in copies) / len(copies) for name, copies in groups.items()}
    return [means[node.part_of or node.name] for node in graph.nodes]


def _can_be_dealt_out(graph: Graph, spec: RunSpec, knobs: KnobValues) -> bool:
    """Whether there are workers to give instances to, enough of these, and no other wish for where things go: copies of
    a layer are made to be apart."""
    several = spec.backend == "process" and 1 < spec.workers <= knobs.number("max_active_keys")
    return several and not spec.placement and not any(node.part_of for node in graph.nodes)


def placed(experiment: Experiment, graph: Graph, spec: RunSpec, knobs: KnobValues) -> tuple[list[int], Costs | None]:
    """The worker of each node as the spec wants it, and what was measured for it. Raises UsageError."""
    policy = spec.placement_policy
    if policy == "auto":
        policy = "keys" if _can_be_dealt_out(graph, spec, knobs) else "round-robin"
    if policy == "keys":
        if spec.placement:
            raise UsageError("every worker hosts every node", where="placement=keys", got=", ".join(spec.placement))
        return [EVERY] * len(graph.nodes), None
    hosts = place(graph, spec.workers, spec.placement)
    if policy != "cost":
        return hosts, None
    costs = measure(experiment, spec, knobs)
    return place(graph, spec.workers, spec.placement, costs), costs
