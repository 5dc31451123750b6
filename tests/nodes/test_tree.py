"""Tree-LSTMs over random binary trees: gradients as a recursion over each tree gives them, in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz import Instance, S, T
from ampviz import nodes as nn
from tests.nodes.cell_models import CLASSES, HIDDEN, SIZE, VOCABULARY, tree_lstm, tree_lstm_instance
from tests.nodes.delivery import Delivery, hosted
from tests.nodes.drawn import binary_tree

TOLERANCE = 1e-11  # relative, in float64: only the order of sums differs


class NaiveTree:
    """One tree through a Tree-LSTM by recursion, one node at a time; adds its gradients to `g`."""

    def __init__(self, p: dict, g: dict, instance: Instance):
        self.p, self.g = p, g
        tables = instance.tables
        self.words = dict(zip(tables["leaves"], instance.fields["words"], strict=True))
        self.labels = dict(zip(tables["names"], instance.fields["labels"], strict=True))
        self.children: dict[int, list[int]] = {}
        for node in tables["names"]:
            if node != tables["root"]:
                self.children.setdefault(tables["parent"][node], [-1, -1])[tables["side"][node]] = node
        self.kept: dict[int, tuple] = {}
        self.loss = 0.0
        self.forward(tables["root"])
        self.backward(tables["root"], np.zeros(HIDDEN), np.zeros(HIDDEN))

    def forward(self, node: int) -> tuple[np.ndarray, np.ndarray]:
        children = self.children.get(node, [])
        states = [self.forward(child) for child in children]
        name = "branch" if children else "leaf"
        x = np.concatenate([h for h, _ in states]) if children else self.p["embed/table"][self.words[node]]
        gates = np.split(x @ self.p[f"{name}/W"] + self.p[f"{name}/b"], 3 + len(children))
        i, o, *forget = [1 / (1 + np.exp(-gate)) for gate in gates[:-1]]
        u = np.tanh(gates[-1])
        c = i * u + sum(f * state[1] for f, state in zip(forget, states, strict=True))
        h = o * np.tanh(c)
        self.kept[node] = (name, x, i, o, forget, u, c, h, [state[1] for state in states])
        return h, c

    def backward(self, node: int, dh: np.ndarray, dc: np.ndarray) -> None:
        name, x, i, o, forget, u, c, h, memories = self.kept[node]
        shares = np.exp(h @ self.p["out/W"] + self.p["out/b"])
        shares /= shares.sum()
        self.loss -= np.log(shares[self.labels[node]])
        shares[self.labels[node]] -= 1
        dh = dh + self.pull("out", h, shares)
        dc = dc + dh * o * (1 - np.tanh(c) ** 2)
        dgates = [dc * u * i * (1 - i), dh * np.tanh(c) * o * (1 - o)]
        dgates += [dc * memory * f * (1 - f) for memory, f in zip(memories, forget, strict=True)]
        dx = self.pull(name, x, np.concatenate([*dgates, dc * i * (1 - u**2)]))
        if name == "leaf":
            self.g["embed/table"][self.words[node]] += dx
            return
        for number, child in enumerate(self.children[node]):
            self.backward(child, dx[number * HIDDEN : (number + 1) * HIDDEN], dc * forget[number])

    def pull(self, name: str, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        self.g[f"{name}/W"] += np.outer(x, dy)
        self.g[f"{name}/b"] += dy
        return self.p[f"{name}/W"] @ dy


def trees(count: int, seed: int, leaves: int) -> list[Instance]:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        size = int(rng.integers(1, leaves + 1))
        fields = {"words": rng.integers(0, VOCABULARY, size), "labels": rng.integers(0, CLASSES, 2 * size - 1)}
        found.append(Instance(fields, tables=binary_tree(rng, size)))
    return found


def assert_naive(delivery: Delivery, instances: list[Instance]) -> None:
    parameters = delivery.parameters()
    expected = {name: np.zeros(array.shape) for name, array in parameters.items()}
    losses = [NaiveTree(parameters, expected, instance).loss for instance in instances]
    for name, gradient in delivery.gradients().items():
        np.testing.assert_allclose(gradient, expected[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
    for key, (instance, loss) in enumerate(zip(instances, losses, strict=True)):
        rows, total, _ = delivery.losses[key]
        assert rows == len(instance.tables["names"])
        assert total == pytest.approx(loss, rel=1e-12)
    assert {node.name: node.cached() for node in delivery.nodes if node.cached()} == {}


@given(seed=st.integers(0, 2**32), order=st.integers(0, 2**32), max_batch=st.sampled_from([1, 4, 64]))
@settings(max_examples=25, deadline=None)
def test_many_trees_in_flight_give_the_gradient_of_the_recursion(seed, order, max_batch):
    instances = trees(6, seed, leaves=6)
    delivery = hosted(tree_lstm, instances, seed=order, max_batch=max_batch, dtype=np.float64)
    delivery.admit(dict(enumerate(instances)))
    delivery.run()
    assert_naive(delivery, instances)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_one_tree_after_the_other_gives_the_gradient_of_the_recursion(seed):
    instances = trees(4, seed, leaves=6)
    delivery = hosted(tree_lstm, instances, seed=seed, max_batch=16, dtype=np.float64)
    for key, instance in enumerate(instances):
        delivery.admit({key: instance})
        delivery.run()
    assert_naive(delivery, instances)


def test_a_deep_tree_is_no_special_case():
    (instance,) = trees(1, 3, leaves=1)
    size = 40
    chain = list(range(size, 2 * size - 1))  # every branch has a leaf on its left and the branch before on its right
    parent, side = [-1] * (2 * size - 1), [-1] * (2 * size - 1)
    below = 0
    for leaf, branch in enumerate(chain, start=1):
        parent[leaf], side[leaf], parent[below], side[below] = branch, 0, branch, 1
        below = branch
    rng = np.random.default_rng(0)
    deep = Instance(
        {"words": rng.integers(0, VOCABULARY, size), "labels": rng.integers(0, CLASSES, 2 * size - 1)},
        tables={
            "leaves": list(range(size)),
            "names": list(range(2 * size - 1)),
            "parent": parent,
            "side": side,
            "root": below,
        },
    )
    delivery = hosted(tree_lstm, [instance, deep], max_batch=8, dtype=np.float64)
    delivery.admit({0: instance, 1: deep})
    delivery.run()
    assert_naive(delivery, [instance, deep])


def test_validation_reports_the_same_losses_and_sends_no_gradient():
    instances = trees(3, 1, leaves=5)
    delivery = hosted(tree_lstm, instances, max_batch=4)
    delivery.admit({key: instances[abs(key) - 1] for key in (1, 2, 3, -1, -2, -3)})
    delivery.run()
    for key in (1, 2, 3):
        assert delivery.losses[-key] == pytest.approx(delivery.losses[key])
    assert all(state[0] > 0 for traffic in delivery.traffic for state, dy in traffic.backward if dy is not None)


@pytest.mark.parametrize(
    ("cell", "shapes", "biases"),
    [
        (nn.LeafLSTM(SIZE, HIDDEN), {"W": (SIZE, 3 * HIDDEN), "b": (3 * HIDDEN,)}, [0] * 9),
        (
            nn.BranchLSTM(HIDDEN, S.node),
            {"W": (2 * HIDDEN, 5 * HIDDEN), "b": (5 * HIDDEN,)},
            [0] * 6 + [1] * 6 + [0] * 3,
        ),
        (
            nn.BranchLSTM(1, S.node.to(T.parent[S.node]), order=T.side[S.node], children=3, forget=0.5),
            {"W": (3, 6), "b": (6,)},
            [0, 0, 0.5, 0.5, 0.5, 0],
        ),
    ],
)
def test_forget_gates_start_open(cell, shapes, biases):
    arrays = cell.initial(np.random.default_rng(0))
    assert cell.parameter_shapes() == {name: array.shape for name, array in arrays.items()} == shapes
    assert arrays["b"].tolist() == biases
    assert 0 < abs(arrays["W"]).max() <= len(arrays["W"]) ** -0.5


def test_the_drawn_instances_are_trees():
    rng = np.random.default_rng(0)
    sizes = {len(tree_lstm_instance(rng).tables["names"]) for _ in range(30)}
    assert sizes == {1, 3, 5, 7}
