"""QM9: small molecules and the norm of their dipole moment, mu, as graphs of atoms and bonds.

Two forms: 19,913 molecules whose bonds come with the data, and all 130,831 from their SMILES through RDKit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from ampviz.data.atoms import FEATURES
from ampviz.data.cache import Arrays, cached_arrays, fingerprint
from ampviz.data.files import lines, locate, unpacked
from ampviz.data.molecules import Molecule, Molecules, molecule_arrays
from ampviz.data.smiles import smiles_reader
from ampviz.errors import DataError

BONDED = "qm9/qm9_bonds_derived.jsonl.gz"
FULL = "qm9/qm9_targets_130831.csv.gz"
CHEMICAL_ACCURACY = 0.1  # debye: the unit of the error ratio
_COLUMNS = ("smiles", "n_atoms", "mu")
_FORMAT = 2  # of the cached arrays

Split = Literal["train", "valid"]
ReadSmiles = Callable[[str], Molecule | None]


def qm9(split: Split, *, seed: int = 0, size: int | None = None, path: Path | None = None) -> Molecules:
    """The molecules with recorded bonds: 17,922 to train on, 1,991 to validate, with the field `mu`; see `Molecules`.

    A tenth, drawn from `seed`, is for validation. `size` widens the atoms, say to the hidden size. `path` is another
    file of the same form: a line a molecule, `{"atoms": "OHH", "bonds": [[0, 1, 1], [0, 1, 2]], "mu": 1.8511}`.
    The first line that is none ends it: DataError with file and line.
    """
    path = locate(BONDED) if path is None else path
    return _split(_cached("qm9", path, lambda: _bonded(path)), split, seed, size, path)


def qm9_full(
    split: Split,
    *,
    seed: int = 0,
    size: int | None = None,
    path: Path | None = None,
    read_smiles: Callable[[], ReadSmiles] = smiles_reader,
) -> Molecules:
    """All molecules: 117,748 to train on, 13,083 to validate, as `qm9`; bonds and hydrogens from the SMILES.

    A molecule that `read_smiles()` refuses, or that has another number of atoms than the column `n_atoms` says, is left
    out, and its line is in `skipped`. Any other fault is a DataError with file and line, such as a ragged line or a mu
    that is no number. `path` is another CSV file with the columns smiles, n_atoms and mu. Takes half a minute the first
    time.
    """
    path = locate(FULL) if path is None else path
    return _split(_cached("qm9-full", path, lambda: _from_smiles(path, read_smiles())), split, seed, size, path)


def _cached(name: str, path: Path, build: Callable[[], Arrays]) -> Arrays:
    if not path.is_file():
        raise DataError("no such file", where=str(path))
    return cached_arrays(name, f"{fingerprint(path)}-{_FORMAT}", build)


def _split(arrays: Arrays, split: Split, seed: int, size: int | None, path: Path) -> Molecules:
    if size is not None and size < len(FEATURES):
        expected = f"at least {len(FEATURES)}, one for each feature"
        raise DataError("too few columns for the atoms", where=str(path), expected=expected, got=size)
    order = np.random.default_rng(seed).permutation(len(arrays["values"]))
    if len(order) < 2:
        raise DataError("too few molecules to split", where=str(path), expected="at least 2", got=len(order))
    held = max(1, len(order) // 10)
    training = np.sort(order[held:])
    chosen = training if split == "train" else np.sort(order[:held])
    return Molecules(
        arrays, chosen, training, field="mu", unit=CHEMICAL_ACCURACY, size=len(FEATURES) if size is None else size
    )


def _bonded(path: Path) -> Arrays:
    def molecules() -> Iterator[tuple[Molecule, float]]:
        for row, line in enumerate(lines(unpacked(path), str(path)), 1):
            where = f"{path}, line {row}"
            try:
                record = json.loads(line)
                atoms, bonds, mu = record["atoms"], record["bonds"], record["mu"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                what = f"not a molecule with atoms, bonds and mu: {type(error).__name__} {error}"
                raise DataError(what, where=where) from None
            yield _checked(atoms, bonds, where), _measured(mu, where)

    return {**molecule_arrays(molecules()), "skipped": np.zeros(0, np.int64)}


def _checked(atoms: object, bonds: object, where: str) -> Molecule:
    """The molecule of a record, or DataError."""
    sound = isinstance(atoms, str) and isinstance(bonds, list)
    triples = bonds if isinstance(bonds, list) else []
    sound = sound and all(isinstance(bond, list) and len(bond) == 3 for bond in triples)
    sound = sound and all(type(number) is int for bond in triples for number in bond)
    if not sound or not isinstance(atoms, str):
        expected = "a string of atoms, and bonds [atom, type, atom]"
        raise DataError("not a molecule", where=where, expected=expected, got=f"{atoms!r}, {bonds!r}"[:80])
    molecule = Molecule(atoms, [number for bond in triples for number in bond])
    fault = molecule.fault()
    if fault:
        raise DataError(fault, where=where)
    return molecule


def _from_smiles(path: Path, read: ReadSmiles) -> Arrays:
    text = lines(unpacked(path), str(path))
    header = text[0].split(",") if text else []
    missing = [name for name in _COLUMNS if name not in header]
    if missing:
        raise DataError("a column is missing", where=f"{path}, line 1", expected=", ".join(_COLUMNS), got=header)
    columns = [header.index(name) for name in _COLUMNS]
    skipped: list[int] = []

    def molecules() -> Iterator[tuple[Molecule, float]]:
        for row, line in enumerate(text[1:], 2):
            where, cells = f"{path}, line {row}", line.split(",")
            if len(cells) != len(header):
                raise DataError("ragged line", where=where, expected=f"{len(header)} columns", got=len(cells))
            smiles, atoms, mu = (cells[column] for column in columns)
            value = _measured(mu, where)
            if not (atoms.isascii() and atoms.isdigit()):
                raise DataError("not a number of atoms", where=where, got=repr(atoms))
            molecule = read(smiles)
            if molecule is None or len(molecule.atoms) != int(atoms):
                skipped.append(row)
            else:
                yield molecule, value

    arrays = molecule_arrays(molecules())
    return {**arrays, "skipped": np.array(skipped, np.int64)}


def _measured(value: object, where: str) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError("mu is not a finite number", where=where, got=repr(value))
    return number
