"""The idx format of MNIST: arrays of any rank in big-endian binary, plain or gzipped."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.data.files import unpacked
from ampviz.errors import DataError

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> NDArray[Any]:
    """The array in an idx file, in native byte order. Raises DataError for anything but a whole idx file."""
    where = str(path)
    data = unpacked(path)
    if len(data) < 4:
        raise DataError("the idx header is truncated", where=where, expected="4 bytes", got=len(data))
    zero, code, rank = struct.unpack_from(">HBB", data)
    if zero or code not in _DTYPES:
        raise DataError("not an idx file", where=where, expected="magic 00 00 <type> <rank>", got=data[:4].hex(" "))
    start = 4 + 4 * rank
    if len(data) < start:
        raise DataError("the idx header is truncated", where=where, expected=f"{start} bytes", got=len(data))
    shape = struct.unpack_from(f">{rank}I", data, 4)
    dtype = np.dtype(_DTYPES[code])
    expected = start + dtype.itemsize * math.prod(shape)
    if len(data) != expected:
        what = "truncated" if len(data) < expected else "longer than its header says"
        raise DataError(f"the file is {what}", where=where, expected=f"{expected} bytes for {shape}", got=len(data))
    try:
        array = np.frombuffer(data, dtype, offset=start).reshape(shape)
    except ValueError as error:  # more dimensions than numpy has, or sizes beyond memory beside a size of 0
        raise DataError(f"the shape cannot be an array: {error}", where=where) from error
    return array.astype(dtype.newbyteorder("="))
