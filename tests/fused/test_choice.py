"""When compiled kernels are chosen, what happens where they cannot be, and a run with them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ampviz import fused

numba = pytest.importorskip("numba", reason="the extra numba is not installed")
from ampviz.fused import compiler, rows  # noqa: E402 # they need numba
from ampviz.fused.compiler import Given1, Result1  # noqa: E402 # as above

SQUARE = np.array([[1, -2], [0, 3]], np.float32)
LABELS = np.array([0, 1])


@pytest.fixture
def wanted(monkeypatch):
    monkeypatch.setattr(fused, "_WANTED", True)
    fused._kernel.cache_clear()
    yield
    fused._kernel.cache_clear()


@pytest.mark.usefixtures("wanted")
def test_only_float32_goes_to_a_kernel():
    assert fused.fused("rows.relu_backward", SQUARE, SQUARE) is rows.relu_backward
    assert fused.fused("rows.softmax_cross_entropy", SQUARE, LABELS) is rows.softmax_cross_entropy
    for dtype in (np.float64, np.float16, ">f4"):
        assert fused.fused("rows.relu_backward", SQUARE, SQUARE.astype(dtype)) is None
        assert fused.fused("rows.relu_backward", SQUARE.astype(dtype), SQUARE) is None
    assert fused.fused("rows.add_by_index", LABELS) is None


@pytest.mark.usefixtures("wanted")
def test_a_function_has_its_twin_do_the_work():
    def relu_backward(y, dy):
        return "numpy"

    either = fused.twin("rows.relu_backward")(relu_backward)
    np.testing.assert_array_equal(either(SQUARE, SQUARE), np.maximum(SQUARE, 0))
    assert either(SQUARE.astype(np.float64), SQUARE) == "numpy"


@pytest.mark.usefixtures("wanted")
@pytest.mark.parametrize("kind", [ImportError, OSError, SystemError])
def test_a_numba_that_does_not_work_leaves_all_to_numpy(kind, monkeypatch, capsys):
    def broken(name: str) -> None:
        raise kind("Numba needs NumPy 2.3 or less")

    monkeypatch.setattr(fused, "import_module", broken)
    assert fused.fused("rows.relu_backward", SQUARE) is None
    assert fused.fused("rows.relu_backward", SQUARE) is None
    assert capsys.readouterr().err.splitlines() == [
        "numba cannot be used, so numpy does its work: Numba needs NumPy 2.3 or less"
    ]


def doubled(x: Given1, y: Result1) -> None:
    for j in range(len(x)):
        y[j] = x[j] + x[j]


def no_folder(*, cache: bool = False, **rules: Any) -> Callable[..., Any]:
    if cache:
        raise RuntimeError("cannot cache function: no locator available")
    return numba.njit(**rules)


def full_disk(*, cache: bool = False, **rules: Any) -> Callable[..., Any]:
    def refuse(signature: object) -> None:
        raise OSError("No space left on device")

    return (lambda loops: SimpleNamespace(compile=refuse)) if cache else numba.njit(**rules)


@pytest.mark.parametrize("njit", [no_folder, full_disk])
def test_a_kernel_that_cannot_be_kept_is_used_all_the_same(njit, monkeypatch):
    monkeypatch.setattr(compiler, "njit", njit)
    y = np.zeros(2, np.float32)
    compiler.compiled(doubled)(SQUARE[0], y)
    np.testing.assert_array_equal(y, 2 * SQUARE[0])


def test_without_numba_a_function_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(fused, "_WANTED", False)
    assert fused.fused("rows.relu_backward", SQUARE) is None
    assert fused.twin("rows.relu_backward")(doubled) is doubled


def trained(tmp_path: Path, kernels: str, *arguments: str) -> list[float]:
    command = [sys.executable, "-m", "ampviz", "run", "listred", "--limit", "12", "--valid-limit", "2", "--epochs", "2",
               "--headless", "--json", "--no-record", *arguments]  # fmt: skip
    done = subprocess.run(command, env={**os.environ, "AMPVIZ_KERNELS": kernels}, capture_output=True, text=True,
                          cwd=tmp_path, check=True, timeout=120)  # fmt: skip
    return [epoch["train_loss"] for epoch in json.loads(done.stdout.splitlines()[-1])["epochs"]]


def test_a_run_with_compiled_kernels_learns_what_one_with_numpy_learns(tmp_path):
    inline = "--backend", "inline"
    first, again, by_numpy = (trained(tmp_path, kernels, *inline) for kernels in ("", "", "numpy"))
    assert first == again
    assert first != by_numpy  # or no kernel was used
    assert first == pytest.approx(by_numpy, rel=1e-3)
    assert trained(tmp_path, "", "--workers", "2") == pytest.approx(by_numpy, rel=0.2)
