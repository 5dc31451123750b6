"""Molecules as graphs with one measured value each: flat arrays of many, and the data set of a split.

The nodes of a graph are the atoms but the hydrogens; these are counted at the atom that they are bound to.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ampviz.data.atoms import BONDS, ELEMENTS, FEATURES, Atoms, features, folded
from ampviz.data.cache import Arrays
from ampviz.data.dataset import Instance
from ampviz.data.graphs import Edges, Rows, edge_arrays


class Molecule(NamedTuple):
    """`atoms` has one letter an atom; `bonds` is flat, three numbers a bond: atom, type (1 to 4, see BONDS), atom."""

    atoms: str
    bonds: list[int]

    def fault(self) -> str:
        """What is wrong with it; empty if nothing. A bond stands once, in either direction."""
        others = set(self.atoms) - set(ELEMENTS)
        if others or not self.atoms:
            return f"unknown element {min(others)!r}" if others else "no atoms"
        if len(self.bonds) % 3:
            return "a bond is not three numbers"
        first, kind, second = self.bonds[0::3], self.bonds[1::3], self.bonds[2::3]
        for a, type_, b in zip(first, kind, second, strict=True):
            if not 1 <= type_ <= len(BONDS):
                return f"unknown bond type {type_}"
            if not (0 <= a < len(self.atoms) and 0 <= b < len(self.atoms)):
                return f"bond {a}-{b} to a missing atom, of {len(self.atoms)}"
            if a == b:
                return f"bond of atom {a} to itself"
        if len({frozenset(pair) for pair in zip(first, second, strict=True)}) < len(kind):
            return "a bond that stands twice"
        return ""


def molecule_arrays(molecules: Iterable[tuple[Molecule, float]]) -> Arrays:
    """Flat arrays for `Molecules` from sound molecules and their values."""
    letters, bonds, values = bytearray(), array("q"), array("d")
    atom_counts, bond_counts = array("q"), array("q")
    for molecule, value in molecules:
        letters += molecule.atoms.encode()
        bonds.extend(molecule.bonds)
        values.append(value)
        atom_counts.append(len(molecule.atoms))
        bond_counts.append(len(molecule.bonds) // 3)
    number = np.zeros(256, np.int64)
    number[list(ELEMENTS.encode())] = range(len(ELEMENTS))
    elements = number[np.frombuffer(bytes(letters), np.uint8)]
    first, kind, second = np.array(bonds, np.int64).reshape(-1, 3).T
    graph = np.repeat(np.arange(len(values)), np.array(bond_counts, np.int64))
    start = np.cumsum([0, *atom_counts])
    whole = Atoms(elements, first + start[graph], kind - 1, second + start[graph])
    return {"values": np.array(values, np.float64), **_graph_arrays(whole, graph, start)}


def _graph_arrays(atoms: Atoms, graph: Rows, start: Rows) -> Arrays:
    """The graphs of molecules without their folded hydrogens: features of atoms, where molecules start, and edges.

    `graph` is the molecule of each bond; `start` has the first atom of each molecule and the number of all atoms.
    """
    kept = ~folded(atoms)
    row = np.concatenate([[0], np.cumsum(kept)])  # of an atom among those kept
    stays = kept[atoms.first] & kept[atoms.second]
    graph, kind = graph[stays], atoms.kind[stays]
    first, second = (row[ends[stays]] - row[start[graph]] for ends in (atoms.first, atoms.second))
    twice = (np.tile(graph, 2), np.tile(kind, 2), np.concatenate([first, second]), np.concatenate([second, first]))
    return {
        "features": features(atoms)[kept],
        "atoms": row[start],
        **edge_arrays(*twice, graphs=len(start) - 1, types=len(BONDS)),
    }


class Molecules:
    """The molecules of a split, one an instance.

    `atoms` (atoms, size) float32: the columns of FEATURES, 0 or 1, further columns 0; hydrogens with a single bond to
    another element are no atoms here (see `folded`), but counted at that one. The value, (1, 1) float32 in a field
    named `field`, is what was measured less `mean`, divided by `deviation`, both of the training split. Tables:
    `sources` and `targets` (see `Edges`), by bond type single, double, triple, aromatic, each bond in both directions;
    and `nodes`, the number of atoms. `skipped` are the lines of the file whose molecules were left out.
    """

    def __init__(self, arrays: Arrays, chosen: Rows, training: Rows, *, field: str, unit: float, size: int):
        measured = np.asarray(arrays["values"])
        self.mean, self.deviation = float(measured[training].mean()), float(measured[training].std()) or 1.0
        self.field, self.unit, self.size = field, unit, size
        self.chosen = chosen  # which molecules of the file, by instance
        self.skipped: list[int] = arrays["skipped"].tolist()
        self._features, self._atoms = np.asarray(arrays["features"]), np.asarray(arrays["atoms"])
        self._edges = Edges(arrays, len(BONDS))
        values = (measured[chosen] - self.mean) / self.deviation
        self._values: NDArray[np.float32] = values.astype(np.float32).reshape(-1, 1, 1)
        self._values.flags.writeable = False

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, index: int) -> Instance:
        molecule = int(self.chosen[index])
        start, end = self._atoms[molecule : molecule + 2].tolist()
        tables = self._edges.tables(molecule)
        tables["nodes"] = end - start
        atoms = np.zeros((end - start, self.size), np.float32)
        atoms[:, : len(FEATURES)] = self._features[start:end]
        return Instance({"atoms": atoms, self.field: self._values[index]}, tables=tables)

    def error_ratio(self, error: float) -> float:
        """A mean absolute error of the standardised value in multiples of `unit`."""
        return error * self.deviation / self.unit
