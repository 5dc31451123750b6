"""What the models are fed with: drawn arrays, binary trees and typed graphs."""

from __future__ import annotations

from typing import Any

import numpy as np


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def tree(rng: np.random.Generator, children: list[int]) -> dict[str, Any]:
    """Tables of a tree whose inner nodes have so many children, and whose nodes are named in no order.

    `leaves`, `names` (all), `parent`, `side` (which child of it), `ways` (how many it has itself), `root`.
    """
    leaves = 1 + sum(children) - len(children)
    size = leaves + len(children)
    names = rng.permutation(size).tolist()
    parent, side, ways, roots = [-1] * size, [-1] * size, [0] * size, names[:leaves]
    for node, count in zip(names[leaves:], children, strict=True):
        ways[node] = count
        for number in range(count):
            child = roots.pop(int(rng.integers(len(roots))))
            parent[child], side[child] = node, number
        roots.append(node)
    return {"leaves": names[:leaves], "names": names, "parent": parent, "side": side, "ways": ways, "root": roots[0]}


def binary_tree(rng: np.random.Generator, leaves: int) -> dict[str, Any]:
    """The tables of a `tree` whose inner nodes have two children."""
    return tree(rng, [2] * (leaves - 1))


def typed_graph(rng: np.random.Generator, nodes: int, types: int, arrays: bool = True) -> dict[str, Any]:
    """Tables of a graph: `sources` and `targets` of its edges, a sequence for each type, and `nodes`.

    About one type in three has no edge; edges may come twice and may be loops.
    """
    counts = [int(rng.integers(1, 2 * nodes + 1)) if rng.random() < 0.7 else 0 for _ in range(types)]
    ends = [[rng.integers(0, nodes, count) for count in counts] for _ in range(2)]
    sources, targets = (end if arrays else [indices.tolist() for indices in end] for end in ends)
    return {"sources": sources, "targets": targets, "nodes": nodes}
