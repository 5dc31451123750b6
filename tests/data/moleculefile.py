"""A writer of molecule files, and atoms and bonds of an instance in short, for tests of the loaders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ampviz.data.atoms import FEATURES
from ampviz.data.dataset import Instance


def write_records(path: Path, records: list) -> Path:
    """Write records as JSON lines, texts as they are."""
    texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
    path.write_text("".join(f"{text}\n" for text in texts))
    return path


def bonds_of(instance: Instance) -> set[tuple[int, int, int]]:
    """(source, type, target) of all directed bonds, types counted from 1."""
    tables = instance.tables
    return {
        (source, kind, target)
        for kind, (sources, targets) in enumerate(zip(tables["sources"], tables["targets"], strict=True), 1)
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True)
    }


def words(features: NDArray[np.generic]) -> list[str]:
    """For each atom the names of the features that it has: ["C H3 sp3", "O H1 sp3"]."""
    assert np.isin(features, (0, 1)).all()
    return [" ".join(name for name, has in zip(FEATURES, row, strict=False) if has) for row in features.tolist()]
