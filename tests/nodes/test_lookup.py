"""Long tables: stepping only the rows that were looked up comes to the same as stepping all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ampviz as amp
from ampviz import SGD, Adagrad, Adam, Instance
from ampviz import nodes as nn
from ampviz.nodes import lookup, parameterised
from tests.nodes.delivery import hosted

VOCABULARY, SIZE = 40, 3
KEYS = st.lists(st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=6), min_size=1, max_size=12)


def embedded(index, y):
    nn.MSE(name="loss")(nn.Lookup(VOCABULARY, SIZE, name="embed")(index), y)


def trained(keys, optimizer, **settings) -> dict[str, np.ndarray]:
    """Table and optimizer state after one message a key."""
    rng = np.random.default_rng(2)
    data = [Instance({"index": np.array(rows), "y": rng.normal(size=(len(rows), SIZE)).astype("f4")}) for rows in keys]
    delivery = hosted(embedded, data, optimizer=optimizer, learning_rate=0.5, **settings)
    delivery.admit(dict(enumerate(data)))
    delivery.run()
    node = delivery.node("embed")
    node.update()
    return {"table": node.table, **node.parameters.slots["table"]}


@pytest.mark.parametrize("clip", [0.0, 0.5])
@pytest.mark.parametrize("optimizer", [SGD(), Adagrad(initial=0.0), Adagrad()], ids=lambda rule: str(rule)[:12])
@given(KEYS, st.integers(1, 5), st.sampled_from([2, 1024]))
@settings(max_examples=20, deadline=None)
def test_rows_one_by_one_are_the_whole_table(optimizer, clip, keys, interval, fold):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameterised, "_FOLD_ROWS", fold)
        whole = trained(keys, optimizer, min_update_interval=interval, gradient_clip=clip)
        patch.setattr(lookup, "_LONG", 1)
        by_rows = trained(keys, optimizer, min_update_interval=interval, gradient_clip=clip)
    assert whole.keys() == by_rows.keys()
    for name, array in whole.items():
        np.testing.assert_allclose(by_rows[name], array, rtol=1e-5, atol=1e-6, err_msg=name)


def test_only_the_rows_that_were_looked_up_are_held(monkeypatch):
    monkeypatch.setattr(lookup, "_LONG", 1)
    data = [Instance({"index": np.array([7, 3, 7]), "y": np.ones((3, SIZE), np.float32)})]
    delivery = hosted(embedded, data, optimizer=SGD(0.5), min_update_interval=100)
    delivery.admit({0: data[0]})
    delivery.run()
    node = delivery.node("embed")
    before = node.table.copy()
    node.update()
    assert sorted({int(row) for row in np.flatnonzero((node.table != before).any(axis=1))}) == [3, 7]


@given(KEYS, st.sampled_from([2, 1024]), st.sampled_from([1, 1024]))
@settings(max_examples=20, deadline=None)
def test_the_gradient_so_far_is_what_the_next_update_takes(keys, fold, long):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parameterised, "_FOLD_ROWS", fold)
        patch.setattr(lookup, "_LONG", long)
        data = [Instance({"index": np.array(rows), "y": np.ones((len(rows), SIZE), np.float32)}) for rows in keys]
        delivery = hosted(embedded, data, optimizer=SGD(), learning_rate=1.0)
        node = delivery.node("embed")
        assert node.gradient_so_far() == {}
        delivery.admit(dict(enumerate(data)))
        delivery.run()
        before, seen, again = node.table.copy(), node.gradient_so_far(), node.gradient_so_far()
        node.update()
        assert np.array_equal(seen["table"], again["table"])
        moved = (before - node.table)[np.unique(np.concatenate(keys))]
        looked_up = seen["table"] if long == 1 else seen["table"][np.unique(np.concatenate(keys))]
        np.testing.assert_allclose(looked_up, moved, rtol=1e-4, atol=1e-6)
        assert node.gradient_so_far() == {}


def test_an_optimizer_that_moves_rows_without_a_gradient_steps_the_whole_table(monkeypatch):
    keys = [[1, 2], [3], [1]]
    whole = trained(keys, Adam(0.1), min_update_interval=1)
    monkeypatch.setattr(lookup, "_LONG", 1)
    again = trained(keys, Adam(0.1), min_update_interval=1)
    assert all(np.array_equal(whole[name], again[name]) for name in whole)
    assert not amp.Adam.rowwise
