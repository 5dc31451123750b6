"""Numbers so small that a processor computes with them a hundred times as slowly, such as gradients of what is learnt.

A float32 below 1.2e-38 is subnormal. Intel and AMD leave such sums and products to microcode, unless they are told to
take them for 0. Only Linux on x86-64 is told so: elsewhere they are fast, or there is no call for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import platform
import sys
from collections.abc import Iterator

_WORDS, _MXCSR = 8, 7  # of 32 bits in the fenv_t of glibc and musl, and the place of the register in it
_FLUSH_TO_ZERO, _DENORMALS_ARE_ZEROS = 1 << 15, 1 << 6


@contextlib.contextmanager
def subnormals_as_zero() -> Iterator[None]:
    """This thread takes subnormal numbers for 0, in what it reads and what it writes, until the block ends."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        yield
        return
    libm = _libm()
    before, within = (ctypes.c_uint32 * _WORDS)(), (ctypes.c_uint32 * _WORDS)()
    for environment in before, within:
        libm.fegetenv(environment)
    within[_MXCSR] |= _FLUSH_TO_ZERO | _DENORMALS_ARE_ZEROS
    libm.fesetenv(within)
    try:
        yield
    finally:
        libm.fesetenv(before)


@functools.cache
def _libm() -> ctypes.CDLL:
    return ctypes.CDLL(None)  # the interpreter has it loaded
