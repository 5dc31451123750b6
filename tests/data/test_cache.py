"""The array cache: built once, rebuilt where it is broken or out of date, and never in the way."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ampviz.data.cache import cached_arrays, fingerprint

ARRAYS = {"x": np.arange(2000, dtype=np.float32).reshape(20, 100), "y": np.arange(20), "none": np.zeros((0, 3))}


class Build:
    """Gives the arrays, and counts how often it was asked to."""

    def __init__(self, arrays=ARRAYS):
        self.arrays, self.calls = arrays, 0

    def __call__(self):
        self.calls += 1
        return dict(self.arrays)


@pytest.fixture
def build() -> Build:
    return Build()


@pytest.fixture
def root(tmp_path) -> Path:
    """The folder of the cache."""
    return tmp_path / "cache"


def same(got, expected=ARRAYS) -> None:
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype == array.dtype


def test_arrays_are_built_once(build):
    for _ in range(3):
        same(cached_arrays("toy", "1", build))
    assert build.calls == 1


def test_arrays_come_mapped_from_disk_and_read_only(build):
    for _ in range(2):
        for array in cached_arrays("toy", "1", build).values():
            assert isinstance(array, np.memmap)
            assert not array.flags.writeable


def test_another_key_or_name_is_built_anew(build):
    other = Build({"x": np.ones(3)})
    same(cached_arrays("toy", "1", build))
    same(cached_arrays("toy", "2", other), other.arrays)
    same(cached_arrays("joy", "1", other), other.arrays)
    same(cached_arrays("toy", "1", build))
    assert (build.calls, other.calls) == (1, 2)


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:200])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def scribble(file: Path) -> None:
    file.write_bytes(b"\0" * 500)


def pickle(file: Path) -> None:
    np.save(file, np.array([{}], object))


@pytest.mark.parametrize("damage", [truncate, empty, scribble, pickle])
def test_a_broken_entry_is_built_anew(build, root, damage):
    cached_arrays("toy", "1", build)
    (file,) = root.rglob("x.npy")
    damage(file)
    same(cached_arrays("toy", "1", build))
    assert build.calls == 2
    same(cached_arrays("toy", "1", build))
    assert build.calls == 2


def test_an_entry_that_was_emptied_is_built_anew(build, root):
    cached_arrays("toy", "1", build)
    for file in root.rglob("*.npy"):
        file.unlink()
    same(cached_arrays("toy", "1", build))
    same(cached_arrays("toy", "1", build))
    assert build.calls == 2


@pytest.mark.parametrize("lost", [*(f"{name}.npy" for name in ARRAYS), "names"])
def test_an_entry_that_lost_a_file_is_built_anew(build, root, lost):
    cached_arrays("toy", "1", build)
    (file,) = root.rglob(lost)
    file.unlink()
    same(cached_arrays("toy", "1", build))
    same(cached_arrays("toy", "1", build))
    assert build.calls == 2


def test_arrays_in_use_outlive_their_entry(build, root):
    arrays = cached_arrays("toy", "1", build)
    shutil.rmtree(root)
    same(arrays)


def test_a_cache_that_cannot_be_written_still_gives_the_arrays(build, root):
    root.write_text("a file, not a folder")
    for _ in range(2):
        same(cached_arrays("toy", "1", build))
    assert build.calls == 2


def test_a_full_disk_leaves_no_half_entry(build, root, monkeypatch):
    def full(file, array, **options):
        Path(file).write_bytes(b"half")
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        same(cached_arrays("toy", "1", build))
    assert not list(root.rglob("*.npy"))
    same(cached_arrays("toy", "1", build))
    assert build.calls == 2


def test_of_two_builders_at_once_both_get_the_arrays(root):
    inner = Build()

    def slow():
        same(cached_arrays("toy", "1", inner))
        return dict(ARRAYS)

    same(cached_arrays("toy", "1", slow))
    same(cached_arrays("toy", "1", inner))
    assert inner.calls == 1
    (entry,) = (root / "arrays").iterdir()
    assert sorted(file.stem for file in entry.glob("*.npy")) == sorted(ARRAYS)


def test_an_error_while_building_leaves_nothing(root):
    def fail():
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        cached_arrays("toy", "1", fail)
    assert not list(root.rglob("*.npy"))


def test_a_fingerprint_changes_with_name_size_and_time(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    for path in (first, second):
        path.write_bytes(b"12")
        os.utime(path, ns=(10, 10))
    prints = [fingerprint(first), fingerprint(second), fingerprint(first, second), fingerprint(second, first)]
    os.utime(first, ns=(10, 11))
    prints.append(fingerprint(first))
    first.write_bytes(b"123")
    os.utime(first, ns=(10, 11))
    prints.append(fingerprint(first))
    assert len(set(prints)) == len(prints)
    assert fingerprint(first) == prints[-1]
