"""Arrays in a few numbers: right for any dtype and shape, whatever is not finite."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ampviz.runtime.summary import summaries, summarise
from ampviz.telemetry.inspection import ArraySummary


def test_a_matrix():
    got = summarise(np.array([[3.0, -4.0], [0.0, 1.0]], np.float32))
    assert (got.dtype, got.shape, got.minimum, got.maximum, got.mean) == ("float32", (2, 2), -4.0, 3.0, 0.0)
    assert got.norm == pytest.approx(26**0.5)
    assert got.histogram == (1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1)
    assert got.first == (3.0, -4.0, 0.0, 1.0)


def test_what_is_not_finite_is_counted_and_left_out():
    got = summarise(np.array([np.nan, 2.0, np.inf, -np.inf, 4.0]))
    assert (got.nans, got.infs, got.minimum, got.maximum, got.mean) == (1, 2, 2.0, 4.0, 3.0)
    assert sum(got.histogram) == 2
    nothing = summarise(np.full(3, np.nan))
    assert (nothing.nans, nothing.minimum, nothing.norm, nothing.histogram) == (3, 0.0, 0.0, ())


@pytest.mark.parametrize("dtype", ["int64", "bool", "uint8"])
def test_whole_numbers(dtype):
    got = summarise(np.array([0, 1, 1, 0], dtype))
    assert (got.dtype, got.minimum, got.maximum, got.mean) == (dtype, 0.0, 1.0, 0.5)


def test_nothing_and_one_value_over_and_over():
    assert summarise(np.zeros((0, 5), np.float32)) == ArraySummary("float32", (0, 5))
    assert sum(summarise(np.full((3, 2), 7.0)).histogram) == 6


def test_a_large_array_is_measured_whole_and_drawn_from_a_sample():
    array = np.zeros(1_000_003, np.float32)
    array[777_777] = -5.0
    got = summarise(array)
    assert (got.minimum, got.norm) == (-5.0, 5.0)
    assert 60_000 < sum(got.histogram) <= 1 << 16


@given(arrays.arrays(np.float32, arrays.array_shapes(), elements=st.floats(width=32)))
@settings(max_examples=60, deadline=None)
def test_any_array_has_a_summary_that_holds(array):
    got = summarise(array)
    finite = array[np.isfinite(array)]
    assert got.nans + got.infs + finite.size == array.size == sum(got.histogram) + got.nans + got.infs
    if finite.size:
        assert (got.minimum, got.maximum) == (finite.min(), finite.max())
        assert got.minimum - 1e-3 * abs(got.minimum) <= got.mean <= got.maximum + 1e-3 * abs(got.maximum)


def test_tuples_and_what_nodes_nest_them_in():
    one, two = np.zeros(2, np.float32), np.ones((1, 2), np.float32)
    assert [summary.shape for summary in summaries((one, two))] == [(2,), (1, 2)]
    assert [summary.shape for summary in summaries([2, None, (one, 4), {0: 1}])] == [(2,)]
    assert summaries(None) == ()
