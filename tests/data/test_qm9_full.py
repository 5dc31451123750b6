"""QM9 from a table of SMILES: what is skipped and counted, what is refused, and what RDKit makes of SMILES."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import pytest

from ampviz.data.molecules import Molecule
from ampviz.data.qm9 import qm9, qm9_full
from ampviz.data.smiles import smiles_reader
from ampviz.errors import DataError
from tests.data.moleculefile import bonds_of, words, write_records

CSV = ["mol_id,smiles,n_atoms,A,mu", *(f"gdb_{n},{n},{n},7.5,{n}.5" for n in range(1, 8))]


@pytest.fixture
def write(tmp_path):
    """Writes lines to a file and returns its path."""
    return partial(write_records, tmp_path / "table.csv")


def chain(smiles: str) -> Molecule | None:
    """Stands for RDKit: a number is a chain of so many carbon atoms, other text is refused."""
    if not smiles.isdigit():
        return None
    count = int(smiles)
    return Molecule("C" * count, [number for first in range(count - 1) for number in (first, 1, first + 1)])


def full(split, path, **options):
    return qm9_full(split, path=path, read_smiles=lambda: chain, **options)


def test_a_table_of_smiles_gives_the_same_kind_of_data_set(write):
    path = write(CSV)
    train, valid = full("train", path), full("valid", path)
    assert (len(train), len(valid), train.skipped) == (6, 1, [])
    for dataset in (train, valid):
        for index in range(len(dataset)):
            count, instance = int(dataset.chosen[index]) + 1, dataset[index]
            assert words(instance.fields["atoms"]) == ["C H0 sp3 negative"] * count  # bare: fewer than four bonds
            steps = {(atom, 1, atom + 1) for atom in range(count - 1)}
            assert bonds_of(instance) == steps | {(j, kind, i) for i, kind, j in steps}
            restored = instance.fields["mu"][0, 0] * dataset.deviation + dataset.mean
            assert restored == pytest.approx(count + 0.5)


def test_what_is_refused_or_has_another_number_of_atoms_is_skipped_and_counted(write):
    path = write([*CSV[:3], "gdb_x,refused,3,7.5,9.", *CSV[3:], "gdb_y,5,6,7.5,9."])
    dataset = full("train", path)
    assert dataset.skipped == [4, 10]
    assert len(dataset) + len(full("valid", path)) == 7
    assert full("train", path).skipped == [4, 10]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("gdb_1,1,1,7.5", "ragged line (expected 5 columns, got 4)"),
        ("gdb_1,1,1,7.5,1,1", "got 6"),
        ("", "got 1"),
        ("gdb_1,1,one,7.5,1.", "not a number of atoms"),
        ("gdb_1,1,1,7.5,", "mu is not a finite number"),
        ("gdb_1,1,1,7.5,inf", "mu is not a finite number"),
        ("gdb_1,refused,1,7.5,nan", "mu is not a finite number"),
    ],
)
def test_a_bad_row_of_the_table_is_refused_with_file_and_line(write, line, what):
    path = write([*CSV[:4], line, *CSV[4:]])
    with pytest.raises(DataError) as caught:
        full("train", path)
    assert caught.value.where == f"{path}, line 5"
    assert what in str(caught.value)


@pytest.mark.parametrize("lines", [[], ["mol_id,smiles,mu", "gdb_1,1,1.5"]])
def test_a_table_without_its_columns_is_refused(write, lines):
    with pytest.raises(DataError, match=r"line 1: a column is missing \(expected smiles, n_atoms, mu"):
        full("train", write(lines))


def test_a_table_where_everything_is_refused_is_no_data_set(write):
    with pytest.raises(DataError, match="too few molecules"):
        full("train", write([CSV[0], *(f"gdb_{n},refused,1,7.5,1.5" for n in range(5))]))


def test_a_second_start_needs_no_rdkit(write, monkeypatch):
    path = write(CSV)
    first = full("train", path)
    monkeypatch.setitem(sys.modules, "rdkit", None)
    assert qm9_full("train", path=path)[2].fields["mu"] == first[2].fields["mu"]


def test_without_rdkit_the_error_says_what_to_install(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    with pytest.raises(DataError, match="RDKit is needed") as caught:
        qm9_full("train", path=write(CSV))
    assert "pip install 'ampviz[chem]'" in caught.value.hint


@pytest.fixture(scope="module")
def read():
    """The reader of SMILES; the extra `chem` brings it."""
    pytest.importorskip("rdkit", reason="the extra chem is not installed")
    return smiles_reader()


@pytest.mark.parametrize(
    ("smiles", "atoms", "bonds"),
    [
        ("O", "OHH", {(0, 1, 1), (0, 1, 2)}),
        ("C#N", "CNH", {(0, 3, 1), (0, 1, 2)}),
        ("C=O", "COHH", {(0, 2, 1), (0, 1, 2), (0, 1, 3)}),
        ("[H][H]", "HH", {(0, 1, 1)}),
        ("n1cc[nH]c1", "NCCNCHHHH", {(0, 4, 1), (1, 4, 2), (2, 4, 3), (3, 4, 4), (4, 4, 0)}),
    ],
)
def test_rdkit_gives_atoms_with_hydrogens_and_bonds_by_order(read, smiles, atoms, bonds):
    molecule = read(smiles)
    assert molecule.atoms == atoms
    triples = np.array(molecule.bonds).reshape(-1, 3).tolist()
    found = {tuple(bond) for bond in triples} | {(j, kind, i) for i, kind, j in triples}
    assert bonds <= found
    assert molecule.fault() == ""


@pytest.mark.parametrize("smiles", ["C[C", "not smiles", "C(C)(C)(C)(C)C", "c1ccc1c", "", "[Na+].[Cl-]", "S", "C$C"])
def test_what_rdkit_refuses_and_other_elements_give_nothing(read, smiles, capfd):
    assert read(smiles) is None
    assert capfd.readouterr() == ("", "")


def test_recorded_bonds_are_those_that_rdkit_finds(read, data_folder, write):
    lines = [CSV[0], "gdb_2,N,4,0,1.6256", "gdb_3,O,3,0,1.8511", "gdb_12,CCC,11,0,0.0597"]
    from_smiles = qm9_full("train", path=write(lines), seed=0)
    recorded, held = qm9("train"), qm9("valid")
    for index in range(len(from_smiles)):
        place = int(from_smiles.chosen[index])
        source = recorded if place in recorded.chosen else held
        other = source[int(np.searchsorted(source.chosen, place))]
        assert bonds_of(from_smiles[index]) == bonds_of(other)
        np.testing.assert_array_equal(from_smiles[index].fields["atoms"], other.fields["atoms"])
