"""Which worker hosts which node: heavy ones round robin (paper, section 5) and light ones beside them, or by cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from ampviz.errors import UsageError
from ampviz.graph import Graph

PlacementPolicy = Literal["auto", "round-robin", "cost", "keys"]

_LEAST_GAIN = 1e-9  # of all work: a change that gains less is rounding
_LEAST_WORK = 1e-30


@dataclass(frozen=True, slots=True)
class Costs:
    """What a profile measured, in seconds per instance, or in any one unit.

    `nodes`: computing, by node id; `edges`: what each of the two workers pays for an edge between them, by edge id.
    """

    nodes: Sequence[float]
    edges: Sequence[float]


def place(
    graph: Graph, workers: int, explicit: Mapping[str, int] | None = None, costs: Costs | None = None
) -> list[int]:
    """The worker of each node, by node id: round robin, or balanced where costs are given.

    `explicit` fixes nodes by name, all copies of a replicated layer by the name of the layer. Copies are put on
    different workers as far as there are enough. Raises UsageError for a wrong wish.
    """
    fixed = _fixed(graph, workers, explicit or {})
    if costs is not None:
        edges = [(edge.source, edge.target, costs.edges[edge.id]) for edge in graph.edges]
        return balance(costs.nodes, edges, workers, fixed=fixed, apart=_copies(graph))
    hosts: list[int | None] = [fixed.get(node.id) for node in graph.nodes]
    siblings = {copy: group for group in _copies(graph) for copy in group}
    turn = 0
    for node in graph.nodes:
        if (node.heavy or node.part_of) and hosts[node.id] is None:
            taken = Counter(hosts[other] for other in siblings.get(node.id, ()))
            hosts[node.id] = min(((turn + offset) % workers for offset in range(workers)), key=lambda w: taken[w])
            turn += 1
    _follow_neighbours(graph, hosts)
    return [0 if host is None else host for host in hosts]


def balance(
    costs: Sequence[float],
    edges: Sequence[tuple[int, int, float]],
    workers: int,
    *,
    fixed: Mapping[int, int] | None = None,
    apart: Sequence[Collection[int]] = (),
) -> list[int]:
    """The worker of each node such that the busiest worker has as little to do as a local search finds.

    `costs` is the work of each node, and (source, target, work) of `edges` what both workers have to do besides if the
    ends are apart: so nodes stay with their neighbours unless moving away balances more than it costs. `fixed` gives
    the worker of some nodes, and the nodes of each group in `apart` go to different workers as far as these suffice.
    The same numbers give the same answer; workers are numbered in the order of their first node.
    """
    fixed = dict(fixed or {})
    free = [node for node in range(len(costs)) if node not in fixed]
    found = [
        _Search(costs, edges, workers, apart, start).settled(free) for start in _starts(costs, free, workers, fixed)
    ]
    best = min(found, key=lambda search: search.score())
    return best.hosts if fixed else _renumbered(best.hosts)


def _starts(costs: Sequence[float], free: Sequence[int], workers: int, fixed: Mapping[int, int]) -> list[list[int]]:
    """Where the search begins: in pieces of equal cost along the graph, the costliest first, and all on one worker."""
    pieces, greedy, together = ([fixed.get(node, 0) for node in range(len(costs))] for _ in range(3))
    total, sofar = sum(costs[node] for node in free) or 1.0, 0.0
    for node in free:
        pieces[node] = min(workers - 1, int((sofar + costs[node] / 2) / total * workers))
        sofar += costs[node]
    loads = [sum(costs[node] for node, host in fixed.items() if host == worker) for worker in range(workers)]
    for node in sorted(free, key=lambda node: (-costs[node], node)):
        greedy[node] = loads.index(min(loads))
        loads[greedy[node]] += costs[node]
    return [pieces, greedy, together]


class _Search:
    """Moves and exchanges nodes for as long as that lowers the loads."""

    def __init__(
        self,
        costs: Sequence[float],
        edges: Sequence[tuple[int, int, float]],
        workers: int,
        apart: Sequence[Collection[int]],
        hosts: list[int],
    ):
        self.hosts, self._costs, self._edges, self._workers, self._apart = hosts, costs, edges, workers, apart
        work = sum(costs) + sum(edge[2] for edge in edges)
        self._unit = max(work, _LEAST_WORK) * _LEAST_GAIN

    def score(self) -> tuple[float, ...]:
        """What is made small, first things first: copies that clash, loads from the busiest down, edges cut."""
        hosts = self.hosts
        loads = [0.0] * self._workers
        for host, cost in zip(hosts, self._costs, strict=True):
            loads[host] += cost
        cut = 0
        for source, target, work in self._edges:
            if hosts[source] != hosts[target]:
                loads[hosts[source]] += work
                loads[hosts[target]] += work
                cut += 1
        clashes = sum(count * count for group in self._apart for count in Counter(hosts[n] for n in group).values())
        return (clashes, *(round(load / self._unit) for load in sorted(loads, reverse=True)), cut)

    def settled(self, free: Sequence[int]) -> _Search:
        """Search until no change helps; returns itself."""
        score = self.score()
        improved = True
        while improved:
            improved = False
            for change in self._changes(free):
                before = {node: self.hosts[node] for node in change}
                self._apply(change)
                now = self.score()
                if now < score:
                    score, improved = now, True
                else:
                    self._apply(before)
        return self

    def _changes(self, free: Sequence[int]) -> Iterator[dict[int, int]]:
        """Moves of one node and of two that an edge joins, exchanges of two, from where they are at their turn."""
        hosts, movable = self.hosts, set(free)
        joined = [edge[:2] for edge in self._edges if movable.issuperset(edge[:2])]
        for nodes in [*((node,) for node in free), *joined]:
            for worker in range(self._workers):
                yield dict.fromkeys(nodes, worker)
        for a, b in combinations(free, 2):
            if hosts[a] != hosts[b]:
                yield {a: hosts[b], b: hosts[a]}

    def _apply(self, change: Mapping[int, int]) -> None:
        for node, worker in change.items():
            self.hosts[node] = worker


def _renumbered(hosts: Sequence[int]) -> list[int]:
    numbers: dict[int, int] = {}
    return [numbers.setdefault(host, len(numbers)) for host in hosts]


def _fixed(graph: Graph, workers: int, explicit: Mapping[str, int]) -> dict[int, int]:
    fixed: dict[int, int] = {}
    for name, worker in explicit.items():
        if not 0 <= worker < workers:
            raise UsageError(f"no worker {worker}", where=f"{name}.worker", expected=f"0 to {workers - 1}")
        own = [node.id for node in graph.nodes if node.name == name]
        copies = [node.id for node in graph.nodes if node.part_of == name]
        if not own + copies:
            raise UsageError(f"no node is called {name!r}", where=f"{name}.worker")
        fixed |= dict.fromkeys(own, worker) | {copy: fixed.get(copy, worker) for copy in copies}
    return fixed


def _copies(graph: Graph) -> list[list[int]]:
    """The nodes of each replicated layer."""
    groups: dict[str, list[int]] = {}
    for node in graph.nodes:
        if node.part_of:
            groups.setdefault(node.part_of, []).append(node.id)
    return list(groups.values())


def _follow_neighbours(graph: Graph, hosts: list[int | None]) -> None:
    """Light nodes go where their message comes from; those fed by no placed node, where it goes to."""
    for look_back in (True, False, True):
        changed = True
        while changed:
            changed = False
            for node in graph.nodes:
                if hosts[node.id] is not None:
                    continue
                around = (
                    [edge.source for edge in graph.incoming[node.id]]
                    if look_back
                    else [edge.target for edge in graph.outgoing[node.id]]
                )
                placed = [hosts[other] for other in around if hosts[other] is not None]
                if placed:
                    hosts[node.id] = placed[0]
                    changed = True
