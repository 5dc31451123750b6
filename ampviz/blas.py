"""Products of matrices that numpy does not offer, or not as fast, by the BLAS library itself, through ctypes.

`add_product` adds a product in place, by the library that numpy's wheels bring along, or by Intel's MKL where that is
installed (`pip install ampviz[mkl]`) and AMPVIZ_BLAS=numpy does not say otherwise. `fast_product` works with MKL only.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_first_byte: Callable[[Any], ctypes.c_char] = ctypes.c_char.from_buffer

_BY_ROWS, _PLAIN, _TRANSPOSED = 101, 111, 112  # of CBLAS
_SEQUENTIAL = 1  # of MKL: a worker computes with one thread
# Where MKL is faster, the call through ctypes included: from so many multiplications on, fewer for x z with a large z.
_LARGE, _LARGE_FORWARD, _FORWARD_SIZE = 2_000_000, 1_400_000, 25_000
# Its x z^T with a z of so many numbers is slow for few rows: z x^T is up to twice as fast, numpy for very few.
_WIDE, _VERY_FEW, _FEW = 130_000, 12, 100

Gemms = dict[str, Callable[..., None]]


def _of_mkl() -> Gemms:
    """The products of MKL; none where it is not installed, or not wanted."""
    if os.environ.get("AMPVIZ_BLAS") == "numpy":
        return {}
    try:
        files = importlib.metadata.files("mkl") or ()
        library = ctypes.CDLL(next(str(file.locate()) for file in files if file.name.startswith("libmkl_rt.")))
        library.MKL_Set_Threading_Layer(_SEQUENTIAL)
        return _gemms(library, "cblas_{}gemm", ctypes.c_int)
    except (importlib.metadata.PackageNotFoundError, StopIteration, OSError, AttributeError):
        return {}


def _of_numpy() -> Gemms:
    """Those of the library in the wheels of numpy; none where numpy was built otherwise."""
    try:
        library = ctypes.CDLL(import_module("numpy._core._multiarray_umath").__file__)
        return _gemms(library, "scipy_cblas_{}gemm64_", ctypes.c_int64)
    except (ImportError, OSError, AttributeError):
        return {}


def _gemms(library: ctypes.CDLL, pattern: str, size: Any) -> Gemms:
    """The products of a library, by the letter of the dtype: functions that are named so and take sizes of this type.

    Raises AttributeError.
    """
    found: Gemms = {}
    for dtype, letter, real in (("f", "s", ctypes.c_float), ("d", "d", ctypes.c_double)):
        gemm, array = library[pattern.format(letter)], ctypes.c_void_p
        gemm.argtypes = [*[ctypes.c_int] * 3, *[size] * 3, real, array, size, array, size, real, array, size]
        gemm.restype = None
        found[dtype] = gemm
    return found


_MKL = _of_mkl()
_GEMM = _MKL or _of_numpy()


def add_product(y: Array, a: float, x: Array, z: Array) -> bool:
    """y += a x^T z for y (m, n), x (k, m), z (k, n), where BLAS can do so without a copy; says whether it has."""
    if y.shape != (x.shape[1], z.shape[1]) or len(x) != len(z):
        raise ValueError(f"shapes {x.shape} and {z.shape} do not give a product to be added to {y.shape}")
    if not y.flags.writeable:
        raise ValueError("the array to be added to is read-only")
    return _gemm(y, a, x, True, z, False, 1.0)


def fast_product(x: Array, z: Array, *, transposed: str = "") -> Array | None:
    """x z, or x^T z or x z^T if `transposed` is "x" or "z". None where numpy is as fast, without MKL, and where the
    arrays are not ones that it takes."""
    if not _MKL or x.ndim != 2 or z.ndim != 2:
        return None
    rows, inner = x.shape[::-1] if transposed == "x" else x.shape
    other, columns = z.shape[::-1] if transposed == "z" else z.shape
    if inner != other:
        return None
    if transposed == "z" and z.size >= _WIDE and rows < _FEW:
        turned = np.empty((columns, rows), x.dtype)
        if rows < _VERY_FEW or not _gemm(turned, 1.0, z, False, x, True, 0.0):
            return None
        return np.ascontiguousarray(turned.T)
    large = _LARGE_FORWARD if not transposed and z.size >= _FORWARD_SIZE else _LARGE
    if rows * inner * columns < large:
        return None
    y = np.empty((rows, columns), x.dtype)
    return y if _gemm(y, 1.0, x, transposed == "x", z, transposed == "z", 0.0) else None


def _gemm(y: Array, a: float, x: Array, x_transposed: bool, z: Array, z_transposed: bool, b: float) -> bool:
    """y = a x z + b y, with x or z transposed, where the library takes the arrays as they are; says whether it has."""
    gemm = _GEMM.get(y.dtype.char)
    x_step, z_step, y_step = _step(x), _step(z), _step(y)
    if gemm is None or not (x_step and z_step and y_step and x.dtype == z.dtype == y.dtype):
        return False
    rows, columns = y.shape
    gemm(
        _BY_ROWS, _TRANSPOSED if x_transposed else _PLAIN, _TRANSPOSED if z_transposed else _PLAIN,
        rows, columns, len(x) if x_transposed else x.shape[1],
        a, _address(x), x_step, _address(z), z_step, b, _address(y), y_step,
    )  # fmt: skip
    return True


def _step(array: Array) -> int:
    """Numbers from one row to the next, if rows are contiguous and do not overlap; else, and of no numbers, 0."""
    if not array.size:
        return 0
    width: int = array.shape[1]
    if array.flags.c_contiguous:
        return width
    step, rest = divmod(array.strides[0], array.itemsize)
    return step if array.strides[1] == array.itemsize and step >= width and not rest else 0


def _address(array: Array) -> int:
    """Where its numbers begin."""
    try:
        return ctypes.addressof(_first_byte(array))  # a third of the time of array.ctypes, which takes all arrays
    except (TypeError, ValueError):  # read-only, or not contiguous
        return array.ctypes.data
