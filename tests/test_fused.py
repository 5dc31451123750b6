"""The compiled kernels against the functions of numpy that they stand for, and when they are chosen."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ampviz import fused, optim
from ampviz.nodes import cell_kernels, kernels

ROOT = Path(__file__).parents[1]
ROWS = [0, 1, 7, 64]
Arguments = tuple[Any, ...]

numba = pytest.importorskip("numba", reason="the extra numba is not installed")
from ampviz.fused import cells, compiler, rows, steps  # noqa: E402 # they need numba
from ampviz.fused.compiler import Given1, Result1  # noqa: E402 # as above


def drawn(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(sum(shape) + len(shape))
    return rng.normal(size=shape).astype(np.float32)


def squashed(*shape: int) -> np.ndarray:
    return np.tanh(drawn(*shape))


def shares(*shape: int) -> np.ndarray:
    return 0.5 + 0.5 * squashed(*shape)


def labels(count: int, classes: int) -> np.ndarray:
    return np.random.default_rng(count).integers(0, classes, count)


def numpy_sums(values: np.ndarray, indices: np.ndarray, chosen: np.ndarray | None, count: int) -> np.ndarray:
    sums = np.zeros((count, *values.shape[1:]), values.dtype)
    np.add.at(sums, indices, values if chosen is None else values[chosen])
    return sums


# A kernel, what it stands for, and arguments for so many rows of n numbers each.
PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[[int, int], Arguments]]] = {
    "cells.rnn_squash": (
        cells.rnn_squash, cell_kernels._rnn_squash, lambda r, n: (drawn(r, n), drawn(r, n), drawn(n), n % 2 == 1)
    ),
    "cells.lstm_squash": (
        cells.lstm_squash, cell_kernels._lstm_squash,
        lambda r, n: (drawn(r, (n % 3 + 3) * n), drawn((n % 3 + 3) * n), drawn(r, n % 3, n)),
    ),
    "cells.lstm_backward": (
        cells.lstm_backward, cell_kernels.lstm_backward,
        lambda r, n: (drawn(r, n % 3, n), shares(r, n % 3 + 3, n), squashed(r, n), drawn(r, n), drawn(r, n)),
    ),
    "cells.gru_squash": (
        cells.gru_squash, cell_kernels._gru_squash,
        lambda r, n: (drawn(r, 3 * n), drawn(r, 3 * n), drawn(3 * n), drawn(n), drawn(r, n)),
    ),
    "cells.gru_backward": (
        cells.gru_backward, cell_kernels.gru_backward,
        lambda r, n: (drawn(r, n), shares(r, 3, n), drawn(r, n), drawn(r, n)),
    ),
    "rows.relu_backward": (
        rows.relu_backward, kernels.relu_backward, lambda r, n: (np.maximum(drawn(r, n), 0), drawn(r, n))
    ),
    "rows.softmax_cross_entropy": (
        rows.softmax_cross_entropy, kernels.softmax_cross_entropy,
        lambda r, n: (drawn(r, n), labels(r, n), shares(r)),
    ),
    "rows.add_by_index": (
        rows.add_by_index, numpy_sums,
        lambda r, n: (drawn(r, n), labels(2 * r, 5), labels(2 * r, r), 5) if n % 2
        else (drawn(r, n), labels(r, 5), None, 5),
    ),
    "steps.adam": (
        steps.adam, optim._adam,
        lambda r, n: (drawn(r, n), drawn(r, n), drawn(r, n), shares(r, n), 0.9, 0.99, 1e-8, 0.01),
    ),
    "steps.adagrad": (
        steps.adagrad, optim._adagrad, lambda r, n: (drawn(r, n), drawn(r, n), shares(r, n), 1e-10, 0.05)
    ),
}  # fmt: skip
FUNCTIONS = [name for name in PAIRS if not name.startswith("steps")]  # those that write to no argument


def results(function: Callable[..., Any], arguments: Arguments) -> tuple[Any, ...]:
    """What a function gives, or else what it has made of its arguments."""
    own = tuple(given.copy() if isinstance(given, np.ndarray) else given for given in arguments)
    found = inspect.unwrap(function)(*own)
    if found is None:  # the gradient of a step is scratch
        return tuple(given for place, given in enumerate(own) if place != 1)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("size", [1, 4, 5, 33, 40])  # cases tell odd ones from even ones, and go by the rest of a third
@pytest.mark.parametrize("count", ROWS)
@pytest.mark.parametrize("name", PAIRS)
def test_a_kernel_gives_what_numpy_gives(name, count, size):
    kernel, function, make = PAIRS[name]
    arguments = make(count, size)
    for found, expected in zip(results(kernel, arguments), results(function, arguments), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)
        if isinstance(expected, np.ndarray):
            assert (found.dtype, found.shape) == (expected.dtype, expected.shape)


def test_every_kernel_that_is_asked_for_is_compared():
    sources = [path.read_text() for path in (ROOT / "ampviz").rglob("*.py")]
    asked = {name for source in sources for name in re.findall(r'\b(?:twin|fused)\("([a-z_.]+)"', source)}
    assert asked == PAIRS.keys()


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_how_arguments_lie_in_memory_does_not_matter(name, size):
    kernel, _, make = PAIRS[name]
    arguments = make(7, size)
    apart = tuple(np.repeat(given, 2, axis=-1)[..., ::2] if isinstance(given, np.ndarray) else given
                  for given in arguments)  # fmt: skip
    fixed = tuple(given.copy() if isinstance(given, np.ndarray) else given for given in arguments)
    for given in fixed:
        if isinstance(given, np.ndarray):
            given.flags.writeable = False
    expected = results(kernel, arguments)
    for other in (results(kernel, apart), kernel(*fixed)):
        for found, wanted in zip(other if isinstance(other, tuple) else (other,), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", ["cells.rnn_squash", "cells.lstm_squash", "cells.gru_squash", "cells.gru_backward",
                                  "cells.lstm_backward", "rows.softmax_cross_entropy"])  # fmt: skip
@pytest.mark.parametrize("size", [33, 40])
def test_a_row_does_not_depend_on_those_beside_it(name, size):
    kernel, _, make = PAIRS[name]
    whole = make(7, size)
    alone = tuple(given[3:4] if isinstance(given, np.ndarray) and len(given) == 7 else given for given in whole)
    for found, expected in zip(results(kernel, alone), results(kernel, whole), strict=True):
        np.testing.assert_array_equal(found, expected[3:4])


@pytest.mark.parametrize("name", ["cells.rnn_squash", "cells.lstm_squash", "cells.gru_squash",
                                  "rows.softmax_cross_entropy"])  # fmt: skip
@pytest.mark.parametrize("size", [33, 40])
def test_nan_stays_nan(name, size):
    kernel, _, make = PAIRS[name]
    arguments = make(4, size)
    arguments[0][2] = np.nan
    finite = np.isfinite(np.reshape(results(kernel, arguments)[0], (4, -1)))
    assert finite[[0, 1, 3]].all()
    assert not finite[2].any()


def test_tanh_is_right_to_the_last_places_and_never_beyond_one():
    x = np.concatenate([np.linspace(-12, 12, 300_001), np.geomspace(1e-30, 1, 50_000), [np.inf, -np.inf]])
    x = x.astype(np.float32)[:, None]
    found, exact = cells.rnn_squash(x, np.zeros_like(x), np.zeros(1, np.float32), False), np.tanh(x.astype(float))
    assert (np.abs(found - exact) <= 7 * np.spacing(np.abs(exact).astype(np.float32))).all()
    assert np.abs(found).max() == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_way_back_through_a_relu_hides_nothing(value):
    y, dy = np.array([[1.0, 0.0, 2.0]], np.float32), np.array([[value, value, 3.0]], np.float32)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(rows.relu_backward(y, dy), inspect.unwrap(kernels.relu_backward)(y, dy))


@pytest.mark.parametrize("apart", [drawn(4, 6)[:, :3], drawn(4, 6)[:, ::2], drawn(3, 4).T])
def test_a_step_takes_any_gradient_but_does_not_step_a_copy(apart):
    results = [drawn(4, 3), drawn(4, 3)]
    for p, g in zip(results, (apart, apart.copy(order="C")), strict=True):
        steps.adagrad(p, g, shares(4, 3), 1e-10, 0.1)
    np.testing.assert_array_equal(*results)
    with pytest.raises(ValueError, match="must be contiguous"):
        steps.adagrad(apart, drawn(4, 3), shares(4, 3), 1e-10, 0.1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: steps.adagrad(drawn(5, 4), drawn(4), shares(5, 4), 1e-10, 0.1),
        lambda: steps.adam(drawn(5), drawn(5), drawn(5), shares(4), 0.9, 0.99, 1e-8, 0.1),
        lambda: rows.relu_backward(drawn(3, 4), drawn(4)),
        lambda: rows.add_by_index(drawn(3, 4), labels(4, 5), None, 5),
        lambda: rows.add_by_index(drawn(3, 4), labels(4, 5), labels(3, 3), 5),
        lambda: rows.softmax_cross_entropy(drawn(3, 4), labels(3, 4), shares(1)),
        lambda: rows.softmax_cross_entropy(drawn(3, 4), labels(2, 4), shares(3)),
    ],
)
def test_arrays_of_which_a_kernel_would_read_too_much_are_refused(call):
    with pytest.raises(ValueError, match="shapes differ"):
        call()


@pytest.fixture
def wanted(monkeypatch):
    monkeypatch.setattr(fused, "_WANTED", True)
    monkeypatch.setattr(fused, "_found", {})


@pytest.mark.usefixtures("wanted")
def test_only_float32_goes_to_a_kernel():
    assert fused.fused("rows.relu_backward", drawn(2, 2), drawn(2, 2)) is rows.relu_backward
    assert fused.fused("rows.softmax_cross_entropy", drawn(2, 2), labels(2, 2)) is rows.softmax_cross_entropy
    for dtype in (np.float64, np.float16, ">f4"):
        assert fused.fused("rows.relu_backward", drawn(2, 2), drawn(2, 2).astype(dtype)) is None
        assert fused.fused("rows.relu_backward", drawn(2, 2).astype(dtype), drawn(2, 2)) is None
    assert fused.fused("rows.add_by_index", labels(2, 2)) is None


@pytest.mark.usefixtures("wanted")
def test_a_function_has_its_twin_do_the_work():
    def relu_backward(y, dy):
        return "numpy"

    either = fused.twin("rows.relu_backward")(relu_backward)
    np.testing.assert_array_equal(either(drawn(2, 2), drawn(2, 2)), np.maximum(drawn(2, 2), 0))
    assert either(drawn(2, 2).astype(np.float64), drawn(2, 2)) == "numpy"


@pytest.mark.usefixtures("wanted")
@pytest.mark.parametrize("kind", [ImportError, OSError, SystemError])
def test_a_numba_that_does_not_work_leaves_all_to_numpy(kind, monkeypatch, capsys):
    def broken(name: str) -> None:
        raise kind("Numba needs NumPy 2.3 or less")

    monkeypatch.setattr(fused, "import_module", broken)
    assert fused.fused("rows.relu_backward", drawn(2, 2)) is None
    assert fused.fused("rows.relu_backward", drawn(2, 2)) is None
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
    y = np.zeros(3, np.float32)
    compiler.compiled(doubled)(drawn(3), y)
    np.testing.assert_array_equal(y, 2 * drawn(3))


def test_without_numba_a_function_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(fused, "_WANTED", False)
    assert fused.fused("rows.relu_backward", drawn(2, 2)) is None
    assert fused.twin("rows.relu_backward")(drawn) is drawn


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
