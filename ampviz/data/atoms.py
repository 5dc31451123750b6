"""What is known of an atom before training: its element, hydrogens, charge, hybridisation and rings.

All of it follows from the elements and the bonds, by one rule for every source of molecules, and for many at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ampviz.data.graphs import Rows
from ampviz.data.rings import Mask, smallest_rings

ELEMENTS = "HCNOF"
BONDS = ("single", "double", "triple", "aromatic")
SINGLE, DOUBLE, TRIPLE, AROMATIC = range(len(BONDS))
RING_SIZES = (3, 4, 5, 6)
MOST_HYDROGENS = 4
FEATURES = (
    *ELEMENTS,
    *(f"H{count}" for count in range(MOST_HYDROGENS + 1)),
    "sp", "sp2", "sp3", "aromatic", "positive", "negative", "ring",
    *(f"ring{size}" for size in RING_SIZES),
)  # fmt: skip

_VALENCE = np.array([1, 4, 3, 2, 1])  # of a neutral atom, by element
_ORDER = np.array([1.0, 2.0, 3.0, 1.5])  # by type of bond
_H, _C, _N, _O = range(4)


class Atoms(NamedTuple):
    """Atoms and bonds of many molecules: `elements` (atoms,), and (bonds,) `first` and `second` rows and `kind`."""

    elements: Rows
    first: Rows
    kind: Rows
    second: Rows

    def ends(self) -> tuple[Rows, Rows, Rows]:
        """Every bond from either end: atom, type, other atom."""
        return (
            np.concatenate([self.first, self.second]),
            np.concatenate([self.kind, self.kind]),
            np.concatenate([self.second, self.first]),
        )


def folded(atoms: Atoms) -> Mask:
    """The hydrogens that are counted at their neighbour, (atoms,): those whose only bond is single, to another element.

    So only the hydrogens of molecular hydrogen, and between two atoms, stay.
    """
    atom, kind, other = atoms.ends()
    bonds = np.bincount(atom, minlength=len(atoms.elements))
    fits = _any(atom[(kind == SINGLE) & (atoms.elements[other] != _H)], len(atoms.elements))
    which: Mask = fits & (atoms.elements == _H) & (bonds == 1)
    return which


def features(atoms: Atoms) -> NDArray[np.uint8]:
    """The features of each atom, (atoms, features), 0 or 1, columns as in FEATURES."""
    count = len(atoms.elements)
    atom, kind, other = atoms.ends()
    hydrogens = np.bincount(atom[folded(atoms)[other]], minlength=count)
    charge = charges(atoms)
    closed = smallest_rings(atoms.first, atoms.second, count)
    rings = [closed == size for size in RING_SIZES]
    columns = [
        _one_hot(atoms.elements, len(ELEMENTS)),
        _one_hot(np.minimum(hydrogens, MOST_HYDROGENS), MOST_HYDROGENS + 1),
        _one_hot(hybridisation(atoms, charge), 3),
        _any(atom[kind == AROMATIC], count)[:, None],
        (charge > 0)[:, None],
        (charge < 0)[:, None],
        *(
            _any(np.concatenate([atoms.first[in_it], atoms.second[in_it]]), count)[:, None]
            for in_it in (closed > 0, *rings)
        ),
    ]
    return np.concatenate(columns, axis=1).astype(np.uint8)


def charges(atoms: Atoms) -> Rows:
    """The sign of the formal charge of each atom, (atoms,): more bonds than a neutral one has is +, fewer is -.

    Aromatic bonds do not tell where charges are, so atoms that have some count as neutral.
    """
    atom, kind, _ = atoms.ends()
    count = len(atoms.elements)
    valence = np.bincount(atom, weights=_ORDER[kind], minlength=count)
    sign: Rows = np.sign(valence - _VALENCE[atoms.elements]).astype(np.int64)
    sign[atom[kind == AROMATIC]] = 0
    return sign


def hybridisation(atoms: Atoms, charge: Rows) -> Rows:
    """0 for sp, 1 for sp2, 2 for sp3, (atoms,).

    A triple or two double bonds make sp, a double or aromatic one sp2; so does a lone pair (of a nitrogen, an oxygen or
    a negative carbon) beside an atom with a multiple bond.
    """
    atom, kind, other = atoms.ends()
    count = len(atoms.elements)
    double = np.bincount(atom[kind == DOUBLE], minlength=count)
    triple = _any(atom[kind == TRIPLE], count)
    multiple = _any(atom[kind != SINGLE], count)
    pair = (np.isin(atoms.elements, (_N, _O)) & (charge <= 0)) | ((atoms.elements == _C) & (charge < 0))
    conjugated = pair & _any(atom[multiple[other]], count)
    number: Rows = np.where(triple | (double > 1), 0, np.where(multiple | conjugated, 1, 2))
    return number


def _any(rows: Rows, count: int) -> Mask:
    """Which of `count` rows are among `rows`."""
    found = np.zeros(count, np.bool_)
    found[rows] = True
    return found


def _one_hot(numbers: Rows, size: int) -> Mask:
    return np.eye(size, dtype=np.bool_)[numbers]
