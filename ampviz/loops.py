"""The loops of a directed graph, whatever its nodes are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence


def strongly_connected(nodes: Collection[int], edges: Iterable[tuple[int, int]]) -> list[set[int]]:
    """The strongly connected sets of nodes that have an edge within (Kosaraju's two walks): a node is in a loop if it
    is in one of them."""
    below: dict[int, list[int]] = {node: [] for node in sorted(nodes)}
    above: dict[int, list[int]] = {node: [] for node in sorted(nodes)}
    for source, target in edges:
        below[source].append(target)
        above[target].append(source)
    left = _walk(list(below), below)
    seen: set[int] = set()
    loops = []
    for node in reversed(left):
        if node not in seen:
            loop = set(_walk([node], above, seen))
            if len(loop) > 1 or node in below[node]:
                loops.append(loop)
    return loops


def _walk(roots: Sequence[int], following: Mapping[int, Sequence[int]], seen: set[int] | None = None) -> list[int]:
    """The nodes that can be reached and have not been seen, in the order in which a deep walk leaves them."""
    seen = set() if seen is None else seen
    left = []
    for root in roots:
        if root in seen:
            continue
        seen.add(root)
        walk = [(root, iter(following[root]))]
        while walk:
            node, others = walk[-1]
            fresh = next((other for other in others if other not in seen), None)
            if fresh is None:
                walk.pop()
                left.append(node)
            else:
                seen.add(fresh)
                walk.append((fresh, iter(following[fresh])))
    return left
