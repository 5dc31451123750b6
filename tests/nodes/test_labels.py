"""A label that is read from a table: losses, metrics and gradients are those of labels that come as messages."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz import Instance, S, T
from ampviz import nodes as nn
from ampviz.message import FORWARD
from tests.nodes.delivery import Delivery, hosted, process

CLASSES, SIZE = 3, 2


def by_table(x):
    piece = nn.Ungroup(S.i, axis=1, name="pieces")(x)
    nn.SoftmaxCrossEntropy(label=T.classes[S.i + 1] - 1, name="loss")(nn.Linear(SIZE, CLASSES, name="out")(piece))


def by_message(x, labels):
    piece, label = nn.Ungroup(S.i, axis=1, name="pieces")(x), nn.Ungroup(S.i, axis=1, name="labels-cut")(labels)
    nn.SoftmaxCrossEntropy(name="loss")(nn.Linear(SIZE, CLASSES, name="out")(piece), label)


def drawn(rng: np.random.Generator) -> Instance:
    """Messages of some rows, all of one class."""
    rows, pieces = (int(size) for size in rng.integers(1, 4, 2))
    classes = rng.integers(0, CLASSES, pieces)
    x = rng.normal(size=(rows, pieces, SIZE)).astype(np.float32)
    labels = np.tile(classes, (rows, 1))
    return Instance({"x": x, "labels": labels}, tables={"classes": [99, *(classes + 1).tolist()]})


def run(model, instances: dict[int, Instance], **settings) -> Delivery:
    delivery = hosted(model, list(instances.values()), **settings)
    delivery.admit(instances)
    delivery.run()
    return delivery


@given(seed=st.integers(0, 1000), order=st.integers(0, 2**32), max_batch=st.sampled_from([1, 3, 16]))
@settings(max_examples=25, deadline=None)
def test_a_label_from_a_table_is_as_good_as_one_in_a_message(seed, order, max_batch):
    rng = np.random.default_rng(seed)
    instances = {key: drawn(rng) for key in (3, 8, 5, -1)}
    expected = run(by_message, instances)
    found = run(by_table, instances, seed=order, max_batch=max_batch)
    assert found.losses.keys() == expected.losses.keys()
    for key, (rows, total, metrics) in expected.losses.items():
        assert found.losses[key][0] == rows
        assert found.losses[key][1] == pytest.approx(total, rel=1e-5)
        assert found.losses[key][2] == metrics
    gradients = found.gradients()
    for name, gradient in expected.gradients().items():
        np.testing.assert_allclose(gradients[name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("number", [0, CLASSES + 1])
def test_a_label_outside_the_classes_is_refused(number):
    instance = Instance({"x": np.ones((2, 1, SIZE), np.float32)}, tables={"classes": [99, number]})
    delivery = hosted(by_table, [instance])
    delivery.admit({4: instance})
    delivery.run(1)  # the source; its piece is fed by hand
    logits = np.ones((2, CLASSES), np.float32)
    with pytest.raises(ValueError, match=re.escape(f"label {number - 1}..{number - 1} outside 0..2")):
        process(delivery.node("loss"), FORWARD, [(0, (4, 0), logits)])


def test_the_note_says_where_the_label_comes_from():
    instance = Instance({"x": np.ones((2, 1, SIZE), np.float32)}, tables={"classes": [99, 1]})
    assert hosted(by_table, [instance]).node("loss").note() == "T.classes[S.i + 1] - 1"
