"""Soundness of a traced graph: what can be known wrong before any message flows."""

from __future__ import annotations

from ampviz.building import GraphNode
from ampviz.errors import GraphError


def check_nodes(nodes: list[GraphNode]) -> None:
    """Raise GraphError for an unused output, a model without a sink, or a loop that cannot end."""
    used = {(port.node.id, port.index) for node in nodes for port in node.inputs}
    for node in nodes:
        for port in node.outputs:
            if (node.id, port.index) not in used:
                raise GraphError(
                    f"output {port.index} is connected to nothing",
                    where=node.where,
                    hint="every message must come home: use it, or end it with amp.discard(port)",
                )
    if all(node.outputs for node in nodes):
        raise GraphError(
            "the model has no loss: no node would ever answer", hint="end it in nn.SoftmaxCrossEntropy or nn.MSE"
        )
    for loop in _loops(nodes):
        _check_loop(nodes, loop)


def _loops(nodes: list[GraphNode]) -> list[set[int]]:
    """The sets of nodes that lie on a common cycle (the cyclic strongly connected components)."""
    successors: list[set[int]] = [set() for _ in nodes]
    for node in nodes:
        for port in node.inputs:
            successors[port.node.id].add(node.id)
    reach = [_reachable(node.id, successors) for node in nodes]
    loops: list[set[int]] = []
    for node in nodes:
        if node.id in reach[node.id] and not any(node.id in loop for loop in loops):
            loops.append({other for other in reach[node.id] if node.id in reach[other]})
    return loops


def _reachable(start: int, successors: list[set[int]]) -> set[int]:
    seen: set[int] = set()
    frontier = [start]
    while frontier:
        for successor in successors[frontier.pop()]:
            if successor not in seen:
                seen.add(successor)
                frontier.append(successor)
    return seen


def _check_loop(nodes: list[GraphNode], loop: set[int]) -> None:
    names = " > ".join(nodes[index].name for index in sorted(loop))
    where = nodes[min(loop)].where
    leaves = any(
        port.node.id in loop and port.node.is_exit for node in nodes if node.id not in loop for port in node.inputs
    )
    if not leaves:
        raise GraphError(f"the loop {names} has no exit", where=where, hint="a Cond inside it must lead out of it")
    if not any(nodes[index].changes_state for index in loop):
        raise GraphError(
            f"the loop {names} never changes the state, so it would not end", where=where, hint="put an Isu inside it"
        )
