"""Parsed data kept as memory-mapped arrays in the user's cache: read once, then opened in no time by every process."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.data.files import cache_root

Arrays = dict[str, NDArray[Any]]
_NAMES = "names"  # the file that lists the arrays of an entry, so that one that got lost is missed


def cached_arrays(name: str, key: str, build: Callable[[], Arrays]) -> Arrays:
    """The arrays that `build` gives, memory-mapped read-only; built only if the cache has none for this name and key.

    `key` says what they were built from (checksum and version of the parser). An entry that is not whole is built
    anew. Two processes may build at once: one entry wins, both are right.
    """
    folder = cache_root() / "arrays" / f"{name}-{key}"
    arrays = _open(folder)
    if arrays is not None:
        return arrays
    built = build()
    try:
        _write(folder, built)
    except OSError:
        return built  # a full or read-only disk costs time, not correctness
    return _open(folder) or built


def fingerprint(*paths: Path) -> str:
    """A key for files as they are now: their names, sizes and times of change."""
    import hashlib

    digest = hashlib.sha256()
    for path in paths:
        status = path.stat()
        digest.update(f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]


def _open(folder: Path) -> Arrays | None:
    if not folder.is_dir():
        return None
    try:
        names = (folder / _NAMES).read_text().split()
        return {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
    except (OSError, ValueError, EOFError):
        shutil.rmtree(folder, ignore_errors=True)
        return None


def _write(folder: Path, arrays: Arrays) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for name, array in arrays.items():
            np.save(temporary / f"{name}.npy", array, allow_pickle=False)
        (temporary / _NAMES).write_text("\n".join(arrays))
        os.replace(temporary, folder)
    except OSError:
        shutil.rmtree(temporary, ignore_errors=True)
        if not folder.exists():  # else another process was first
            raise
