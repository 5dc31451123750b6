"""The smallest ring of each bond: known skeletons, and random graphs against one search a bond."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ampviz.data.rings import smallest_rings


def rings(pairs, atoms=None):
    pairs = np.array(pairs, np.int64).reshape(-1, 2)
    return smallest_rings(pairs[:, 0], pairs[:, 1], int(pairs.max(initial=-1)) + 1 if atoms is None else atoms).tolist()


def circle(*atoms):
    return list(pairwise([*atoms, atoms[0]]))


@pytest.mark.parametrize(
    ("skeleton", "expected"),
    [
        ([], []),
        ([(0, 1), (1, 2), (1, 3)], [0, 0, 0]),
        (circle(0, 1, 2), [3, 3, 3]),
        (circle(4, 2, 0, 1, 3), [5] * 5),
        ([*circle(*range(9)), (8, 9)], [9] * 9 + [0]),
        # Two rings joined by a chain: the chain is in none.
        ([*circle(0, 1, 2), (2, 3), (3, 4), *circle(4, 5, 6, 7)], [3, 3, 3, 0, 0, 4, 4, 4, 4]),
        # A triangle on a hexagon: what they share counts for the smaller.
        ([*circle(0, 1, 2, 3, 4, 5), (0, 6), (6, 1)], [3, 6, 6, 6, 6, 6, 3, 3]),
        # Norbornane has two rings of five, not the six round the outside.
        ([*circle(0, 1, 2, 3, 4, 5), (0, 6), (6, 3)], [5] * 8),
    ],
)
def test_known_skeletons(skeleton, expected):
    assert rings(skeleton) == expected
    assert rings([pair[::-1] for pair in skeleton[::-1]]) == expected[::-1]


def test_atoms_without_bonds_are_in_no_ring():
    assert rings([], atoms=3) == []
    assert rings(circle(1, 2, 4), atoms=9) == [3, 3, 3]


def searched(pairs, index):
    """The atoms of the smallest ring through one bond: a search from one end to the other without it."""
    (start, goal), others = pairs[index], [pair for place, pair in enumerate(pairs) if place != index]
    reached, atoms = {start}, 1
    while goal not in reached:
        further = {b for pair in others for a, b in (pair, pair[::-1]) if a in reached}
        if further <= reached:
            return 0
        reached, atoms = reached | further, atoms + 1
    return atoms


@pytest.mark.parametrize("seed", range(8))
def test_random_graphs_as_one_search_a_bond_finds_them(seed):
    rng = np.random.default_rng(seed)
    pairs, atoms = [], 0
    for size in rng.integers(1, 12, size=6):  # several at once, of one to eleven atoms
        every = [(atoms + a, atoms + b) for a in range(size) for b in range(a)]
        chosen = rng.permutation(len(every))[: int(size * 1.4)]
        pairs += [every[index][:: int(rng.choice([-1, 1]))] for index in chosen]
        atoms += int(size)
    found = rings(pairs, atoms)
    assert found == [searched(pairs, index) for index in range(len(pairs))]
    assert len(set(found)) > 2
