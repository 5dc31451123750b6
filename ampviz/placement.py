"""Which worker hosts which node: heavy nodes round robin (paper, section 5), light ones beside their neighbours."""

from __future__ import annotations

from collections.abc import Mapping

from ampviz.errors import UsageError
from ampviz.graph import Graph


def place(graph: Graph, workers: int, explicit: Mapping[str, int] | None = None) -> list[int]:
    """The worker of each node, by node id. `explicit` fixes nodes by name. Raises UsageError for a wrong one."""
    hosts: list[int | None] = [None] * len(graph.nodes)
    for name, worker in (explicit or {}).items():
        if not 0 <= worker < workers:
            raise UsageError(f"no worker {worker}", where=f"{name}.worker", expected=f"0 to {workers - 1}")
        try:
            hosts[graph.node(name).id] = worker
        except KeyError:
            raise UsageError(f"no node is called {name!r}", where=f"{name}.worker") from None
    turn = 0
    for node in graph.nodes:
        if node.heavy and hosts[node.id] is None:
            hosts[node.id] = turn % workers
            turn += 1
    _follow_neighbours(graph, hosts)
    return [0 if host is None else host for host in hosts]


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
