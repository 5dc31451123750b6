"""Messages sent to many places, rows copied and rows summed: what the tables may say, and what comes back."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ampviz as amp
from ampviz import Instance, S, T
from ampviz import nodes as nn
from ampviz.nodes.rows import _sums
from tests.nodes.delivery import Delivery, hosted

X = np.arange(8, dtype=np.float32).reshape(4, 2)


def run(model, instance: Instance) -> Delivery:
    delivery = hosted(model, [instance], dtype=np.float64)
    for name, array in delivery.parameters().items():
        if name.endswith("/W"):
            array[...] = np.eye(*array.shape)
    delivery.admit({0: instance})
    delivery.run()
    return delivery


def sent(delivery: Delivery, name: str) -> dict:
    """What a node sent forward, by state."""
    (edge,) = delivery.graph.outgoing[delivery.node(name).id]
    return {state: payload.tolist() for state, payload in delivery.traffic[edge.id].forward}


def answered(delivery: Delivery, name: str) -> dict:
    """What a node sent backward, by state."""
    (edge,) = delivery.graph.incoming[delivery.node(name).id]
    return dict(delivery.traffic[edge.id].backward)


def flat(x, y):
    made = nn.Flatmap(S.place, T.places, name="node")(x)
    amp.discard(made)
    nn.MSE()(nn.Linear(2, 2)(x), y)


def copied(x, y):
    nn.MSE()(nn.SumRows()(nn.Linear(2, 2)(nn.Replicate(T.copies, name="node")(x))), nn.SumRows()(y))


@pytest.mark.parametrize(
    ("model", "tables", "text"),
    [
        (flat, {"places": [3, 1, 3]}, r"T\.places gives state \(0, 3\), which is on its way already"),
        (copied, {"copies": 0}, r"cannot make T\.copies = 0 copies of a row"),
        (copied, {"copies": -2}, "= -2 copies"),
    ],
)
def test_tables_that_cannot_be_right_are_an_error(model, tables, text):
    instance = Instance({"x": X, "y": X}, tables=tables)
    with pytest.raises(ValueError, match=text):
        run(model, instance)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_the_sum_of_rows_is_one_row(rows):
    def summed(x, y):
        nn.MSE()(nn.SumRows(name="sum")(nn.Linear(2, 2, name="in")(x)), y)

    instance = Instance({"x": X[:rows], "y": np.zeros((1, 2), np.float32)})
    delivery = run(summed, instance)
    assert sent(delivery, "sum") == {(0,): [X[:rows].sum(axis=0).tolist()]}
    gradient = answered(delivery, "sum")[0,]
    assert gradient.shape == (rows, 2)
    assert (gradient == X[:rows].sum(axis=0)).all()


@pytest.mark.parametrize("copies", [1, 3])
def test_copies_stand_beside_their_row_and_their_gradients_are_summed(copies):
    def model(x, y):
        many = nn.Replicate(copies, name="copy")(nn.Linear(2, 2, name="in")(x))
        nn.MSE()(many, nn.Replicate(copies)(y))

    delivery = run(model, Instance({"x": X, "y": 0 * X}))
    assert sent(delivery, "copy") == {(0,): [row for row in X.tolist() for _ in range(copies)]}
    np.testing.assert_allclose(answered(delivery, "copy")[0,], 2 * X / 2 / len(X), rtol=1e-12)


@pytest.mark.parametrize("places", [[], [5], [4, 0, 9]])
def test_a_flatmap_sends_to_each_place_and_sums_what_comes_back(places):
    def model(x, y):
        spread = nn.Flatmap(S.place, T.places, name="spread")(nn.Linear(2, 2, name="in")(x))
        nn.MSE()(spread, nn.Flatmap(S.place, T.places)(y))

    delivery = run(model, Instance({"x": X, "y": 0 * X}, tables={"places": np.array(places, np.int64)}))
    assert sent(delivery, "spread") == {(0, place): X.tolist() for place in places}
    gradient = answered(delivery, "spread")[0,]
    if places:
        np.testing.assert_allclose(gradient, len(places) * 2 * X / 2 / len(X), rtol=1e-12)
    else:
        assert gradient is None
    assert delivery.homes == {0: 2}


def test_a_flatmap_replaces_a_field_that_is_there():
    def model(x, y):
        row = nn.Ungroup(S.i)(nn.Linear(2, 2, name="in")(x))
        moved = nn.Flatmap(S.i, T.places[S.i], name="spread")(row)
        nn.MSE()(nn.Group(S.i, count=4)(moved), y)

    tables = {"places": [[2, 0], [], [3], [1]]}
    delivery = run(model, Instance({"x": X, "y": 0 * X}, tables=tables))
    rows = X.tolist()
    assert sent(delivery, "spread") == {(0, 0): [rows[0]], (0, 1): [rows[3]], (0, 2): [rows[0]], (0, 3): [rows[2]]}
    assert answered(delivery, "spread")[0, 1] is None
    np.testing.assert_allclose(answered(delivery, "spread")[0, 0], [2 * 2 * X[0] / 2 / 4], rtol=1e-12)


@given(st.lists(st.integers(0, 4), max_size=30), st.sampled_from([(), (3,), (2, 2)]))
def test_consecutive_rows_are_summed_for_few_messages_and_many_and_rows_of_any_shape(counts, shape):
    x = np.random.default_rng(len(counts)).normal(size=(sum(counts), *shape))
    stops = np.cumsum([0, *counts]).tolist()
    expected = [x[start:stop].sum(axis=0) for start, stop in itertools.pairwise(stops)]
    np.testing.assert_allclose(_sums(x, counts), np.reshape(expected, (len(counts), *shape)), atol=1e-12)
