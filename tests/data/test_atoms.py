"""The features of atoms: known molecules in words, and against what RDKit says of atoms."""

from __future__ import annotations

import numpy as np
import pytest

from ampviz.data.atoms import FEATURES, Atoms, charges, features, folded
from ampviz.data.molecules import Molecule
from ampviz.data.smiles import smiles_reader
from tests.data.moleculefile import words


def atoms_of(molecule: Molecule) -> Atoms:
    bonds = np.array(molecule.bonds, np.int64).reshape(-1, 3)
    return Atoms(
        np.array(["HCNOF".index(letter) for letter in molecule.atoms]), bonds[:, 0], bonds[:, 1] - 1, bonds[:, 2]
    )


def molecule_of(heavy: str, bonds: list[tuple[int, int, int]], hydrogens: list[int]) -> Molecule:
    """A molecule from its heavy atoms, their bonds and how many hydrogens each has."""
    flat, atoms = [number for bond in bonds for number in bond], heavy
    for atom, count in enumerate(hydrogens):
        for _ in range(count):
            flat += (atom, 1, len(atoms))
            atoms += "H"
    return Molecule(atoms, flat)


def ring(*kinds: int) -> list[tuple[int, int, int]]:
    return [(atom, kind, (atom + 1) % len(kinds)) for atom, kind in enumerate(kinds)]


KNOWN = {
    "methane": (("C", [], [4]), ["C H4 sp3"]),
    "propyne": (("CCC", [(0, 1, 1), (1, 3, 2)], [3, 0, 1]), ["C H3 sp3", "C H0 sp", "C H1 sp"]),
    "allene": (("CCC", [(0, 2, 1), (1, 2, 2)], [2, 0, 2]), ["C H2 sp2", "C H0 sp", "C H2 sp2"]),
    "methanol, methylamine's lone pairs stay sp3": (("CO", [(0, 1, 1)], [3, 1]), ["C H3 sp3", "O H1 sp3"]),
    "formamide, whose nitrogen is conjugated": (
        ("NCO", [(0, 1, 1), (1, 2, 2)], [2, 1, 0]),
        ["N H2 sp2", "C H1 sp2", "O H0 sp2"],
    ),
    "glycine as a zwitterion": (
        ("NCCOO", [(0, 1, 1), (1, 1, 2), (2, 2, 3), (2, 1, 4)], [3, 2, 0, 0, 0]),
        ["N H3 sp3 positive", "C H2 sp3", "C H0 sp2", "O H0 sp2", "O H0 sp2 negative"],
    ),
    "nitromethane": (
        ("CNOO", [(0, 1, 1), (1, 2, 2), (1, 1, 3)], [3, 0, 0, 0]),
        ["C H3 sp3", "N H0 sp2 positive", "O H0 sp2", "O H0 sp2 negative"],
    ),
    "a carbanion beside a nitrile": (
        ("CCN", [(0, 1, 1), (1, 3, 2)], [2, 0, 0]),
        ["C H2 sp2 negative", "C H0 sp", "N H0 sp"],
    ),
    "pyrrole": (
        ("NCCCC", ring(4, 4, 4, 4, 4), [1] * 5),
        ["N H1 sp2 aromatic ring ring5", *["C H1 sp2 aromatic ring ring5"] * 4],
    ),
    "fluorobenzene": (
        ("CCCCCCF", [*ring(4, 4, 4, 4, 4, 4), (0, 1, 6)], [0, 1, 1, 1, 1, 1, 0]),
        ["C H0 sp2 aromatic ring ring6", *["C H1 sp2 aromatic ring ring6"] * 5, "F H0 sp3"],
    ),
    "a triangle on a square": (
        ("COCCC", [*ring(1, 1, 1, 1), (2, 1, 4), (4, 1, 3)], [2, 0, 1, 1, 2]),
        ["C H2 sp3 ring ring4", "O H0 sp3 ring ring4", *["C H1 sp3 ring ring3 ring4"] * 2, "C H2 sp3 ring ring3"],
    ),
    "a ring of seven has no size": (("C" * 7, ring(*[1] * 7), [2] * 7), ["C H2 sp3 ring"] * 7),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_molecules(name):
    made, expected = KNOWN[name]
    atoms = atoms_of(molecule_of(*made))
    found = features(atoms)
    assert found.shape == (len(atoms.elements), len(FEATURES))
    assert words(found[~folded(atoms)]) == expected


def test_many_molecules_at_once_are_as_each_alone():
    parts = [atoms_of(molecule_of(*made)) for made, _ in KNOWN.values()]
    starts = np.cumsum([0, *(len(part.elements) for part in parts)])
    together = Atoms(
        np.concatenate([part.elements for part in parts]),
        np.concatenate([part.first + start for part, start in zip(parts, starts, strict=False)]),
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.second + start for part, start in zip(parts, starts, strict=False)]),
    )
    np.testing.assert_array_equal(features(together), np.concatenate([features(part) for part in parts]))


@pytest.mark.parametrize(
    ("atoms", "bonds", "kept"),
    [
        ("OHH", [0, 1, 1, 2, 1, 0], "O"),
        ("FH", [0, 1, 1], "F"),
        ("HH", [0, 1, 1], "HH"),
        ("H", [], "H"),
        ("HCH", [], "HCH"),
        ("OHO", [0, 1, 1, 1, 1, 2], "OHO"),
        ("CH", [0, 2, 1], "CH"),
    ],
)
def test_hydrogens_fold_by_a_lone_single_bond_to_another_element(atoms, bonds, kept):
    mask = folded(atoms_of(Molecule(atoms, bonds)))
    assert "".join(letter for letter, gone in zip(atoms, mask, strict=True) if not gone) == kept


def test_more_than_four_hydrogens_count_as_four():
    atoms = atoms_of(molecule_of("C", [], [5]))
    assert words(features(atoms)[:1]) == ["C H4 sp3 positive"]


SMILES = [
    "C", "CC#CC=O", "NC(=O)C(N)=O", "[NH3+]CC(=O)[O-]", "O=[N+]([O-])c1ccco1", "C[NH+]=C(N)C([O-])=O", "C=C=C",
    "NC=[NH+][C-](C#N)C#N", "C1CC2CCC1C2", "c1ccc2occc2c1", "C1CC1C1CO1", "CN1C=CN=C1", "FC(F)(F)C1CCCCCC1",
    "OC1=NOC=C1", "C1C2CC3C1N23",
]  # fmt: skip


@pytest.mark.parametrize("smiles", SMILES)
def test_features_are_what_rdkit_says(smiles):
    chem = pytest.importorskip("rdkit.Chem", reason="the extra chem is not installed")
    atoms = atoms_of(smiles_reader()(smiles))
    parsed = chem.MolFromSmiles(smiles)
    rings = parsed.GetRingInfo()
    expected = []
    for atom in parsed.GetAtoms():
        names = [atom.GetSymbol(), f"H{atom.GetTotalNumHs()}", str(atom.GetHybridization()).lower()]
        names += ["aromatic"] * atom.GetIsAromatic() + {-1: ["negative"], 0: [], 1: ["positive"]}[
            atom.GetFormalCharge()
        ]
        names += ["ring"] * atom.IsInRing()
        names += [f"ring{size}" for size in (3, 4, 5, 6) if rings.IsAtomInRingOfSize(atom.GetIdx(), size)]
        expected.append(" ".join(names))
    assert words(features(atoms)[~folded(atoms)]) == expected


def test_aromatic_atoms_count_as_neutral():
    pytest.importorskip("rdkit", reason="the extra chem is not installed")
    atoms = atoms_of(smiles_reader()("c1c[nH]c[nH+]1"))
    assert not charges(atoms).any()
