"""Picking one row of a set: the log-softmax over the rows of one message, whatever stands beside it in a batch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz import Instance
from ampviz import nodes as nn
from ampviz.nodes import kernels
from tests.nodes.delivery import Delivery, hosted
from tests.nodes.differences import numeric_gradient

SETS = st.lists(st.integers(1, 5), min_size=1, max_size=5)


def drawn(counts: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=sum(counts)) * 3, np.array([rng.integers(count) for count in counts])


def naive_losses(logits: np.ndarray, labels: np.ndarray, counts: list[int]) -> list[float]:
    sets = np.split(logits, np.cumsum(counts)[:-1])
    return [
        -math.log(math.exp(own[label]) / sum(math.exp(value) for value in own))
        for own, label in zip(sets, labels, strict=True)
    ]


@given(counts=SETS, seed=st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_the_loss_of_a_set_is_minus_the_log_of_the_share(counts, seed):
    logits, labels = drawn(counts, seed)
    losses, _, correct = kernels.selection_cross_entropy(logits, labels, np.array(counts))
    np.testing.assert_allclose(losses, naive_losses(logits, labels, counts), rtol=1e-9, atol=1e-12)
    sets = np.split(logits, np.cumsum(counts)[:-1])
    assert correct.tolist() == [own.argmax() == label for own, label in zip(sets, labels, strict=True)]


@given(counts=SETS, seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_the_gradient_is_the_finite_difference_of_the_sum(counts, seed):
    logits, labels = drawn(counts, seed)
    numeric = numeric_gradient(lambda: sum(naive_losses(logits, labels, counts)), logits)
    gradient = kernels.selection_cross_entropy(logits, labels, np.array(counts))[1]
    np.testing.assert_allclose(gradient, numeric, atol=1e-7)


@pytest.mark.parametrize("label", [0, 1, 2])
def test_of_equal_logits_the_first_is_picked(label):
    result = kernels.selection_cross_entropy(np.array([0.5, 2, 2, 2]), np.array([0, label]), np.array([1, 3]))
    assert result[2].tolist() == [True, label == 0]


@pytest.mark.parametrize("size", [1e3, 1e30])
def test_large_logits_do_not_overflow(size):
    logits = np.array([size, -size, -size, size], np.float32)
    losses, gradient, correct = kernels.selection_cross_entropy(logits, np.array([0, 0]), np.array([2, 2]))
    np.testing.assert_allclose(losses, [0, 2 * size], rtol=1e-6)
    np.testing.assert_array_equal(gradient, [0, 0, -1, 1])
    assert correct.tolist() == [True, False]


def chosen(x, best):
    nn.SelectionCrossEntropy(name="loss")(nn.Linear(2, 1, name="score")(x), best)


def instance(rows: int, best: list[int]) -> Instance:
    x = np.random.default_rng(rows).normal(size=(rows, 2)).astype(np.float32)
    return Instance({"x": x, "best": np.array(best, np.int64)})


GOOD = [instance(3, [2]), instance(1, [0]), instance(4, [0])]


def run(*instances: Instance, **settings) -> Delivery:
    delivery = hosted(chosen, GOOD, **settings)
    delivery.admit(dict(enumerate(instances)))
    delivery.run()
    return delivery


@pytest.mark.parametrize("max_batch", [1, 8])
def test_a_set_is_one_loss_and_its_gradients_add_up_to_nothing(max_batch):
    delivery = run(*GOOD, max_batch=max_batch, dtype=np.float64)
    assert [delivery.losses[key][0] for key in range(3)] == [1, 1, 1]
    W = delivery.parameters()["score/W"]
    for key, given_ in enumerate(GOOD):
        scores = given_.fields["x"].astype(float) @ W[:, 0]
        best = int(given_.fields["best"][0])
        assert delivery.losses[key][1] == pytest.approx(naive_losses(scores, np.array([best]), [len(scores)])[0])
        assert delivery.losses[key][2] == {"accuracy": scores.argmax() == best}
    (edge,) = delivery.graph.outgoing[delivery.node("score").id]
    for state, gradient in delivery.traffic[edge.id].backward:
        assert gradient.shape == (len(GOOD[state[0]].fields["x"]), 1)
        assert gradient.sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("rows", "best"), [(3, [3]), (3, [-1]), (3, [0, 1]), (3, []), (0, [0])])
@pytest.mark.parametrize("max_batch", [1, 8])
def test_a_label_that_is_no_row_is_an_error(rows, best, max_batch):
    with pytest.raises(ValueError, match=rf"label \[.*\] is no row of a set of {rows}"):
        run(GOOD[0], instance(rows, best), max_batch=max_batch)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_score_that_is_no_number_is_an_error(value):
    bad = instance(3, [1])
    bad.fields["x"][2] = value
    with pytest.raises(FloatingPointError, match="loss is nan"), np.errstate(all="ignore"):
        run(bad)
