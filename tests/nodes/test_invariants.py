"""The rules all nodes obey in any order of delivery: each message is answered once, nothing is remembered."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ampviz as amp
from ampviz import SGD, Instance, S, T
from ampviz import nodes as nn
from tests.nodes.delivery import NEVER, Delivery, arrays, hosted
from tests.nodes.models import MODELS, instances

PASS_ON = ("Isu", "Phi")  # these hand a gradient on, of use or not
every_model = pytest.mark.parametrize("name", MODELS)


def any_delivery(test):
    """Draw the data, the order of delivery, the batch size and how often nodes update."""
    drawn = given(
        data=st.integers(0, 1000),
        order=st.integers(0, 2**32),
        max_batch=st.sampled_from([1, 2, 3, 16]),
        interval=st.sampled_from([1, 3, NEVER]),
    )
    return settings(max_examples=25, deadline=None)(drawn(test))


def delivered(name: str, *, data: int, order: int, max_batch: int, interval: int) -> Delivery:
    """Three training and two validation keys, run to the end."""
    given = instances(name, 5, data)
    delivery = hosted(
        MODELS[name][0], given, seed=order, max_batch=max_batch, optimizer=SGD(0.1), min_update_interval=interval
    )
    delivery.admit(dict(zip([4, 9, 7, -1, -3], given, strict=True)))
    delivery.run()
    return delivery


def test_the_models_use_every_node():
    kinds = {node.kind for name in MODELS for node in hosted(MODELS[name][0], instances(name, 5)).nodes}
    assert kinds == set(nn.__all__)


@every_model
@any_delivery
def test_every_message_is_answered_once_with_its_state(name, **drawn):
    for traffic in delivered(name, **drawn).traffic:
        sent = [state for state, _ in traffic.forward]
        assert len(set(sent)) == len(sent)
        assert Counter(state for state, _ in traffic.backward) == Counter(sent)


@every_model
@any_delivery
def test_in_the_end_all_are_home_and_forgotten(name, **drawn):
    delivery = delivered(name, **drawn)
    assert delivery.homes == dict.fromkeys([4, 9, 7, -1, -3], len(delivery.sources))
    assert {node.name: node.cached() for node in delivery.nodes if node.cached()} == {}


@every_model
@settings(max_examples=10, deadline=None)
@given(data=st.integers(0, 1000), order=st.integers(0, 2**32), moment=st.integers(0, 60))
def test_an_instance_dropped_at_any_moment_is_forgotten_and_the_others_notice_nothing(name, data, order, moment):
    three = dict(zip([4, 9, -1], instances(name, 3, data), strict=True))
    delivery = hosted(MODELS[name][0], list(three.values()), seed=order, max_batch=3)
    delivery.admit(three)
    delivery.run(moment)
    delivery.drop(9)
    delivery.run()
    assert not [node.name for node in delivery.nodes if node.cached() or list(node.remembered())]
    assert [delivery.homes[key] for key in (4, -1)] == [len(delivery.sources)] * 2
    alone = hosted(MODELS[name][0], list(three.values()))
    alone.admit({key: three[key] for key in (4, -1)})
    alone.run()
    for mixed, traffic in zip(delivery.traffic, alone.traffic, strict=True):
        for way in ("forward", "backward"):
            others = dict(entry for entry in getattr(mixed, way) if entry[0][0] != 9)
            assert others.keys() == dict(getattr(traffic, way)).keys()
            for state, payload in getattr(traffic, way):
                for expected, got in zip(arrays(payload), arrays(others[state]), strict=True):
                    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)


@every_model
@any_delivery
def test_gradients_have_the_form_of_what_was_sent_and_validation_has_none(name, **drawn):
    for traffic in delivered(name, **drawn).traffic:
        sent = dict(traffic.forward)
        for state, dy in traffic.backward:
            if dy is not None:
                assert state[0] >= 0
                assert type(dy) is type(sent[state])
                forms = [[(array.shape, array.dtype) for array in arrays(payload)] for payload in (dy, sent[state])]
                assert forms[0] == forms[1]


@every_model
def test_nodes_that_compute_give_no_gradient_where_none_is_of_use(name):
    delivery = delivered(name, data=3, order=3, max_batch=4, interval=NEVER)
    useless = [edge for edge in delivery.graph.edges if not edge.gradient]
    assert useless
    for edge in useless:
        if delivery.node(edge.target).kind not in PASS_ON:
            assert all(dy is None for _, dy in delivery.traffic[edge.id].backward)


def optional(x, extra, y):
    amp.discard(nn.Linear(3, 2, name="unused")(nn.Ungroup(S.i, name="pieces")(extra)))
    nn.MSE()(nn.Linear(3, 2)(x), y)


@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_a_payload_without_rows_ungroups_to_nothing_and_comes_home(pieces):
    x, y = np.ones((1, 3), np.float32), np.ones((1, 2), np.float32)
    given = Instance({"x": x, "extra": np.ones((pieces, 3), np.float32), "y": y})
    delivery = hosted(optional, [given])
    delivery.admit({0: given})
    delivery.run()
    assert delivery.homes == {0: 3}
    assert not any(node.cached() for node in delivery.nodes)
    (edge,) = delivery.graph.outgoing[delivery.node("pieces").id]
    assert sorted(state for state, _ in delivery.traffic[edge.id].forward) == [(0, i) for i in range(pieces)]


def ragged(x, label):
    positive = nn.ReLU(name="relu")(x)
    squared = nn.Multiply(name="square")(positive, nn.Dropout(0.5, name="drop")(x))
    whole = nn.Group(S.i, count=2, name="group")(nn.Flatmap(S.i, T.twice)(squared))
    amp.discard(whole)
    amp.discard(label)


@given(st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_payloads_whose_sizes_differ_between_instances_go_one_by_one(random):
    sizes = [random.randint(1, 5) for _ in range(6)]
    data = [
        Instance({"x": np.full((2, size), 2.0, np.float32), "label": np.zeros(1, np.int64)}, tables={"twice": [0, 1]})
        for size in [*sizes, 6, 7]
    ]
    delivery = hosted(ragged, data, max_batch=8, seed=random.randint(0, 99))
    delivery.admit(dict(enumerate(data)))
    delivery.run()
    assert not any(node.cached() for node in delivery.nodes)
    for name in ("relu", "square", "group", "drop"):
        assert not delivery.node(name).uniform
    shapes = [y.shape for _, y in delivery.traffic[delivery.graph.outgoing[delivery.node("group").id][0].id].forward]
    assert sorted(shapes) == sorted((4, size) for size in [*sizes, 6, 7])
