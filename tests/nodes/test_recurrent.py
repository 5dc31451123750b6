"""Recurrent cells in a loop over sequences: gradients as a pass by hand over each row gives them, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz import nodes as nn
from ampviz.message import FORWARD
from ampviz.nodes.batch import Batch
from tests.nodes.cell_models import HIDDEN, SIZE, gru, lstm, rnn, sequence_instance
from tests.nodes.delivery import Delivery, hosted

TOLERANCE = 1e-11  # relative, in float64: only the order of sums differs


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def pull(p: dict, g: dict, name: str, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    g[f"{name}/W"] += np.outer(x, dy)
    g[f"{name}/b"] += dy
    return p[f"{name}/W"] @ dy


def affine(p: dict, name: str, x: np.ndarray) -> np.ndarray:
    return x @ p[f"{name}/W"] + p[f"{name}/b"]


def naive_lstm(p, g, xs, y, share) -> float:
    """One row through an LSTM; the gates stand as i, o, f, u."""
    h, c, kept = np.zeros(HIDDEN), np.zeros(HIDDEN), []
    for x in xs:
        below = np.concatenate([x, h])
        i, o, f, u = np.split(affine(p, "cell", below), 4)
        i, o, f, u = sigmoid(i), sigmoid(o), sigmoid(f), np.tanh(u)
        before, c = c, i * u + f * c
        h = o * np.tanh(c)
        kept.append((below, i, o, f, u, before, c))
    error = affine(p, "out", np.concatenate([c, h])) - y
    dc, dh = np.split(pull(p, g, "out", np.concatenate([c, h]), error * share), 2)
    for below, i, o, f, u, before, after in reversed(kept):
        t = np.tanh(after)
        dc = dc + dh * o * (1 - t**2)
        dgates = [dc * u * i * (1 - i), dh * t * o * (1 - o), dc * before * f * (1 - f), dc * i * (1 - u**2)]
        dh = pull(p, g, "cell", below, np.concatenate(dgates))[SIZE:]
        dc = dc * f
    return float((error**2).mean())


def naive_gru(p, g, xs, y, share) -> float:
    """One row through a GRU, as torch.nn.GRUCell has it."""
    h, kept = np.zeros(HIDDEN), []
    for raw in xs:
        x = affine(p, "in", raw)
        below, own = np.split(affine(p, "cell", x), 3), np.split(h @ p["cell/U"], 3)
        r, z = sigmoid(below[0] + own[0]), sigmoid(below[1] + own[1])
        recalled = own[2] + p["cell/d"]
        n = np.tanh(below[2] + r * recalled)
        kept.append((raw, x, h, r, z, n, recalled))
        h = (1 - z) * n + z * h
    error = affine(p, "out", h) - y
    dh = pull(p, g, "out", h, error * share)
    for raw, x, before, r, z, n, recalled in reversed(kept):
        dn = dh * (1 - z) * (1 - n**2)
        sigmoids = [dn * recalled * r * (1 - r), dh * (before - n) * z * (1 - z)]
        own = np.concatenate([*sigmoids, dn * r])
        g["cell/U"] += np.outer(before, own)
        g["cell/d"] += dn * r
        pull(p, g, "in", raw, pull(p, g, "cell", x, np.concatenate([*sigmoids, dn])))
        dh = dh * z + p["cell/U"] @ own
    return float((error**2).mean())


def naive_rnn(activate, slope):
    """One row through a plain recurrent network, as torch.nn.RNNCell has it; `slope` is by the output."""

    def naive(p, g, xs, y, share) -> float:
        h, kept = np.zeros(HIDDEN), []
        for x in xs:
            before, h = h, activate(affine(p, "cell", x) + h @ p["cell/U"])
            kept.append((x, before, h))
        error = affine(p, "out", h) - y
        dh = pull(p, g, "out", h, error * share)
        for x, before, after in reversed(kept):
            down = dh * slope(after)
            pull(p, g, "cell", x, down)
            g["cell/U"] += np.outer(before, down)
            dh = p["cell/U"] @ down
        return float((error**2).mean())

    return naive


CELLS = {
    "lstm": (lstm, naive_lstm),
    "gru": (gru, naive_gru),
    "rnn": (rnn("relu"), naive_rnn(lambda x: np.where(x > 0, x, 0), lambda y: 1.0 * (y > 0))),
    "rnn_tanh": (rnn("tanh"), naive_rnn(np.tanh, lambda y: 1 - y**2)),
}


@pytest.mark.parametrize("name", CELLS)
@given(seed=st.integers(0, 2**32), max_batch=st.sampled_from([1, 3, 16]), together=st.booleans())
@settings(max_examples=25, deadline=None)
def test_the_gradient_is_the_one_worked_out_by_hand(name, seed, max_batch, together):
    model, naive = CELLS[name]
    rng = np.random.default_rng(seed)
    instances = [sequence_instance(rng) for _ in range(3)]
    delivery = hosted(model, instances, seed=seed, max_batch=max_batch, dtype=np.float64)
    if together:
        delivery.admit(dict(enumerate(instances)))
        delivery.run()
    else:
        for key, instance in enumerate(instances):
            delivery.admit({key: instance})
            delivery.run()
    parameters = delivery.parameters()
    expected = {path: np.zeros(array.shape) for path, array in parameters.items()}
    for key, instance in enumerate(instances):
        rows = list(zip(instance.fields["x"].astype(float), instance.fields["y"].astype(float), strict=True))
        losses = [naive(parameters, expected, xs, y, 2 / len(y) / len(rows)) for xs, y in rows]
        assert delivery.losses[key][1] == pytest.approx(sum(losses), rel=1e-10)
    for path, gradient in delivery.gradients().items():
        np.testing.assert_allclose(gradient, expected[path], rtol=TOLERANCE, atol=TOLERANCE, err_msg=path)


def payloads(delivery: Delivery, name: str) -> list[tuple]:
    (edge,) = delivery.graph.outgoing[delivery.node(name).id]
    return [payload for _, payload in delivery.traffic[edge.id].forward]


def test_several_messages_in_one_product_give_the_rows_of_one_at_a_time():
    rng = np.random.default_rng(0)
    instances = [sequence_instance(rng) for _ in range(4)]
    found = []
    for max_batch in (1, 16):
        delivery = hosted(lstm, instances, seed=1, max_batch=max_batch, dtype=np.float64)
        delivery.admit(dict(enumerate(instances)))
        delivery.run()
        found.append(np.sort(np.concatenate([h.ravel() for h, _ in payloads(delivery, "cell")])))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-12)


@pytest.mark.parametrize(
    ("cell", "shapes", "note"),
    [
        (nn.LSTM(2, 3), {"W": (5, 12), "b": (12,)}, "2 | 3 | 3 -> 3"),
        (nn.GRU(2, 3), {"W": (2, 9), "U": (3, 9), "b": (9,), "d": (3,)}, "2 | 3 -> 3"),
        (nn.RNN(2, 3), {"W": (2, 3), "U": (3, 3), "b": (3,)}, "2 | 3 -> 3 tanh"),
    ],
)
def test_parameters_have_the_shapes_that_are_said(cell, shapes, note):
    arrays = cell.initial(np.random.default_rng(0))
    assert cell.parameter_shapes() == {name: array.shape for name, array in arrays.items()} == shapes
    assert cell.note() == note


@pytest.mark.parametrize("name", CELLS)
def test_what_waits_for_the_other_input_can_be_looked_at_and_counts_as_cached(name):
    instance = sequence_instance(np.random.default_rng(0))
    delivery = hosted(CELLS[name][0], [instance])
    delivery.admit({0: instance})
    cell, x = delivery.node("cell"), np.ones((1, SIZE), np.float32)
    state = (0, *range(1, len(delivery.graph.incoming[cell.id][0].type.fields)))
    cell.forward(Batch.of((0, state, x)))
    ((direction, (port, waits, payload)),) = cell.remembered()
    assert (direction, port, waits, payload.tolist()) == (FORWARD, 0, state, x.tolist())
    assert cell.cached() == 1
    cell.drop(0)
    assert cell.cached() == 0


def test_a_state_that_starts_orthogonal_keeps_its_length_and_the_words_start_as_ever():
    turning = nn.RNN(2, 3, orthogonal=True).initial(np.random.default_rng(0))
    plain = nn.RNN(2, 3).initial(np.random.default_rng(0))
    np.testing.assert_allclose(turning["U"] @ turning["U"].T, np.eye(3), atol=1e-12)
    np.testing.assert_array_equal(turning["W"], plain["W"])


@pytest.mark.parametrize("forget", [0.0, 1.0])
def test_the_forget_gate_starts_where_it_is_told(forget):
    b = nn.LSTM(2, 3, forget=forget).initial(np.random.default_rng(0))["b"]
    assert b.tolist() == [0] * 6 + [forget] * 3 + [0] * 3
