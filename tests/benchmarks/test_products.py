"""The products of a PyTorch model are found, counted, and computed once more with the factors' own layout."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install -e .[bench])")

from benchmarks import products  # noqa: E402 # needs torch
from benchmarks.products import Recorder, operations  # noqa: E402 # the same


def test_products_are_recorded_forward_and_backward():
    layer, x = torch.nn.Linear(7, 3), torch.ones(5, 7, requires_grad=True)
    with Recorder() as recorder:
        layer(x).sum().backward()
    sizes = sorted((x[0], z[0]) for x, z in recorder.found.elements())
    assert sizes == [((3, 5), (5, 7)), ((5, 3), (3, 7)), ((5, 7), (7, 3))]
    assert operations(recorder.found) == 3 * 2 * 5 * 7 * 3


def test_many_of_one_shape_and_batches_of_products_are_counted():
    x, z = torch.ones(2, 4, 6), torch.ones(2, 6, 5)
    with Recorder() as recorder:
        for _ in range(3):
            torch.bmm(x, z)
        torch.mm(x[0, :0], z[0])  # of no rows
    assert list(recorder.found.values()) == [3]
    assert operations(recorder.found) == 3 * 2 * 2 * 4 * 6 * 5


def test_each_time_counts(monkeypatch):
    x = torch.ones(4, 4)
    with Recorder() as recorder:
        torch.mm(x, x)
        torch.mm(x, x.T)
        torch.mm(x, x.T)
    monkeypatch.setattr(products, "_seconds", lambda x, z: 2.0 if z.is_contiguous() else 10.0)
    assert products.seconds(recorder.found) == 2.0 + 2 * 10.0
