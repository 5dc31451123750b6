"""Elementwise work in one pass over memory, by kernels that numba compiles, where it is installed.

numpy goes over whole arrays once an operation. A function that has a twin in one of these modules says so with `@twin`:
float32 arrays go to the twin, which takes the same arguments and gives the same up to rounding; all others, such as
the float64 of gradient checks, stay with numpy. So it is without numba (`pip install ampviz[numba]` brings it), with
AMPVIZ_KERNELS=numpy, and where numba is there and cannot be used.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

Kernel = Callable[..., Any]
Decorated = TypeVar("Decorated", bound=Kernel)

_SINGLE = np.dtype(np.float32)
_WANTED = os.environ.get("AMPVIZ_KERNELS") != "numpy" and find_spec("numba") is not None


def fused(name: str, *arguments: Any) -> Kernel | None:
    """The kernel `module.function`; None without numba, and where the first or another real array is not float32."""
    if not _WANTED or arguments[0].dtype != _SINGLE:
        return None
    for own in arguments:
        if isinstance(own, np.ndarray) and own.dtype != _SINGLE and own.dtype.kind == "f":
            return None
    return _kernel(name)


def twin(name: str) -> Callable[[Decorated], Decorated]:
    """Has the kernel `module.function` do the work of a function, where there is one for its arguments."""

    def choose(function: Decorated) -> Decorated:
        @functools.wraps(function)
        def either(*arguments: Any) -> Any:
            return (fused(name, *arguments) or function)(*arguments)

        return either if _WANTED else function  # type: ignore[return-value] # of the same signature

    return choose


@functools.cache
def _kernel(name: str) -> Kernel | None:
    global _WANTED
    module, function = name.split(".")
    try:
        kernel: Kernel = getattr(import_module(f"ampviz.fused.{module}"), function)
    except Exception as error:  # of any kind: made for another numpy, its library missing, switched off
        print(f"numba cannot be used, so numpy does its work: {error}", file=sys.stderr)
        _WANTED = False
        return None
    return kernel
