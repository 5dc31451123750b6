"""A writer of idx files, for tests of their reader."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def header(code: int, *shape: int) -> bytes:
    """The bytes before the data."""
    return struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape)


def as_idx(array: NDArray[Any]) -> bytes:
    """The array as an idx file."""
    return header(CODES[str(array.dtype)], *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write_idx(path: Path, data: NDArray[Any] | bytes) -> Path:
    """Write an array, or bytes that claim to be one; gzipped where the name says so."""
    raw = data if isinstance(data, bytes) else as_idx(data)
    path.write_bytes(gzip.compress(raw, 1) if path.suffix == ".gz" else raw)
    return path


def write_pair(folder: Path, images: NDArray[Any] | bytes, labels: NDArray[Any] | bytes) -> tuple[Path, Path]:
    """Two idx files, images and labels."""
    return write_idx(folder / "images", images), write_idx(folder / "labels.gz", labels)


def digits(count: int) -> NDArray[np.uint8]:
    """Different images of 2 x 3 pixels."""
    return (np.arange(6 * count) * 7 % 256).astype(np.uint8).reshape(count, 2, 3)
