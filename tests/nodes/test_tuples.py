"""Payloads of several arrays, such as (h, c): their type, what passes them on, and one array taken out of them."""

from __future__ import annotations

import numpy as np
import pytest

import ampviz as amp
from ampviz import Instance, S, T
from ampviz import nodes as nn
from ampviz.errors import GraphError
from ampviz.ports import ArrayType, PortType
from tests.nodes.delivery import Delivery, hosted

KEY = ("key",)
PAIR = PortType(KEY, (3,), rest=(ArrayType((3,)),))
X = np.arange(6, dtype=np.float32).reshape(3, 2)
INSTANCE = Instance({"x": X, "y": np.ones((3, 2), np.float32)}, tables={"rows": 3})


def test_a_tuple_prints_every_array():
    assert str(PAIR) == "{key} (rows, 3) float32 + (rows, 3) float32"
    assert str(PortType(KEY, (None,), "int64")) == "{key} (rows, ?) int64"


def test_a_type_is_made_of_its_arrays_and_gives_them_back():
    assert PortType.of(KEY, PAIR.arrays) == PAIR
    assert PortType.of(KEY, [ArrayType((), "int64")]) == PortType(KEY, (), "int64")


@pytest.mark.parametrize(
    ("other", "meet"),
    [
        (PAIR, True),
        (PortType(KEY, (3,), rest=(ArrayType((None,)),)), True),
        (PortType(KEY, (3,)), False),
        (PortType(KEY, (3,), rest=(ArrayType((4,)),)), False),
        (PortType(KEY, (3,), rest=(ArrayType((3,), "int64"),)), False),
        (PortType(KEY, (3,), rest=(ArrayType((3,)),) * 2), False),
        (PortType(("key", "t"), (3,), rest=(ArrayType((3,)),)), False),
    ],
)
def test_tuples_meet_where_every_array_does(other, meet):
    assert PAIR.meets(other) == other.meets(PAIR) == meet


def run(model) -> Delivery:
    delivery = hosted(model, [INSTANCE], max_batch=4, dtype=np.float64)
    delivery.admit({0: INSTANCE})
    delivery.run()
    return delivery


def traffic(delivery: Delivery, name: str):
    """What travelled the one edge out of a node."""
    (edge,) = delivery.graph.outgoing[delivery.node(name).id]
    return delivery.traffic[edge.id]


def test_the_arrays_that_are_not_picked_have_a_gradient_of_zeros():
    def model(x, y):
        state = nn.LeafLSTM(2, 2, name="leaf")(x)
        nn.MSE()(nn.Pick(1, name="c")(state), y)

    delivery = run(model)
    ((_, (dh, dc)),) = traffic(delivery, "leaf").backward
    ((_, expected),) = traffic(delivery, "c").backward
    assert (dh == np.zeros((3, 2))).all()
    assert (dc == expected).all()


def test_picks_of_both_arrays_add_up():
    def model(x, y):
        state = nn.LeafLSTM(2, 2, name="leaf")(x)
        nn.MSE()(nn.Concat()(nn.Pick(0, name="h")(state), nn.Pick(1, name="c")(state)), nn.Concat()(y, y))

    delivery = run(model)
    ((_, (dh, dc)),) = traffic(delivery, "leaf").backward
    assert (dh == traffic(delivery, "h").backward[0][1]).all()
    assert (dc == traffic(delivery, "c").backward[0][1]).all()


def test_messages_with_and_without_a_gradient_may_share_a_batch():
    """The first row ends without a loss: its (h, c) come home with None, those of the others with arrays."""

    def model(x, y):
        row = nn.LeafLSTM(2, 2, name="leaf")(nn.Ungroup(S.i)(x))
        used, unused = nn.Cond(S.i > 0)(row)
        amp.discard(unused)
        kept = nn.Group(S.i, count=T.rows - 1, order=S.i - 1)(used)
        nn.MSE()(nn.SumRows()(nn.Pick(0)(kept)), nn.SumRows()(y))

    delivery = run(model)
    answers = dict(traffic(delivery, "leaf").backward)
    assert answers[0, 0] is None
    assert [len(answers[0, i]) for i in (1, 2)] == [2, 2]
    assert delivery.homes == {0: 2}


@pytest.mark.parametrize("axis", [0, 1])
def test_group_undoes_ungroup_for_every_array(axis):
    def model(x, y):
        state = nn.LeafLSTM(2, 2, name="leaf")(x)
        if axis:
            state = nn.Group(S.side, count=1, order=S.side, axis=1)(nn.Isu(S.side.to(0))(state))
        pieces = nn.Ungroup(S.i, axis=axis)(state)
        whole = nn.Group(S.i, count=1 if axis else T.rows, axis=axis, name="whole")(pieces)
        if axis:
            whole = nn.Group(S.j, count=1)(nn.Ungroup(S.j, axis=1)(whole))
        nn.MSE()(nn.Pick(0)(whole), y)

    delivery = run(model)
    ((_, before),) = traffic(delivery, "leaf").forward
    ((_, after),) = traffic(delivery, "whole").forward
    for one, two in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, two.reshape(one.shape))


def test_arrays_that_differ_along_an_axis_are_not_cut_along_it():
    node = nn.Ungroup(S.i, axis=1)
    node.infer(PortType(KEY, (2, 3), rest=(ArrayType((2, 5)),)))
    with pytest.raises(GraphError, match="cannot cut along this axis"):
        node.infer(PortType(KEY, (2, 3), rest=(ArrayType((4, 3)),)))


def test_zeros_of_several_sizes_are_a_tuple():
    def model(x, y):
        h, c = (nn.Pick(index)(nn.Zeros(2, 3, name=f"zeros{index}")(x)) for index in (0, 1))
        nn.MSE()(nn.Concat()(h, c), nn.Linear(2, 5)(y))

    (zeros,) = (payload for _, payload in traffic(run(model), "zeros0").forward)
    assert [(array.shape, array.any()) for array in zeros] == [((3, 2), False), ((3, 3), False)]
