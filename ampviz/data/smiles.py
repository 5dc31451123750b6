"""Molecules from SMILES, with RDKit, which the extra `chem` brings."""

from __future__ import annotations

from collections.abc import Callable

from ampviz.data.molecules import Molecule
from ampviz.errors import DataError

_KIND = {1.0: 1, 2.0: 2, 3.0: 3, 1.5: 4}  # RDKit's order of a bond -> its number


def smiles_reader() -> Callable[[str], Molecule | None]:
    """A function SMILES -> molecule with all its hydrogens; None for what RDKit refuses or has other bonds or elements.

    Raises DataError where RDKit is not installed.
    """
    try:
        from rdkit import Chem, rdBase
    except ImportError as error:
        hint = "`pip install 'ampviz[chem]'` brings it"
        raise DataError(f"RDKit is needed to read SMILES ({error})", where="smiles", hint=hint) from None

    def read(smiles: str) -> Molecule | None:
        with rdBase.BlockLogs():  # a refusal is counted, not printed
            parsed = Chem.MolFromSmiles(smiles)
        if parsed is None:
            return None
        atoms = [atom.GetSymbol() for atom in parsed.GetAtoms()]
        if any(len(atom) > 1 for atom in atoms):
            return None
        bonds: list[int] = []
        for bond in parsed.GetBonds():
            kind = _KIND.get(bond.GetBondTypeAsDouble(), 0)
            bonds += (bond.GetBeginAtomIdx(), kind, bond.GetEndAtomIdx())
        for atom in parsed.GetAtoms():
            for _ in range(atom.GetTotalNumHs()):
                bonds += (atom.GetIdx(), 1, len(atoms))
                atoms.append("H")
        molecule = Molecule("".join(atoms), bonds)
        return None if molecule.fault() else molecule

    return read
