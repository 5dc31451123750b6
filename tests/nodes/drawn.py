"""What the models are fed with: drawn arrays, binary trees and typed graphs."""

from __future__ import annotations

from typing import Any

import numpy as np


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def binary_tree(rng: np.random.Generator, leaves: int) -> dict[str, Any]:
    """Tables of a binary tree whose nodes are named in no order: `leaves`, `names` (all), `parent`, `side`, `root`."""
    size = 2 * leaves - 1
    names = rng.permutation(size).tolist()
    parent, side, roots, inner = [-1] * size, [-1] * size, names[:leaves], names[leaves:]
    for node in inner:
        for number in (0, 1):
            child = roots.pop(int(rng.integers(len(roots))))
            parent[child], side[child] = node, number
        roots.append(node)
    return {"leaves": names[:leaves], "names": names, "parent": parent, "side": side, "root": roots[0]}


def typed_graph(rng: np.random.Generator, nodes: int, types: int, arrays: bool = True) -> dict[str, Any]:
    """Tables of a graph: `sources` and `targets` of its edges, a sequence for each type, and `nodes`.

    About one type in three has no edge; edges may come twice and may be loops.
    """
    counts = [int(rng.integers(1, 2 * nodes + 1)) if rng.random() < 0.7 else 0 for _ in range(types)]
    ends = [[rng.integers(0, nodes, count) for count in counts] for _ in range(2)]
    sources, targets = (end if arrays else [indices.tolist() for indices in end] for end in ends)
    return {"sources": sources, "targets": targets, "nodes": nodes}
