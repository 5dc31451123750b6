"""The rings of molecules: for each bond the smallest ring that it is part of, of many molecules at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ampviz.data.graphs import Rows

Mask = NDArray[np.bool_]


def smallest_rings(first: Rows, second: Rows, atoms: int) -> Rows:
    """How many atoms the smallest ring through each bond has, 0 for a bond in no ring: (bonds,).

    Bonds join the rows `first` and `second`, both (bonds,), of `atoms` rows; none stands twice.
    """
    size = np.zeros(len(first), np.int64)
    inner = _without_ends(first, second, atoms)
    size[inner] = _search(first[inner], second[inner], atoms)
    return size


def _without_ends(first: Rows, second: Rows, atoms: int) -> Mask:
    """The bonds that are left when those of atoms with one bond are taken away again and again, (bonds,)."""
    left = np.ones(len(first), np.bool_)
    while True:
        degree = np.bincount(first[left], minlength=atoms) + np.bincount(second[left], minlength=atoms)
        still = left & (degree[first] > 1) & (degree[second] > 1)
        if (still == left).all():
            return left
        left = still


def _search(first: Rows, second: Rows, atoms: int) -> Rows:
    """`smallest_rings` by breadth: from the second atom of each bond over all bonds but this one to its first."""
    source, target = np.concatenate([first, second]), np.concatenate([second, first])
    order = np.argsort(source, kind="stable")  # the steps that can be made, by the atom they leave
    target, over = target[order], order % max(len(first), 1)
    degree = np.bincount(source, minlength=atoms)
    start = np.cumsum(degree) - degree

    size = np.zeros(len(first), np.int64)
    bond, at = np.arange(len(first)), second
    seen = bond * atoms + at  # sorted, as all that is made of it
    length = 1
    while len(bond):
        length += 1
        ways = degree[at]
        place = np.arange(ways.sum()) - np.repeat(np.cumsum(ways) - ways, ways)
        step = np.repeat(start[at], ways) + place
        bond = np.repeat(bond, ways)
        allowed = over[step] != bond
        bond, at = bond[allowed], target[step[allowed]]
        size[bond[at == first[bond]]] = length
        open_ = size[bond] == 0
        reached = _distinct(bond[open_] * atoms + at[open_])
        reached = reached[~_contains(seen, reached)]
        seen = np.sort(np.concatenate([seen, reached]), kind="stable")
        bond, at = reached // atoms, reached % atoms
    return size


def _distinct(numbers: Rows) -> Rows:
    """The numbers sorted, each once. numpy.unique hashes, which takes minutes for numbers as regular as these."""
    numbers = np.sort(numbers)
    return numbers[np.diff(numbers, prepend=-1) > 0]


def _contains(numbers: Rows, wanted: Rows) -> Mask:
    """Which of `wanted` are among `numbers`, which are sorted."""
    place = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
    found: Mask = numbers[place] == wanted
    return found
