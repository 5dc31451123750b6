"""y += a x^T z in place: the product of BLAS that numpy has no name for, from the library that numpy itself uses."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from importlib import import_module
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]

_BY_ROWS, _PLAIN, _TRANSPOSED = 101, 111, 112  # of CBLAS


def _gemms() -> dict[str, Callable[..., None]]:
    """By the letter of the dtype, as the wheels of numpy bring them along; none where numpy was built otherwise."""
    found: dict[str, Callable[..., None]] = {}
    try:
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
        for dtype, letter, real in (("f", "s", ctypes.c_float), ("d", "d", ctypes.c_double)):
            gemm = library[f"scipy_cblas_{letter}gemm64_"]
            size, array = ctypes.c_int64, ctypes.c_void_p
            gemm.argtypes = [*[ctypes.c_int] * 3, *[size] * 3, real, array, size, array, size, real, array, size]
            gemm.restype = None
            found[dtype] = gemm
    except (ImportError, OSError, AttributeError):
        return {}
    return found


_GEMM = _gemms()


def add_product(y: Array, a: float, x: Array, z: Array) -> bool:
    """y += a x^T z for y (m, n), x (k, m), z (k, n), where BLAS can do so without a copy; says whether it has."""
    if y.shape != (x.shape[1], z.shape[1]) or len(x) != len(z):
        raise ValueError(f"shapes {x.shape} and {z.shape} do not give a product to be added to {y.shape}")
    if not y.flags.writeable:
        raise ValueError("the array to be added to is read-only")
    gemm = _GEMM.get(y.dtype.char)
    if gemm is None or not (x.dtype == z.dtype == y.dtype and _by_rows(x) and _by_rows(y) and _by_rows(z)):
        return False
    leading = [array.strides[0] // array.itemsize for array in (x, z, y)]
    gemm(
        _BY_ROWS, _TRANSPOSED, _PLAIN, *y.shape, len(x),
        a, x.ctypes.data, leading[0], z.ctypes.data, leading[1], 1.0, y.ctypes.data, leading[2],
    )  # fmt: skip
    return True


def _by_rows(array: Array) -> bool:
    """Whether its rows are contiguous, do not overlap, and there is something in it."""
    step, width = array.strides[0], array.shape[1] * array.itemsize
    return array.size > 0 and array.strides[1] == array.itemsize and step >= width and step % array.itemsize == 0
