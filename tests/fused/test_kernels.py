"""The compiled kernels against the functions of numpy that they stand for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ampviz.nodes import kernels

pytest.importorskip("numba", reason="the extra numba is not installed")
from ampviz.fused import cells, rows, steps
from tests.fused.pairs import PAIRS, Arguments, Draw, arguments

ROOT = Path(__file__).parents[2]
FUNCTIONS = [name for name in PAIRS if not name.startswith("steps")]  # those that write to no argument
draw = Draw(0)


def results(function: Callable[..., Any], arguments: Arguments) -> tuple[Any, ...]:
    """What a function gives, or else what it has made of its arguments."""
    own = tuple(given.copy() if isinstance(given, np.ndarray) else given for given in arguments)
    found = inspect.unwrap(function)(*own)
    if found is None:  # the gradient of a step is scratch
        return tuple(given for place, given in enumerate(own) if place != 1)
    return found if isinstance(found, tuple) else (found,)


@pytest.mark.parametrize("size", [1, 4, 5, 33, 40])
@pytest.mark.parametrize("count", [0, 1, 7, 64])
@pytest.mark.parametrize("name", PAIRS)
def test_a_kernel_gives_what_numpy_gives(name, count, size):
    kernel, function, _ = PAIRS[name]
    given = arguments(name, count, size)
    for found, expected in zip(results(kernel, given), results(function, given), strict=True):
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
    kernel, whole = PAIRS[name][0], arguments(name, 7, size)
    apart = tuple(np.repeat(given, 2, axis=-1)[..., ::2] if isinstance(given, np.ndarray) else given
                  for given in whole)  # fmt: skip
    fixed = tuple(given.copy() if isinstance(given, np.ndarray) else given for given in whole)
    for given in fixed:
        if isinstance(given, np.ndarray):
            given.flags.writeable = False
    expected = results(kernel, whole)
    for other in (results(kernel, apart), kernel(*fixed)):
        for found, wanted in zip(other if isinstance(other, tuple) else (other,), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("name", ["cells.rnn_squash", "cells.lstm_squash", "cells.gru_squash", "cells.gru_backward",
                                  "cells.lstm_backward", "rows.softmax_cross_entropy"])  # fmt: skip
@pytest.mark.parametrize("size", [33, 40])
def test_a_row_does_not_depend_on_those_beside_it(name, size):
    kernel, whole = PAIRS[name][0], arguments(name, 7, size)
    alone = tuple(given[3:4] if isinstance(given, np.ndarray) and len(given) == 7 else given for given in whole)
    for found, expected in zip(results(kernel, alone), results(kernel, whole), strict=True):
        np.testing.assert_array_equal(found, expected[3:4])


@pytest.mark.parametrize("name", ["cells.rnn_squash", "cells.lstm_squash", "cells.gru_squash",
                                  "rows.softmax_cross_entropy"])  # fmt: skip
@pytest.mark.parametrize("size", [33, 40])
def test_nan_stays_nan(name, size):
    kernel, given = PAIRS[name][0], arguments(name, 4, size)
    given[0][2] = np.nan
    finite = np.isfinite(np.reshape(results(kernel, given)[0], (4, -1)))
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


@pytest.mark.parametrize("apart", [draw(4, 6)[:, :3], draw(4, 6)[:, ::2], draw(3, 4).T])
def test_a_step_takes_any_gradient_but_does_not_step_a_copy(apart):
    parameter, total = draw(4, 3), draw.share(4, 3)
    stepped = [parameter.copy(), parameter.copy()]
    for p, g in zip(stepped, (apart, apart.copy(order="C")), strict=True):
        steps.adagrad(p, g, total.copy(), 1e-10, 0.1)
    np.testing.assert_array_equal(*stepped)
    with pytest.raises(ValueError, match="must be contiguous"):
        steps.adagrad(apart, draw(4, 3), draw.share(4, 3), 1e-10, 0.1)


@pytest.mark.parametrize(
    "call",
    [
        lambda: cells.rnn_squash(draw(4, 3), draw(2, 3), draw(3), True),
        lambda: cells.lstm_backward(draw(4, 2, 3), draw.share(4, 5, 3), draw(4, 3), draw(2, 3), draw(4, 3)),
        lambda: cells.lstm_backward(draw(4, 2, 3), draw.share(4, 5, 3), draw(4, 3), draw(4, 3), draw(1, 3)),
        lambda: cells.gru_backward(draw(4, 3), draw.share(4, 3, 3), draw(4, 3), draw(2, 3)),
        lambda: steps.adagrad(draw(5, 4), draw(4), draw.share(5, 4), 1e-10, 0.1),
        lambda: steps.adam(draw(5), draw(5), draw(5), draw.share(4), 0.9, 0.99, 1e-8, 0.1),
        lambda: rows.relu_backward(draw(3, 4), draw(4)),
        lambda: rows.add_by_index(draw(3, 4), draw.label(4, 5), None, 5),
        lambda: rows.add_by_index(draw(3, 4), draw.label(4, 5), draw.label(3, 3), 5),
        lambda: rows.softmax_cross_entropy(draw(3, 4), draw.label(3, 4), draw.share(1)),
        lambda: rows.softmax_cross_entropy(draw(3, 4), draw.label(2, 4), draw.share(3)),
    ],
)
def test_arrays_of_which_a_kernel_would_read_too_much_are_refused(call):
    with pytest.raises(ValueError, match="shapes differ"):
        call()
