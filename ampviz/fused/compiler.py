"""How kernels are compiled: by numba, when first called, and kept on disk for later runs.

The annotations of a kernel say what it is compiled for: `Given2` is an array with two axes that may be read-only,
`Result2` one that is written to; all are contiguous, so that one version will do (`contiguous` sees to it).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numba import config, njit, types
from numba.core import event
from numpy.typing import NDArray

Given1: TypeAlias = NDArray[np.float32]
Given2: TypeAlias = NDArray[np.float32]
Given3: TypeAlias = NDArray[np.float32]
Result1: TypeAlias = NDArray[np.float32]
Result2: TypeAlias = NDArray[np.float32]
Result3: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

_TYPES: dict[str, Any] = {
    **{f"Given{axes}": types.Array(types.float32, axes, "C", readonly=True) for axes in (1, 2, 3)},
    **{f"Result{axes}": types.Array(types.float32, axes, "C") for axes in (1, 2, 3)},
    "Indices": types.Array(types.int64, 1, "C", readonly=True),
    "Flags": types.Array(types.boolean, 1, "C"),
    "float": types.float32,
    "bool": types.boolean,
}
# a b + c may be rounded once, and x / y be x (1 / y). NaN stays NaN, as the loss of a run that diverges must.
# What is on disk does not know of a change here: delete __pycache__/*.nb? after one.
_RULES = {"error_model": "numpy", "fastmath": {"contract", "arcp", "nsz"}}

if config.DISABLE_JIT:
    raise ImportError("NUMBA_DISABLE_JIT is set")

Inlined = TypeVar("Inlined", bound=Callable[..., Any])


def inlined(function: Inlined) -> Inlined:
    """A function of numbers that kernels call."""
    formula: Inlined = njit(**_RULES)(function)
    return formula


def compiled(loops: Callable[..., None]) -> Callable[..., None]:
    """A kernel: loops over the arrays that its annotations name. Indices are not checked: callers have seen to them."""
    kernel: Callable[..., None] | None = None

    def run(*arrays: Any) -> None:
        nonlocal kernel
        kernel = kernel or _compile(loops)
        kernel(*arrays)

    return run


def _compile(loops: Callable[..., None]) -> Callable[..., None]:
    """The kernel from disk or compiled; only compiled where nothing can be kept or what was kept is broken."""
    signature = tuple([_TYPES[kind] for name, kind in loops.__annotations__.items() if name != "return"])
    try:
        kernel = njit(cache=True, **_RULES)(loops)
        kernel.compile(signature)
    except Exception:  # no folder that can be written, a full disk, half a file: whatever reading and writing can raise
        kernel = njit(**_RULES)(loops)
        kernel.compile(signature)
    kernel.disable_compile()
    own: Callable[..., None] = kernel
    return own


def agree(*arrays: NDArray[Any]) -> None:
    """Raises ValueError for arrays that are not of one shape: a kernel would read beyond the smaller one."""
    for array in arrays:
        if array.shape != arrays[0].shape:
            raise ValueError(f"shapes differ: {arrays[0].shape} and {array.shape}")


def contiguous(array: NDArray[Any]) -> NDArray[np.float32]:
    """The same numbers as float32, side by side in memory."""
    return np.ascontiguousarray(array, np.float32)


class _Notice(event.Listener):  # type: ignore[misc] # numba has no types
    """Says once what the first run of all waits for."""

    told = False

    def on_start(self, event: Any) -> None:
        if not self.told and event.data["dispatcher"].__module__.startswith("ampviz."):
            self.told = True
            print("numba compiles kernels, which takes some seconds; later runs find them on disk", file=sys.stderr)

    def on_end(self, event: Any) -> None:
        """Nothing to say."""


event.register("numba:compile", _Notice())
