"""What every test gets: private folders, and a check that nothing is left behind."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before numpy is imported, as the command line does: sums keep one order
os.environ["AMPVIZ_KERNELS"] = "numpy"  # which is what most have; tests/fused compares with it


@pytest.fixture(autouse=True)
def private_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run folders and caches below the test's own folder."""
    monkeypatch.setenv("AMPVIZ_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("AMPVIZ_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data_folder() -> Path:
    """The folder of the real data sets; skips where there is none."""
    folder = os.environ.get("AMPVIZ_DATA")
    if not folder:
        pytest.skip("AMPVIZ_DATA names no folder with the real data sets")
    return Path(folder)


def open_descriptors() -> dict[int, str]:
    """The open descriptors of this process and what they lead to."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
        except OSError:
            continue  # the one that listed the folder
    return found


def children() -> set[int]:
    """The processes that this one has started and that are not reaped yet."""
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has just ended
            found.update(int(pid) for pid in (thread / "children").read_text().split())
    return found


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """Fails a test that leaves a process, a socket, shared memory or another open file behind."""
    before, processes = open_descriptors(), children()
    yield
    gc.collect()  # arrays in reference cycles keep their memory mapped
    assert children() <= processes
    left = {fd: target for fd, target in open_descriptors().items() if fd not in before}
    assert not left
