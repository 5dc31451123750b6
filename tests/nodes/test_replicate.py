"""Replicated layers in a graph: which keys meet which copy, the rules of all nodes, and models that are refused."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ampviz as amp
from ampviz import S
from ampviz import nodes as nn
from ampviz.tracing import trace
from tests.instances import traced
from tests.nodes.delivery import NEVER, Delivery, hosted
from tests.nodes.models import CLASSES, HIDDEN, VOCABULARY, instances
from tests.refusal import refusal

KEYS = [4, 9, 7, 8, -1, -3]


def recurrent(copies):
    """A recurrent model with copies of its cell, which has two inputs."""

    def model(tokens, label):
        word = nn.Lookup(VOCABULARY, HIDDEN, name="embed")(nn.Ungroup(S.t, count=S.n, axis=1)(tokens))
        cell = amp.replicate(nn.RNN(HIDDEN, HIDDEN, name="cell"), copies)
        h = amp.loop(
            lambda h: cell(word, h),
            init=nn.Zeros(HIDDEN)(tokens), step=S.t.to(S.t + 1), while_=S.t < S.n,
        )  # fmt: skip
        nn.SoftmaxCrossEntropy(on=S.key)(nn.Linear(HIDDEN, CLASSES, name="out")(h), label)

    return model


def delivered(copies: int, order: int = 0, max_batch: int = 1, interval: int = NEVER) -> Delivery:
    """Four training and two validation keys run to the end, all copies with the parameters of the first."""
    given = instances("recurrent", len(KEYS))
    delivery = hosted(recurrent(copies), given, seed=order, max_batch=max_batch, min_update_interval=interval)
    names = [node.name for node in delivery.parameterised if node.name.startswith("cell")]
    rng = np.random.default_rng(1)
    for name in ("W", "U", "b"):
        value = rng.normal(size=delivery.node(names[0]).parameters.arrays[name].shape)
        for copy in names:
            delivery.node(copy).parameters.arrays[name][...] = value
    delivery.admit(dict(zip(KEYS, given, strict=True)))
    delivery.run()
    return delivery


any_order = given(
    copies=st.integers(2, 4), order=st.integers(0, 2**32), max_batch=st.sampled_from([1, 3, 16]),
    interval=st.sampled_from([1, 3, NEVER]),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@any_order
def test_every_message_is_answered_once_and_forgotten(copies, order, max_batch, interval):
    delivery = delivered(copies, order, max_batch, interval)
    for traffic in delivery.traffic:
        sent = [state for state, _ in traffic.forward]
        assert len(set(sent)) == len(sent)
        assert Counter(state for state, _ in traffic.backward) == Counter(sent)
    assert delivery.homes == dict.fromkeys(KEYS, len(delivery.sources))
    assert not [node.name for node in delivery.nodes if node.cached()]


@pytest.mark.parametrize("copies", [2, 3, 5])
def test_a_key_meets_the_copy_of_its_remainder(copies):
    delivery = delivered(copies)
    for number in range(copies):
        for edge in delivery.graph.incoming[delivery.node(f"cell-{number}").id]:
            met = {state[0] for state, _ in delivery.traffic[edge.id].forward}
            assert met == {key for key in KEYS if key % copies == number}


@settings(max_examples=25, deadline=None)
@given(copies=st.integers(2, 4), order=st.integers(0, 2**32), max_batch=st.sampled_from([1, 3, 16]))
def test_the_gradients_of_equal_copies_add_up_to_that_of_the_layer_alone(copies, order, max_batch):
    expected = delivered(1).gradients()
    found = delivered(copies, order, max_batch).gradients()
    for name in ("W", "U", "b"):
        total = sum(found.pop(f"cell-{number}/{name}") for number in range(copies))
        np.testing.assert_allclose(total, expected.pop(f"cell/{name}"), rtol=2e-5, atol=2e-6)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=2e-5, atol=2e-6)


def test_one_copy_is_the_layer_itself():
    data = instances("recurrent", 2)
    assert [node.name for node in trace(recurrent(1), data).nodes] == [
        node.name for node in trace(recurrent(None), data).nodes
    ]
    assert len(trace(recurrent(None), data, replicas=3).nodes) == len(trace(recurrent(1), data).nodes) + 5


def test_the_graph_shows_copies_as_parts_of_one_node():
    text = str(trace(recurrent(2), instances("recurrent", 2))).splitlines()
    at = next(index for index, line in enumerate(text) if line.startswith("cell  "))
    assert text[at].split() == ["cell", "2", "copies", "averaged", "after", "each", "epoch"]
    assert [line.split()[0] for line in text[at - 2 : at + 4]] == [
        "cell-cond-0", "cell-cond-1", "cell", "cell-0", "cell-1", "cell-phi",
    ]  # fmt: skip
    assert text[at + 1].startswith("  cell-0 ")


@pytest.mark.parametrize(("mode", "count"), [("average", 3), ("shared", 1)])
def test_shared_parameters_are_counted_once(mode, count):
    def model(x, label):
        nn.SoftmaxCrossEntropy()(amp.replicate(nn.Linear(4, 2, name="fc"), 3, mode=mode)(x), label)

    assert f" {count * (4 * 2 + 2)} parameters" in str(traced(model))


def test_a_nameless_layer_gets_a_name_for_its_copies():
    def model(x, label):
        nn.SoftmaxCrossEntropy()(amp.replicate(lambda: nn.Linear(4, 2), 2)(nn.Linear(4, 4)(x)), label)

    names = [node.name for node in traced(model).nodes]
    assert names[2:7] == ["linear1", "linear2-cond", "linear2-0", "linear2-1", "linear2-phi"]


def no_copies(x, label):
    nn.SoftmaxCrossEntropy()(amp.replicate(nn.Linear(4, 2), 0)(x), label)


def no_input(x, y):
    amp.replicate(nn.Linear(3, 2, name="fc"), 2)()


def no_parameters(x, label):
    nn.SoftmaxCrossEntropy()(amp.replicate(lambda: nn.ReLU(), 2)(x), label)


def twice(x, label):
    layer = amp.replicate(nn.Linear(4, 4, name="fc"), 2)
    nn.SoftmaxCrossEntropy()(layer(layer(x)), label)


def name_taken(x, label):
    h = amp.replicate(nn.Linear(4, 4, name="fc"), 2)(x)
    nn.SoftmaxCrossEntropy()(nn.Linear(4, 2, name="fc")(h), label)


def called_before(x, label):
    layer = nn.Linear(4, 4, name="fc")
    amp.discard(layer(x))
    nn.SoftmaxCrossEntropy()(amp.replicate(layer, 2)(x), label)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (no_copies, "at least one copy is needed (got 0)"),
        (no_parameters, "only layers with parameters are replicated (got ReLU)"),
        (no_input, "a replicated layer needs an input"),
        (twice, "two nodes are called fc"),
        (name_taken, "two nodes are called fc"),
        (called_before, "two nodes are called fc"),
    ],
)
def test_models_that_are_refused(model, text):
    error = refusal(model)
    assert text in str(error)
    assert "test_replicate.py:" in str(error)
