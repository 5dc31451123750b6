"""QM9: molecules as graphs, standardised values, splits, what is refused, and the published molecules."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from ampviz.data.atoms import FEATURES
from ampviz.data.qm9 import qm9
from ampviz.errors import DataError
from tests.data.moleculefile import bonds_of, words, write_records

WATER = {"atoms": "OHH", "bonds": [[0, 1, 1], [2, 1, 0]], "mu": 1.5}
RECORDS = [
    WATER,
    {"atoms": "CNH", "bonds": [[0, 3, 1], [0, 1, 2]], "mu": 3.0},
    {"atoms": "HH", "bonds": [[0, 1, 1]], "mu": 0},
    {"atoms": "HCHO", "bonds": [[1, 2, 3], [0, 1, 1], [1, 1, 2]], "mu": 2.5},
    {"atoms": "CC", "bonds": [[0, 4, 1]], "mu": -1.0},
]
GRAPHS = [  # atoms and bonds of each record: hydrogens are counted at their neighbours
    (["O H2 sp3"], set()),
    (["C H1 sp", "N H0 sp"], {(0, 3, 1), (1, 3, 0)}),
    (["H H0 sp3", "H H0 sp3"], {(0, 1, 1), (1, 1, 0)}),
    (["C H2 sp2", "O H0 sp2"], {(0, 2, 1), (1, 2, 0)}),
    (["C H0 sp2 aromatic", "C H0 sp2 aromatic"], {(0, 4, 1), (1, 4, 0)}),
]


@pytest.fixture
def write(tmp_path):
    """Writes records to a file and returns its path."""
    return partial(write_records, tmp_path / "molecules")


@pytest.mark.parametrize("seed", range(4))
def test_atoms_and_bonds_are_those_of_the_record(write, seed):
    path = write(RECORDS)
    seen = set()
    for split in ("train", "valid"):
        dataset = qm9(split, path=path, seed=seed)
        for index in range(len(dataset)):
            instance, (atoms, bonds) = dataset[index], GRAPHS[dataset.chosen[index]]
            seen.add(int(dataset.chosen[index]))
            assert words(instance.fields["atoms"]) == atoms
            assert instance.fields["atoms"].dtype == np.float32
            assert instance.tables["nodes"] == len(atoms)
            assert len(instance.tables["sources"]) == len(instance.tables["targets"]) == 4
            assert bonds_of(instance) == bonds
            assert not instance.state
    assert seen == set(range(len(RECORDS)))


def test_values_are_standardised_by_the_training_split(write):
    path = write(RECORDS)
    train, valid = qm9("train", path=path), qm9("valid", path=path)
    measured = np.array([record["mu"] for record in RECORDS])
    assert train.mean == valid.mean == pytest.approx(measured[train.chosen].mean())
    assert train.deviation == valid.deviation == pytest.approx(measured[train.chosen].std())
    for dataset in (train, valid):
        for index in range(len(dataset)):
            value = dataset[index].fields["mu"]
            assert (value.shape, value.dtype) == ((1, 1), np.float32)
            restored = value[0, 0] * dataset.deviation + dataset.mean
            assert restored == pytest.approx(measured[dataset.chosen[index]], abs=1e-6)


def test_the_error_ratio_counts_tenths_of_a_debye(write):
    dataset = qm9("train", path=write(RECORDS))
    assert dataset.error_ratio(0.5) == pytest.approx(0.5 * dataset.deviation / 0.1)


def test_equal_values_are_only_centred(write):
    dataset = qm9("train", path=write([WATER] * 4))
    assert dataset.deviation == 1.0
    assert dataset[0].fields["mu"].tolist() == [[0.0]]


def test_the_split_is_drawn_from_the_seed(write):
    path = write([WATER] * 50)
    train, valid = qm9("train", path=path), qm9("valid", path=path)
    assert (len(train), len(valid)) == (45, 5)
    assert sorted([*train.chosen, *valid.chosen]) == list(range(50))
    assert qm9("valid", path=path).chosen.tolist() == valid.chosen.tolist()
    assert qm9("valid", path=path, seed=1).chosen.tolist() != valid.chosen.tolist()


def test_atoms_are_widened_with_zeros(write):
    path = write(RECORDS)
    narrow, wide = qm9("train", path=path)[0].fields["atoms"], qm9("train", path=path, size=30)[0].fields["atoms"]
    assert (narrow.shape[1], wide.shape[1]) == (21, 30)
    assert words(wide) == words(narrow)
    assert not wide[:, 21:].any()
    with pytest.raises(DataError, match=r"too few columns.*at least 21, one for each feature, got 20"):
        qm9("train", path=path, size=20)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"bonds": [[0, 1, 3]]}, "bond 0-3 to a missing atom, of 3"),
        ({"bonds": [[-1, 1, 0]]}, "bond -1-0 to a missing atom"),
        ({"bonds": [[0, 5, 1]]}, "unknown bond type 5"),
        ({"bonds": [[0, 0, 1]]}, "unknown bond type 0"),
        ({"bonds": [[1, 1, 1]]}, "bond of atom 1 to itself"),
        ({"bonds": [[0, 1, 1], [1, 2, 0]]}, "a bond that stands twice"),
        ({"bonds": [[0, 1]]}, "not a molecule"),
        ({"bonds": [[0, 1.0, 1]]}, "not a molecule"),
        ({"bonds": [[0, True, 1]]}, "not a molecule"),
        ({"bonds": "0-1"}, "not a molecule"),
        ({"atoms": "OHX"}, "unknown element 'X'"),
        ({"atoms": "", "bonds": []}, "no atoms"),
        ({"atoms": ["O", "H", "H"]}, "not a molecule"),
        ({"mu": None}, "mu is not a finite number (got None)"),
        ({"mu": "high"}, "mu is not a finite number (got 'high')"),
        ({"mu": float("nan")}, "mu is not a finite number (got nan)"),
        ({"mu": 10**400}, "mu is not a finite number"),
        ({"mu": True}, "mu is not a finite number"),
    ],
)
def test_a_bad_molecule_is_refused_with_file_and_line(write, change, what):
    path = write([WATER, WATER, {**WATER, **change}, WATER])
    with pytest.raises(DataError) as caught:
        qm9("train", path=path)
    assert caught.value.where == f"{path}, line 3"
    assert what in str(caught.value)


@pytest.mark.parametrize("line", ["", "{", "[]", "7", '{"atoms": "H", "bonds": []}', "[" * 100_000])
def test_a_line_that_is_no_record_is_refused(write, line):
    path = write([WATER, line])
    with pytest.raises(DataError, match="not a molecule with atoms, bonds and mu") as caught:
        qm9("train", path=path)
    assert caught.value.where == f"{path}, line 2"


def test_too_few_molecules_and_no_file_are_refused(write, tmp_path):
    for records in ([], [WATER]):
        with pytest.raises(DataError, match="too few molecules"):
            qm9("train", path=write(records))
    with pytest.raises(DataError, match="no such file"):
        qm9("train", path=tmp_path / "absent")


@pytest.fixture
def real(published):
    """Opens the published molecules with bonds."""
    return qm9


def test_the_molecules_with_bonds_are_what_was_published(real):
    train, valid = real("train"), real("valid")
    assert (len(train), len(valid)) == (17_922, 1_991)
    assert train.mean == pytest.approx(2.673, abs=0.03)
    counts, charged = np.zeros(4, int), np.zeros(2, int)
    atoms = 0
    for dataset in (train, valid):
        for index in range(len(dataset)):
            tables, features = dataset[index].tables, dataset[index].fields["atoms"]
            charged += features[:, [FEATURES.index("positive"), FEATURES.index("negative")]].sum(axis=0).astype(int)
            counts += [len(rows) for rows in tables["sources"]]
            atoms += tables["nodes"]
    hydrogens = 183_358  # each with one of the 332,411 single bonds
    assert (counts // 2).tolist() == [332_411 - hydrogens, 13_893, 5_652, 18_698]
    assert atoms == 358_411 - hydrogens
    assert charged.tolist() == [27, 27]  # molecules are neutral


def test_a_second_start_parses_nothing(real, monkeypatch):
    first = real("valid")[5]
    monkeypatch.setattr("ampviz.data.qm9.json", None)
    assert bonds_of(real("valid")[5]) == bonds_of(first)
