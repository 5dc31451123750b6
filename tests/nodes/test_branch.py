"""Children of a Tree-LSTM that meet in the cell: any number, several rows, any order; gradients as by recursion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz import Instance
from ampviz.message import BACKWARD, FORWARD
from ampviz.nodes.batch import Batch
from tests.nodes.cell_models import HIDDEN, branches, branches_instance
from tests.nodes.delivery import Delivery, hosted, process

TOLERANCE = 1e-11  # relative, in float64: only the order of sums differs
TREES = st.lists(st.lists(st.integers(1, 3), max_size=5), min_size=1, max_size=5)


class NaiveTree:
    """A row of each leaf up a tree of any shape and back, one node at a time; adds its gradients to `g`."""

    def __init__(self, p: dict, g: dict, tables: dict, leaves: np.ndarray):
        self.p, self.g = p, g
        self.x = dict(zip(tables["leaves"], leaves, strict=True))
        self.children: dict[int, list[int]] = {node: [-1] * ways for node, ways in enumerate(tables["ways"])}
        for node in set(tables["names"]) - {tables["root"]}:
            self.children[tables["parent"][node]][tables["side"][node]] = node
        self.kept: dict[int, tuple] = {}

    def forward(self, node: int) -> tuple[np.ndarray, np.ndarray]:
        states = [self.forward(child) for child in self.children[node]]
        name = f"branch{len(states)}" if states else "leaf"
        x = np.concatenate([h for h, _ in states]) if states else self.x[node]
        gates = np.split(x @ self.p[f"{name}/W"] + self.p[f"{name}/b"], 3 + len(states))
        i, o, *forget = [1 / (1 + np.exp(-gate)) for gate in gates[:-1]]
        u = np.tanh(gates[-1])
        memories = [c for _, c in states]
        c = i * u + sum(f * memory for f, memory in zip(forget, memories, strict=True))
        self.kept[node] = name, x, i, o, forget, u, c, memories
        return o * np.tanh(c), c

    def backward(self, node: int, dh: np.ndarray, dc: np.ndarray) -> None:
        name, x, i, o, forget, u, c, memories = self.kept[node]
        t = np.tanh(c)
        dc = dc + dh * o * (1 - t**2)
        dgates = [dc * u * i * (1 - i), dh * t * o * (1 - o)]
        dgates += [dc * memory * f * (1 - f) for memory, f in zip(memories, forget, strict=True)]
        dgates = np.concatenate([*dgates, dc * i * (1 - u**2)])
        self.g[f"{name}/W"] += np.outer(x, dgates)
        self.g[f"{name}/b"] += dgates
        below = np.split(self.p[f"{name}/W"] @ dgates, max(1, len(memories)))
        for child, f, down in zip(self.children[node], forget, below if memories else [], strict=True):
            self.backward(child, down, dc * f)


def naive(p: dict, g: dict, instance: Instance) -> float:
    """The sum of the losses of an instance's rows; adds the gradients of their mean."""
    tables, total = instance.tables, 0.0
    rows = list(zip(instance.fields["x"].astype(float), instance.fields["y"].astype(float), strict=True))
    for x, y in rows if tables["used"] else ():
        walk = NaiveTree(p, g, tables, x)
        top = np.concatenate(walk.forward(tables["root"]))
        error = top @ p["out/W"] + p["out/b"] - y
        total += float((error**2).mean())
        slope = error * 2 / len(y) / len(rows)
        g["out/W"] += np.outer(top, slope)
        g["out/b"] += slope
        walk.backward(tables["root"], *np.split(p["out/W"] @ slope, 2))
    return total


def trees(shapes: list[list[int]], seed: int) -> list[Instance]:
    rng = np.random.default_rng(seed)
    return [branches_instance(rng, children) for children in shapes]


@given(shapes=TREES, seed=st.integers(0, 2**32), max_batch=st.sampled_from([1, 3, 16, 64]), together=st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_trees_in_any_order_give_the_gradient_of_the_recursion(shapes, seed, max_batch, together):
    instances = trees(shapes, seed)
    delivery = hosted(branches, instances, seed=seed, max_batch=max_batch, dtype=np.float64)
    for key, instance in enumerate(instances):
        delivery.admit({key: instance})
        if not together:
            delivery.run()
    delivery.run()
    parameters = delivery.parameters()
    expected = {name: np.zeros(array.shape) for name, array in parameters.items()}
    for key, instance in enumerate(instances):
        loss = naive(parameters, expected, instance)
        assert delivery.losses.get(key, (0, 0.0))[1] == pytest.approx(loss, rel=1e-10)
    for name, gradient in delivery.gradients().items():
        np.testing.assert_allclose(gradient, expected[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
    assert not [node.name for node in delivery.nodes if node.cached() or list(node.remembered())]


def pair(key: int) -> tuple[Delivery, list]:
    """A tree of two leaves in flight, and the (h, c) of both for its branch, the second child first."""
    (instance,) = trees([[2]], seed=0)
    delivery = hosted(branches, [instance])
    delivery.admit({key: instance})
    row = np.ones((1, HIDDEN), np.float32)
    ordered = sorted(instance.tables["leaves"], key=lambda leaf: -instance.tables["side"][leaf])
    return delivery, [(0, (key, leaf), (row * leaf, row * -leaf)) for leaf in ordered]


def waiting(delivery: Delivery, direction: int) -> list:
    return [message for way, message in delivery.node("branch2").remembered() if way is direction]


@pytest.mark.parametrize("key", [4, -4])
def test_a_child_waits_for_its_sibling_and_can_be_looked_at(key):
    delivery, (first, second) = pair(key)
    branch = delivery.node("branch2")
    process(branch, FORWARD, [first])
    ((port, state, (h, c)),) = waiting(delivery, FORWARD)
    assert (port, state, h[0, 0], c[0, 0]) == (0, first[1], first[1][1], -first[1][1])
    assert (branch.cached(), waiting(delivery, BACKWARD)) == (1, [])
    process(branch, FORWARD, [second])
    assert waiting(delivery, FORWARD) == []


def sent(key: int) -> tuple[Delivery, tuple]:
    """A tree of two leaves whose branch has just sent on what it makes of them, and the state of that."""
    delivery, _ = pair(key)
    (edge,) = delivery.graph.outgoing[delivery.node("branch2").id]
    while not delivery.traffic[edge.id].forward:
        delivery.run(1)
    ((state, _),) = delivery.traffic[edge.id].forward
    return delivery, state


def test_of_validation_only_the_way_back_is_kept():
    delivery, _ = sent(-4)
    branch = delivery.node("branch2")
    assert (branch.cached(), len(branch.saved)) == (1, 0)
    trained, _ = sent(4)
    assert (trained.node("branch2").cached(), len(trained.node("branch2").saved)) == (2, 1)
    branch.drop(-4)
    assert (branch.cached(), list(branch.remembered())) == (0, [])


@pytest.mark.parametrize("key", [4, -4])
def test_a_gradient_of_nothing_answers_every_child_with_nothing(key):
    delivery, state = sent(key)
    branch = delivery.node("branch2")
    branch.backward(Batch(0, [state]))
    (edge,) = delivery.graph.incoming[branch.id]
    assert [dy for _, dy in delivery.traffic[edge.id].backward] == [None, None]
    assert (branch.cached(), branch.pending) == (0, 0)


def test_a_frozen_branch_learns_nothing_and_answers_its_children():
    delivery, state = sent(4)
    branch = delivery.node("branch2")
    branch.retune({**delivery.knobs, "freeze": 1}, 1.0)
    one = np.ones((1, HIDDEN), np.float32)
    branch.backward(Batch(0, [state], (one, one), [1]))
    (edge,) = delivery.graph.incoming[branch.id]
    assert [h.shape for _, (h, _) in delivery.traffic[edge.id].backward] == [(1, HIDDEN)] * 2
    assert (branch.cached(), branch.pending) == (0, 0)
