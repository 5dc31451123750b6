"""Numbers too small to compute with count as 0 where training runs, and nowhere else."""

from __future__ import annotations

import platform
import sys
import threading

import numpy as np
import pytest

from ampviz.subnormals import subnormals_as_zero

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="only Linux on x86-64 has the register"
)

TINY = np.full(5, 1e-40, np.float32)  # subnormal
SMALL = np.full(5, 1e-30, np.float32)


def bits(numbers: np.ndarray) -> list[int]:
    return numbers.view(np.uint32).tolist()  # to compare with 0 would take them for 0, too


def products() -> list[int]:
    """Of subnormal numbers, and some that come to one."""
    return bits(TINY * np.float32(1)) + bits(SMALL * np.float32(1e-10))


def test_what_is_read_and_what_is_written_is_zero_within_and_nowhere_else():
    before = products()
    assert 0 not in before
    with subnormals_as_zero():
        assert products() == [0] * 10
        seen = []
        thread = threading.Thread(target=lambda: seen.extend(bits(TINY)))
        thread.start()
        thread.join()
    assert seen == bits(TINY)
    assert products() == before


def test_blocks_may_be_nested():
    before = products()
    with subnormals_as_zero():
        with subnormals_as_zero():
            assert not any(products())
        assert not any(products())
    assert products() == before


def test_an_error_ends_the_block():
    before = products()
    with pytest.raises(ZeroDivisionError), subnormals_as_zero():
        raise ZeroDivisionError
    assert products() == before


def test_other_numbers_are_what_they_were():
    x = np.random.default_rng(1).normal(size=(20, 30)).astype(np.float32)
    expected = np.tanh(x) @ x.T / 3
    with subnormals_as_zero():
        np.testing.assert_array_equal(np.tanh(x) @ x.T / 3, expected)
