"""The idx reader: arrays of any type and rank come back, and nothing but a whole file is accepted."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ampviz.data.idx import read_idx
from ampviz.errors import DataError
from tests.data.idxfile import CODES, as_idx, header, write_idx

IN_ONE_FOLDER = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ARRAYS = st.sampled_from(sorted(CODES)).flatmap(
    lambda name: hnp.arrays(name, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
SMALL = np.arange(6, dtype=np.int16).reshape(2, 3)


@pytest.fixture(params=["plain", "packed.gz"])
def path(request, tmp_path):
    """Where an idx file is to stand, plain or gzipped."""
    return tmp_path / request.param


@given(array=ARRAYS)
@IN_ONE_FOLDER
def test_an_array_comes_back_in_native_byte_order(path, array):
    back = read_idx(write_idx(path, array))
    np.testing.assert_array_equal(back, array)
    assert back.shape == array.shape
    assert back.dtype == array.dtype
    assert back.dtype.isnative


def test_bytes_stand_for_what_the_format_says(tmp_path):
    data = bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0x01, 0x02, 0xFF, 0xFF, 0x80, 0x00])
    np.testing.assert_array_equal(read_idx(write_idx(tmp_path / "x", data)), [[0x0102, -1, -32768]])


@given(array=ARRAYS, data=st.data())
@IN_ONE_FOLDER
def test_a_truncated_file_is_refused(path, array, data):
    whole = as_idx(array)
    kept = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(DataError, match=path.name):
        read_idx(write_idx(path, whole[:kept]))


@given(array=ARRAYS, extra=st.binary(min_size=1, max_size=9))
@IN_ONE_FOLDER
def test_bytes_after_the_array_are_refused(path, array, extra):
    with pytest.raises(DataError, match="longer than its header says"):
        read_idx(write_idx(path, as_idx(array) + extra))


@given(kept=st.integers(1, 37))
@IN_ONE_FOLDER
def test_a_truncated_gzip_file_is_refused(tmp_path, kept):
    packed = gzip.compress(as_idx(SMALL))
    assert len(packed) > kept
    path = tmp_path / "packed.gz"
    path.write_bytes(packed[:kept])
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_idx(path)


@given(position=st.integers(10, 200), flip=st.integers(1, 255))
@IN_ONE_FOLDER
def test_a_damaged_gzip_file_is_refused(tmp_path, position, flip):
    packed = bytearray(gzip.compress(as_idx(np.random.default_rng(0).integers(0, 9, (20, 20), np.uint8))))
    packed[position] ^= flip
    path = tmp_path / "packed.gz"
    path.write_bytes(packed)
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_idx(path)


@given(start=st.sampled_from([b"", header(0x08), header(0x0D, 1), b"\x00\x00\x0e"]), rest=st.binary(max_size=40))
@IN_ONE_FOLDER
def test_random_bytes_are_the_array_they_spell_or_a_data_error(path, start, rest):
    try:
        array = read_idx(write_idx(path, start + rest))
    except DataError:
        return
    np.testing.assert_array_equal(as_idx(array), start + rest)


@given(start=st.sampled_from([b"x", b"\x1f", b"\x1f\x8b\x08\x00", b"\x1f\x8b\x08\xff"]), rest=st.binary(max_size=40))
@IN_ONE_FOLDER
def test_random_bytes_are_no_gzip_file(tmp_path, start, rest):
    path = tmp_path / "packed.gz"
    path.write_bytes(start + rest)
    with pytest.raises(DataError, match="not a whole gzip file"):
        read_idx(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        header(0x07, 1) + b"x",
        header(0x0A, 1) + b"x",
        b"\x00\x01" + header(0x08, 1)[2:] + b"x",
        b"\x1f\x8b\x08\x00",
        header(0x08, *[1] * 70) + b"x",
        header(0x0E, 0, 2**32 - 1, 2**32 - 1, 2**32 - 1),
        header(0x08, 2**32 - 1, 2**32 - 1),
    ],
    ids=["nothing", "type 7", "type 10", "magic", "gzip unpacked", "rank 70", "huge beside 0", "huge"],
)
def test_what_is_not_an_idx_file_is_refused(path, data):
    with pytest.raises(DataError, match=path.name):
        read_idx(write_idx(path, data))


def test_a_missing_file_and_a_folder_are_data_errors(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_idx(tmp_path / "absent")
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(tmp_path)
