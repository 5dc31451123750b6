"""A writer of molecule files, and the bonds of an instance as a set, for tests of the loaders."""

from __future__ import annotations

import json
from pathlib import Path

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
