"""Products by the BLAS library itself, against numpy; what they cannot do they leave alone."""

from __future__ import annotations

import importlib.metadata

import numpy as np
import pytest

from ampviz import blas
from ampviz.blas import add_product, fast_product

pytestmark = pytest.mark.skipif(not blas._GEMM, reason="this numpy does not bring BLAS along")


def drawn(*shapes, dtype=np.float64):
    rng = np.random.default_rng(3)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("rows", "m", "n"), [(1, 1, 1), (1, 4, 3), (5, 1, 3), (5, 4, 1), (7, 30, 20), (100, 64, 65)])
def test_it_adds_the_product(dtype, rows, m, n):
    y, x, z = drawn((m, n), (rows, m), (rows, n), dtype=dtype)
    expected = y - 0.25 * np.einsum("rm,rn->mn", x, z)
    x.flags.writeable = z.flags.writeable = False
    assert add_product(y, -0.25, x, z)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-12)


def test_columns_of_larger_arrays_will_do():
    whole_y, whole_x, whole_z = drawn((6, 9), (5, 20), (10, 8))
    y, x, z = whole_y[1:5, 2:5], whole_x[:, 7:11], whole_z[::2, :3]
    before = whole_y.copy()
    assert add_product(y, 2.0, x, z)
    before[1:5, 2:5] += 2 * (x.T @ z)
    np.testing.assert_allclose(whole_y, before, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("y", "x", "z"),
    [
        (np.zeros((4, 3), np.float32), np.ones((5, 4)), np.ones((5, 3))),  # of another type
        (np.zeros((4, 3), np.int64), np.ones((5, 4), np.int64), np.ones((5, 3), np.int64)),
        (np.zeros((3, 4)).T, np.ones((5, 4)), np.ones((5, 3))),  # columns are contiguous, not rows
        (np.zeros((4, 3)), np.ones((5, 8))[:, ::2], np.ones((5, 3))),
        (np.zeros((4, 3)), np.ones((5, 4)), np.broadcast_to(np.ones(3), (5, 3))),  # rows overlap
        (np.zeros((4, 3)), np.ones((0, 4)), np.ones((0, 3))),
    ],
)
def test_what_it_cannot_take_as_it_is_it_leaves_alone(y, x, z):
    assert not add_product(y, 1.0, x, z)
    assert not y.any()


@pytest.mark.parametrize("shapes", [((4, 3), (5, 4), (5, 2)), ((4, 3), (5, 3), (5, 3)), ((4, 3), (5, 4), (6, 3))])
def test_shapes_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match="do not give a product"):
        add_product(np.zeros(shapes[0]), 1.0, np.zeros(shapes[1]), np.zeros(shapes[2]))


def test_a_read_only_array_is_refused():
    y = np.zeros((4, 3))
    y.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        add_product(y, 1.0, np.ones((5, 4)), np.ones((5, 3)))


def test_where_numpy_has_no_such_library_nothing_is_found(monkeypatch):
    monkeypatch.setattr(blas, "import_module", lambda name: np)  # not a library
    assert blas._of_numpy() == {}


@pytest.fixture
def as_with_mkl(monkeypatch):
    """The library at hand in the place of MKL, which takes the same arguments."""
    monkeypatch.setattr(blas, "_MKL", blas._GEMM)


@pytest.mark.usefixtures("as_with_mkl")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("transposed", ["", "x", "z"])
def test_a_large_product_is_that_of_numpy(dtype, transposed):
    x, z = drawn((40, 700), (700, 600), dtype=dtype)
    given = {"": (x, z), "x": (np.ascontiguousarray(x.T), z), "z": (x, np.ascontiguousarray(z.T))}[transposed]
    found = fast_product(*given, transposed=transposed)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, x @ z, rtol=0, atol=1e-3 if dtype == np.float32 else 1e-11)


@pytest.mark.usefixtures("as_with_mkl")
@pytest.mark.parametrize("rows", [1, 11, 12, 17, 99, 100])
def test_a_product_of_few_rows_with_a_wide_transpose_may_be_turned(rows, monkeypatch):
    called = []
    gemm = blas._gemm
    monkeypatch.setattr(blas, "_gemm", lambda y, *others: called.append(y.shape) or gemm(y, *others))
    x, z = drawn((rows, 700), (300, 700))
    found = fast_product(x, z, transposed="z")
    if rows < 12:
        assert found is None
        return
    assert called == [(300, rows) if rows < 100 else (rows, 300)]
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, x @ z.T, rtol=0, atol=1e-11)


@pytest.mark.usefixtures("as_with_mkl")
@pytest.mark.parametrize(
    ("rows", "shape", "transposed"), [(56, (100, 250), ""), (100, (100, 200), ""), (100, (200, 100), "z")]
)
def test_from_these_sizes_on_a_product_is_not_left_to_numpy(rows, shape, transposed):
    x, z = drawn((rows, 100), shape)
    expected = x @ (z.T if transposed else z)
    np.testing.assert_allclose(fast_product(x, z, transposed=transposed), expected, rtol=0, atol=1e-11)


@pytest.mark.usefixtures("as_with_mkl")
def test_columns_of_larger_arrays_are_multiplied_as_they_are():
    x, z = drawn((50, 900), (700, 800))
    found = fast_product(x[:, 7:707], z[:, 3:603])
    np.testing.assert_allclose(found, x[:, 7:707] @ z[:, 3:603], rtol=0, atol=1e-11)


@pytest.mark.usefixtures("as_with_mkl")
@pytest.mark.parametrize(
    ("x", "z", "transposed"),
    [
        (np.ones((100, 100)), np.ones((100, 199)), ""),  # too small
        (np.ones((55, 100)), np.ones((100, 250)), ""),  # also for a large second one
        (np.ones((100, 100)), np.ones((199, 100)), "z"),
        (np.ones((700, 700)), np.ones((699, 700)), ""),  # they do not fit
        (np.ones((700, 700)), np.ones((699, 700)), "x"),
        (np.ones((700, 700)), np.ones((700, 699)), "z"),
        (np.ones((700, 700)), np.ones((700, 700), np.float32), ""),
        (np.ones((700, 700)).T, np.ones((700, 1400))[:, ::2], ""),
        (np.ones(500_000), np.ones((500_000, 2)), ""),
    ],
)
def test_other_products_are_left_to_numpy(x, z, transposed):
    assert fast_product(x, z, transposed=transposed) is None


def test_without_mkl_all_products_are_left_to_numpy(monkeypatch):
    monkeypatch.setattr(blas, "_MKL", {})
    assert fast_product(np.ones((700, 700)), np.ones((700, 700))) is None


def test_mkl_is_found_where_it_is_installed_unless_it_is_not_wanted(monkeypatch):
    monkeypatch.setenv("AMPVIZ_BLAS", "numpy")
    assert blas._of_mkl() == {}
    monkeypatch.delenv("AMPVIZ_BLAS")
    installed = any(distribution.name == "mkl" for distribution in importlib.metadata.distributions())
    assert sorted(blas._of_mkl()) == (["d", "f"] if installed else [])
