"""EdgeLinear: what a loop over the edges gives, and what Distribute, a Linear for each type and Collect give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz import SGD, Instance, T
from ampviz import nodes as nn
from ampviz.message import BACKWARD, FORWARD
from ampviz.nodes import edge_linear
from ampviz.nodes.edge_ends import RowTable, TypedRows
from ampviz.nodes.edges import EdgeTables
from tests.nodes.delivery import hosted, process
from tests.nodes.drawn import floats, typed_graph

INPUTS, OUTPUTS, TYPES = 2, 3, 3
RATE = 0.5
small = pytest.mark.parametrize("small", [0, 10**6], ids=["by type", "one product"])
SEEDS = st.integers(0, 2**32)


@pytest.fixture(autouse=True)
def of_size(request, monkeypatch):
    """Have the node take the way of large weights, or that of small ones."""
    if "small" in request.fixturenames:
        monkeypatch.setattr(edge_linear, "_SMALL", request.getfixturevalue("small"))


def in_one(x, y):
    edges = nn.EdgeLinear(INPUTS, OUTPUTS, T.sources, T.targets, types=TYPES, name="edges")
    nn.MSE()(edges(nn.Linear(INPUTS, INPUTS, name="in")(x)), y)


def in_many(x, y):
    parts = nn.Distribute(T.sources, types=TYPES)(nn.Linear(INPUTS, INPUTS, name="in")(x))
    sent = [nn.Linear(INPUTS, OUTPUTS, name=f"edge{kind}")(part) for kind, part in enumerate(parts)]
    nn.MSE()(nn.Collect(T.targets, rows=T.nodes)(*sent), y)


def graphs(count: int, seed: int) -> list[Instance]:
    """Graphs of one to six nodes whose tables are lists, arrays, or typed rows of one table."""
    rng = np.random.default_rng(seed)
    sizes = [int(rng.integers(1, 7)) for _ in range(count)]
    tables = [typed_graph(rng, size, TYPES, arrays=bool(seed % 2)) for size in sizes]
    if seed % 3 == 0:
        for end in ("sources", "targets"):
            table = RowTable.of([own[end] for own in tables])
            for number, own in enumerate(tables):
                own[end] = TypedRows(table, number)
    return [
        Instance({"x": floats(rng, size, INPUTS), "y": floats(rng, size, OUTPUTS)}, tables=own)
        for size, own in zip(sizes, tables, strict=True)
    ]


def by_type(array: np.ndarray) -> list[np.ndarray]:
    return np.split(array, TYPES, axis=-1)


def naive(W: np.ndarray, b: np.ndarray, x: np.ndarray, dy: np.ndarray, tables) -> tuple[np.ndarray, ...]:
    """The result, and the gradients of x, W and b, edge by edge."""
    y, dx, dW, db = np.zeros(dy.shape), np.zeros(x.shape), np.zeros(W.shape), np.zeros(b.shape)
    for kind, (sources, targets) in enumerate(zip(tables["sources"], tables["targets"], strict=True)):
        for source, target in zip(sources, targets, strict=True):
            y[target] += x[source] @ by_type(W)[kind] + by_type(b)[kind]
            dx[source] += by_type(W)[kind] @ dy[target]
            by_type(dW)[kind][...] += np.outer(x[source], dy[target])
            by_type(db)[kind][...] += dy[target]
    return y, dx, dW, db


def close(got, expected, tolerance: float = 1e-11) -> None:
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


class Node:
    """The node alone, which is given graphs and gradients directly; what it sends, by state."""

    def __init__(self, instances: list[Instance], dtype: type = np.float64, **settings):
        self.delivery = hosted(in_one, instances, dtype=dtype, optimizer=SGD(), learning_rate=RATE, **settings)
        self.node = self.delivery.node("edges")
        self.delivery.admit(dict(enumerate(instances)))
        self.delivery.parameters()["edges/b"][...] += np.arange(TYPES * OUTPUTS) / 8
        self.start = [self.node.W.copy(), self.node.b.copy()]
        rng = np.random.default_rng(len(instances))
        self.dtype, self.tables = dtype, [instance.tables for instance in instances]
        self.x = [instance.fields["x"].astype(dtype) for instance in instances]
        self.dy = [rng.normal(size=instance.fields["y"].shape).astype(dtype) for instance in instances]
        self.naive = [naive(*self.start, *own) for own in zip(self.x, self.dy, self.tables, strict=True)]

    def forward(self, *keys: int) -> dict:
        incoming, outgoing = (
            edges[self.node.id][0] for edges in (self.delivery.graph.incoming, self.delivery.graph.outgoing)
        )
        self.delivery._out[incoming.id] |= {(key,) for key in keys}
        process(self.node, FORWARD, [(0, (key,), self.x[key]) for key in keys])
        return dict(self.delivery.traffic[outgoing.id].forward)

    def backward(self, *keys: int) -> dict:
        process(self.node, BACKWARD, [(0, (key,), self.dy[key]) for key in keys])
        return dict(self.delivery.traffic[self.delivery.graph.incoming[self.node.id][0].id].backward)

    def moved(self) -> list[np.ndarray]:
        return [start - now for start, now in zip(self.start, (self.node.W, self.node.b), strict=True)]

    def gradient(self, *keys: int) -> list[np.ndarray]:
        """Of W and b, summed over these graphs."""
        return [sum(self.naive[key][which] for key in keys) for which in (2, 3)]


@small
@given(
    seed=SEEDS, order=st.permutations(range(5)), cut=st.integers(1, 4), dtype=st.sampled_from([np.float32, np.float64])
)
@settings(max_examples=30, deadline=None)
def test_values_and_gradients_are_those_of_a_loop_over_the_edges(small, seed, order, cut, dtype):
    alone = Node(graphs(5, seed), dtype=dtype)
    alone.forward(*range(cut))
    sent = alone.forward(*range(cut, 5))
    alone.backward(*order[:cut])
    answers = alone.backward(*order[cut:])
    tolerance = 1e-11 if dtype is np.float64 else 1e-4
    for key, (y, dx, _, _) in enumerate(alone.naive):
        assert sent[key,].dtype == answers[key,].dtype == dtype
        close(sent[key,], y, tolerance)
        close(answers[key,], dx, tolerance)
    for seen, expected in zip(alone.node.gradient_so_far().values(), alone.gradient(*range(5)), strict=True):
        close(seen * 5, expected, tolerance)
    assert alone.node.cached() == 0
    alone.node.update()
    for moved, expected in zip(alone.moved(), alone.gradient(*range(5)), strict=True):
        close(moved, RATE * expected / 5, tolerance)


@small
@given(seed=SEEDS, order=st.integers(0, 2**32), max_batch=st.sampled_from([1, 4, 64]))
@settings(max_examples=25, deadline=None)
def test_distribute_linears_and_collect_give_the_same(small, seed, order, max_batch):
    instances = graphs(4, seed)
    one = hosted(in_one, instances, seed=order, max_batch=max_batch, dtype=np.float64)
    many = hosted(in_many, instances, dtype=np.float64)
    for name in "Wb":
        one.parameters()[f"in/{name}"][...] = many.parameters()[f"in/{name}"]
        parts = [many.parameters()[f"edge{kind}/{name}"] for kind in range(TYPES)]
        one.parameters()[f"edges/{name}"][...] = np.concatenate(parts, axis=-1)
    for delivery in (one, many):
        delivery.admit(dict(enumerate(instances)))
        delivery.run()
    assert [one.losses[key][1] for key in range(4)] == pytest.approx(
        [many.losses[key][1] for key in range(4)], rel=1e-11
    )
    got, expected = one.gradients(), many.gradients()
    for name in "Wb":
        close(got[f"in/{name}"], expected[f"in/{name}"])
        parts = [expected[f"edge{kind}/{name}"] for kind in range(TYPES)]
        close(got[f"edges/{name}"], np.concatenate(parts, axis=-1))


@small
@given(seed=SEEDS, interval=st.integers(1, 4), cut=st.integers(1, 6))
@settings(max_examples=30, deadline=None)
def test_every_update_takes_as_many_gradients_as_an_interval_has(small, seed, interval, cut):
    alone = Node(graphs(7, seed), min_update_interval=interval)
    alone.forward(*range(7))
    for keys in (range(cut), range(cut, 7)):
        alone.backward(*keys)
    assert (alone.node.version, alone.node.pending) == divmod(7, interval)
    intervals = [range(first, first + interval) for first in range(0, 7 - interval + 1, interval)]
    for which, moved in enumerate(alone.moved()):
        expected = sum(RATE * alone.gradient(*keys)[which] / interval for keys in intervals)
        close(moved, expected)


@small
@pytest.mark.parametrize("lists", [[[], [], []], [[], [1, 1], []]])
def test_types_without_edges_and_graphs_without_any_give_zeros(small, lists):
    instance = Instance(
        {"x": np.ones((3, INPUTS), np.float32), "y": np.ones((3, OUTPUTS), np.float32)},
        tables={"sources": lists, "targets": lists, "nodes": 3},
    )
    alone = Node([instance])
    sent, answers = alone.forward(0), alone.backward(0)
    assert not sent[0,][[0, 2]].any()
    assert not answers[0,][[0, 2]].any()
    close(sent[0,], alone.naive[0][0])
    alone.node.update()
    for moved, expected in zip(alone.moved(), alone.gradient(0), strict=True):
        close(moved, RATE * expected)


@small
def test_a_frozen_node_collects_nothing_and_answers_all_the_same(small):
    alone = Node(graphs(3, 1), min_update_interval=2)
    alone.forward(0, 1, 2)
    alone.backward(0)
    alone.node.retune({**alone.delivery.knobs, "freeze": 1.0}, 1.0)
    answers = alone.backward(1, 2)
    for key in range(3):
        close(answers[key,], alone.naive[key][1])
    alone.node.update()
    assert not any(moved.any() for moved in alone.moved())
    assert alone.node.gradient_so_far() == {}


@small
@pytest.mark.parametrize(
    ("sources", "targets", "error", "text"),
    [
        ([[0, 2], [1], []], [[1, 1], [0], []], IndexError, r"T\.sources: index 2 is out of bounds"),
        ([[0, -1], [1], []], [[1, 1], [0], []], IndexError, r"T\.sources: index -1 is out of bounds"),
        ([[0], [1], []], [[2], [0], []], IndexError, r"T\.targets: index 2 is out of bounds"),
        ([[0], [1], []], [[-1], [0], []], IndexError, r"T\.targets: index -1 is out of bounds"),
        ([[0], [1]], [[1], [0], []], ValueError, r"T\.sources has 2 index lists for 3 edge types"),
        ([[0], [1], []], [[1], [0], [], []], ValueError, r"T\.targets has 4 index lists for 3 edge types"),
        ([[0], [1], []], [[1], [0, 0], []], ValueError, r"T\.targets\[1\] has 2 entries for 1 of T\.sources\[1\]"),
    ],
)
def test_an_edge_that_cannot_be_right_is_an_error(small, sources, targets, error, text):
    fields = {"x": np.ones((2, INPUTS), np.float32), "y": np.ones((2, OUTPUTS), np.float32)}
    delivery = hosted(in_one, graphs(2, 0), max_batch=2)
    delivery.admit({0: Instance(fields, tables={"sources": sources, "targets": targets, "nodes": 2})})
    with pytest.raises(error, match=text):
        delivery.run()


def test_large_weights_have_a_product_for_each_type():
    made = [nn.EdgeLinear(size, size, T.sources, T.targets, types=2) for size in (5, 100)]
    assert [node.dense for node in made] == [True, False]


def test_weights_start_as_those_of_a_linear():
    node = nn.EdgeLinear(16, 4, T.sources, T.targets, types=3)
    start = node.initial(np.random.default_rng(0))
    assert (
        {name: array.shape for name, array in start.items()} == node.parameter_shapes() == {"W": (16, 12), "b": (12,)}
    )
    assert 0.2 < abs(start["W"]).max() <= 0.25
    assert not start["b"].any()


def test_edges_are_read_once_for_the_turns_of_a_loop_and_again_where_rows_differ():
    asked = []

    def tables(key):
        asked.append(key)
        return {"sources": [[0, key]], "targets": [[1, 1]]}

    reads = EdgeTables(T.sources, T.targets, ("key", "t"), 1, used=True)
    first = reads.of([(1, 0), (2, 0)], tables, [3, 3])
    assert reads.of([(1, 1), (2, 1)], tables, [3, 3]) is first
    assert first.rows.tolist() == [0, 1, 3, 5]
    assert reads.of([(1, 2), (2, 2)], tables, [4, 3]).rows.tolist() == [0, 1, 4, 6]
    assert asked == [1, 2, 1, 2]
    for key in range(3, 20):
        reads.of([(0, key)], tables, [key])
    assert len(reads._recent) <= 8


@small
def test_edges_may_be_loops_that_one_table_tells_both_ends_of(small):
    def looped(x, y):
        edges = nn.EdgeLinear(INPUTS, OUTPUTS, T.sources, T.sources, types=TYPES, name="edges")
        nn.MSE()(edges(x), y)

    fields = {"x": np.ones((2, INPUTS), np.float32), "y": np.zeros((2, OUTPUTS), np.float32)}
    given = Instance(fields, tables={"sources": [[0], [0, 1], []]})
    delivery = hosted(looped, [given])
    delivery.admit({0: given})
    delivery.run()
    first, second = by_type(delivery.parameters()["edges/W"].sum(axis=0))[:2]
    assert delivery.losses[0][1] == pytest.approx(((first + second) ** 2).mean() + (second**2).mean(), rel=1e-5)
