"""Dropout: the mask is that of the message, in forward, backward and replay; StopGrad: nothing passes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz import Instance, S, T
from ampviz import nodes as nn
from ampviz.message import FORWARD
from ampviz.nodes import dropout
from tests.nodes.delivery import Delivery, hosted, process

ONES = np.ones((6, 50), np.float32)
INSTANCE = Instance({"x": ONES, "y": np.zeros((6, 50), np.float32)}, tables={"rows": 6})


def dropped(keep: float, name: str = "drop"):
    def model(x, y):
        row = nn.Ungroup(S.i)(nn.Linear(50, 50, name="in")(x))
        nn.MSE()(nn.Group(S.i, count=T.rows)(nn.Dropout(keep, name=name)(row)), y)

    return model


def run(keep: float, *, keys=(3,), drawn_from: int = 0, name: str = "drop", **settings) -> Delivery:
    """Rows of ones through a Dropout, one message a row."""
    delivery = hosted(dropped(keep, name), [INSTANCE], **settings)
    delivery.parameters()["in/W"][...] = np.eye(50)
    delivery.seed = drawn_from
    (node,) = (node for node in delivery.nodes if node.kind == "Dropout")
    node.bind(delivery, delivery.graph)
    delivery.admit(dict.fromkeys(keys, INSTANCE))
    delivery.run()
    return delivery


def edges(delivery: Delivery) -> list:
    """The traffic of the edges into and out of the Dropout."""
    (node,) = (node.id for node in delivery.nodes if node.kind == "Dropout")
    graph = delivery.graph
    return [delivery.traffic[edge.id] for edge in (*graph.incoming[node], *graph.outgoing[node])]


def masks(delivery: Delivery) -> dict:
    """What Dropout made of the ones, by state."""
    return {state: y[0] for state, y in edges(delivery)[1].forward}


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.75, 0.9])
def test_a_share_is_kept_and_scaled_so_that_the_mean_stays(keep):
    values = np.concatenate(list(masks(run(keep, keys=range(100))).values()))
    kept = values[values != 0]
    assert len(values) == 30_000
    assert len(kept) / len(values) == pytest.approx(keep, abs=0.015)
    np.testing.assert_allclose(kept, 1 / keep, rtol=2e-4)
    assert values.mean() == pytest.approx(1, abs=0.05)


@given(order=st.integers(0, 2**32), max_batch=st.sampled_from([1, 3, 16]))
@settings(max_examples=25, deadline=None)
def test_neither_order_nor_batches_change_the_mask(order, max_batch):
    usual = masks(run(0.5, keys=(3, 4)))
    other = masks(run(0.5, keys=(3, 4), seed=order, max_batch=max_batch))
    assert usual.keys() == other.keys()
    assert all((usual[state] == other[state]).all() for state in usual)


def test_the_gradient_passes_where_the_payload_passed():
    delivery = run(0.5, keys=(3, 4), max_batch=16)
    mask = masks(delivery)
    after, before = ({state: dy[0] for state, dy in traffic.backward} for traffic in edges(delivery))
    assert len(mask) == 12
    for state in mask:
        np.testing.assert_allclose(after[state], before[state] * mask[state], rtol=1e-6)


def test_each_message_seed_and_node_has_a_mask_of_its_own():
    drawn = [
        *masks(run(0.5, keys=(3, 4))).values(),
        masks(run(0.5, drawn_from=1))[3, 0],
        masks(run(0.5, name="other"))[3, 0],
    ]
    agreement = np.array([[(one == two).mean() for one in drawn] for two in drawn])
    assert (np.diag(agreement) == 1).all()
    assert agreement[~np.eye(len(drawn), dtype=bool)].max() < 0.85
    assert agreement[~np.eye(len(drawn), dtype=bool)].mean() == pytest.approx(0.5, abs=0.05)


def splitmix64(seed: int, number: int) -> int:
    """The number-th output of the generator, from 1 on."""
    z = (seed + number * 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


@pytest.mark.parametrize("counts", [[1, 1, 1], [3], [0, 5, 2], [1, 2], []])
@pytest.mark.parametrize("size", [1, 4, 7])
def test_the_rows_of_each_message_are_the_sequence_of_its_seed(counts, size):
    words = -(-size // 4)
    seeds = [2**63 + 5, 7, 2**64 - 1][: len(counts)]
    expected = [
        [splitmix64(seed, row * words + column // 4 + 1) >> 16 * (column % 4) & 0xFFFF for column in range(size)]
        for seed, count in zip(seeds, counts, strict=True)
        for row in range(count)
    ]
    drawn = dropout._draw(np.array(seeds, np.uint64), counts, size)
    np.testing.assert_array_equal(drawn, np.array(expected, np.uint16).reshape(-1, size))


def test_validation_keys_pass_unchanged():
    delivery = run(0.5, keys=(-1, 3))
    assert all((mask == 1).all() for state, mask in masks(delivery).items() if state[0] == -1)
    assert not all((mask == 1).all() for state, mask in masks(delivery).items() if state[0] == 3)


def test_all_is_kept_where_nothing_may_be_dropped():
    assert all((mask == 1).all() for mask in masks(run(1.0)).values())


def test_nothing_is_remembered_in_between():
    delivery = hosted(dropped(0.5), [INSTANCE])
    delivery.admit({3: INSTANCE})
    node = delivery.node("drop")
    process(node, FORWARD, [(0, (3, 0), ONES[:1])])
    assert node.cached() == 0


def test_no_gradient_passes_a_stopgrad():
    def model(x, y):
        h = nn.Linear(50, 50, name="before")(x)
        still = nn.StopGrad()(nn.LeafLSTM(50, 50, name="cell")(h))
        nn.MSE()(nn.Linear(50, 50, name="after")(nn.Pick(0)(still)), y)

    delivery = hosted(model, [INSTANCE])
    delivery.admit({3: INSTANCE})
    delivery.run()
    found = delivery.gradients()
    assert found["after/W"].any()
    assert not found["before/W"].any()
    assert not found["cell/W"].any()
    assert delivery.homes == {3: 2}
