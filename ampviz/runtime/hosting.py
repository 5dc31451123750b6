"""What a worker offers to the nodes it hosts, and what they tell it: the other side of `nodes.base.Host`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ampviz.message import BACKWARD, FORWARD
from ampviz.nodes.base import Node
from ampviz.nodes.batch import Send
from ampviz.runtime.router import Router
from ampviz.state import State, Tables

if TYPE_CHECKING:
    from ampviz.runtime.worker import Worker


class Hosting:
    """The host of the nodes of one worker."""

    def __init__(self, worker: Worker, router: Router):
        self.clock, self.seed = worker.clock, worker.seed
        self._worker, self._router = worker, router

    def sender(self, node: Node) -> Send:
        edges = self._worker.graph.outgoing[node.id]
        return self._router.sender(FORWARD, [(edge.target, edge.target_port, edge.id) for edge in edges])

    def answerer(self, node: Node) -> Send:
        edges = self._worker.graph.incoming[node.id]
        return self._router.sender(BACKWARD, [(edge.source, edge.source_port, edge.id) for edge in edges])

    def tables(self, key: int) -> Tables:
        residents = self._worker.residents
        instance = residents.instances.get(key)
        return (residents.instance(key) if instance is None else instance).tables

    def payloads(self, states: Sequence[State], name: str) -> list[NDArray[Any]]:
        instances = self._worker.residents.instances  # sources read theirs when it begins
        return [instances[state[0]].fields[name] for state in states]

    def came_home(self, keys: Sequence[int]) -> None:
        worker = self._worker
        home = worker.residents.came_home(keys)
        if not home:
            return
        worker.reports.came_home(home)
        if worker.residents.room >= 0:
            worker.residents.leave(home)
            worker.begin()

    def loss(self, node: Node, states: Sequence[State], rows: int, total: float, metrics: Mapping[str, float]) -> None:
        worker = self._worker
        worker.reports.loss(rows, total, metrics)
        if worker.slots[node.id].traps is not None:  # one that reads the loss has it come message by message
            key = states[0][0]
            figures = {"loss": total / max(rows, 1), "rows": float(rows), "key": float(key)}
            worker.debugger.stop_after(node, "F", f"{node.name}.F key={key}", figures)

    def updated(self, node: Node, since: int) -> None:
        worker = self._worker
        if worker.tracer is not None:
            worker.tracer.update(since, self.clock(), node.id)
        worker.debugger.updated = True
        if worker.slots[node.id].traps is not None:
            version = float(getattr(node, "version", 0))
            worker.debugger.stop_after(node, "U", f"{node.name}.U", {"version": version})
