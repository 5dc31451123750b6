"""Messages on graphs: gradients as loops over the edges give them, in float64; and what one or no edge does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ampviz as amp
from ampviz import Instance, T
from ampviz import nodes as nn
from ampviz.nodes.edge_ends import EdgeEnds, RowTable, TypedRows
from tests.nodes.delivery import Delivery, hosted
from tests.nodes.drawn import floats, typed_graph
from tests.nodes.graph_models import INPUTS, STEPS, TYPES, gated_graph

TOLERANCE = 1e-11  # relative, in float64: only the order of sums differs
X = np.arange(8, dtype=np.float32).reshape(4, 2)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


class NaiveGraph:
    """One graph through a gated graph network, edge by edge and node by node; adds its gradients to `g`."""

    def __init__(self, p: dict, g: dict, instance: Instance):
        self.p, self.g = p, g
        tables = instance.tables
        self.edges = [
            (f"edge{kind}", int(source), int(target))
            for kind in range(TYPES)
            for source, target in zip(tables["sources"][kind], tables["targets"][kind], strict=True)
        ]
        x, y = instance.fields["x"].astype(float), instance.fields["y"].astype(float)
        h = self.affine("in", x)
        kept = []
        for _ in range(STEPS):
            messages = np.zeros(h.shape)
            for name, source, target in self.edges:
                messages[target] += self.affine(name, h[source])
            kept.append((h, messages))
            h = np.array([self.gru(messages[node], h[node])[0] for node in range(len(h))])
        self.loss, dh = self.readout(h, y)
        for before, messages in reversed(kept):
            dh = self.back(before, messages, dh)
        for row, gradient in zip(x, dh, strict=True):
            self.pull("in", row, gradient)

    def affine(self, name: str, x: np.ndarray) -> np.ndarray:
        return x @ self.p[f"{name}/W"] + self.p[f"{name}/b"]

    def pull(self, name: str, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
        self.g[f"{name}/W"] += np.outer(x, dy)
        self.g[f"{name}/b"] += dy
        return self.p[f"{name}/W"] @ dy

    def gru(self, x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
        below, own = np.split(self.affine("cell", x), 3), np.split(h @ self.p["cell/U"], 3)
        r, z = sigmoid(below[0] + own[0]), sigmoid(below[1] + own[1])
        recalled = own[2] + self.p["cell/d"]
        n = np.tanh(below[2] + r * recalled)
        return (1 - z) * n + z * h, r, z, n, recalled

    def readout(self, h: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        gates, values = sigmoid(self.affine("gate", h)), self.affine("value", h)
        summed = sum(gate * value for gate, value in zip(gates, values, strict=True))
        error = self.affine("out", summed) - y[0]
        dsummed = self.pull("out", summed, 2 * error)
        dh = np.zeros(h.shape)
        for node, (gate, value) in enumerate(zip(gates, values, strict=True)):
            dh[node] += self.pull("gate", h[node], dsummed * value * gate * (1 - gate))
            dh[node] += self.pull("value", h[node], dsummed * gate)
        return float(error[0] ** 2), dh

    def back(self, before: np.ndarray, messages: np.ndarray, dy: np.ndarray) -> np.ndarray:
        dh, dmessages = np.zeros(before.shape), np.zeros(before.shape)
        for node, (x, h) in enumerate(zip(messages, before, strict=True)):
            _, r, z, n, recalled = self.gru(x, h)
            dn = dy[node] * (1 - z) * (1 - n**2)
            sigmoids = [dn * recalled * r * (1 - r), dy[node] * (h - n) * z * (1 - z)]
            own = np.concatenate([*sigmoids, dn * r])
            self.g["cell/U"] += np.outer(h, own)
            self.g["cell/d"] += dn * r
            dmessages[node] = self.pull("cell", x, np.concatenate([*sigmoids, dn]))
            dh[node] = dy[node] * z + self.p["cell/U"] @ own
        for name, source, target in self.edges:
            dh[source] += self.pull(name, before[source], dmessages[target])
        return dh


def graphs(count: int, seed: int) -> list[Instance]:
    rng = np.random.default_rng(seed)
    sizes = [int(rng.integers(1, 7)) for _ in range(count)]
    return [
        Instance({"x": floats(rng, size, INPUTS), "y": floats(rng, 1, 1)}, tables=typed_graph(rng, size, TYPES))
        for size in sizes
    ]


def assert_naive(delivery: Delivery, instances: list[Instance]) -> None:
    parameters = delivery.parameters()
    expected = {name: np.zeros(array.shape) for name, array in parameters.items()}
    losses = [NaiveGraph(parameters, expected, instance).loss for instance in instances]
    for name, gradient in delivery.gradients().items():
        np.testing.assert_allclose(gradient, expected[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)
    assert [delivery.losses[key][1] for key in range(len(losses))] == pytest.approx(losses, rel=1e-11)
    assert {node.name: node.cached() for node in delivery.nodes if node.cached()} == {}


@given(seed=st.integers(0, 2**32), order=st.integers(0, 2**32), max_batch=st.sampled_from([1, 4, 64]))
@settings(max_examples=25, deadline=None)
def test_many_graphs_in_flight_give_the_gradient_of_loops_over_edges(seed, order, max_batch):
    instances = graphs(4, seed)
    delivery = hosted(gated_graph, instances, seed=order, max_batch=max_batch, dtype=np.float64)
    delivery.admit(dict(enumerate(instances)))
    delivery.run()
    assert_naive(delivery, instances)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_one_graph_after_the_other_gives_the_gradient_of_loops_over_edges(seed):
    instances = graphs(3, seed)
    delivery = hosted(gated_graph, instances, seed=seed, max_batch=16, dtype=np.float64)
    for key, instance in enumerate(instances):
        delivery.admit({key: instance})
        delivery.run()
    assert_naive(delivery, instances)


def moved(x, y):
    """The rows at the sources, as they are, summed at the targets; of two types."""
    one, two = nn.Distribute(T.sources, types=2, name="distribute")(nn.Linear(2, 2, name="in")(x))
    nn.MSE()(nn.Collect(T.targets, rows=T.nodes, name="collect")(one, two), y)


def moved_instance(sources, targets, nodes: int = 4) -> Instance:
    y = np.zeros((nodes, 2), np.float32)
    return Instance({"x": X, "y": y}, tables={"sources": sources, "targets": targets, "nodes": nodes})


GOOD = moved_instance([[0, 3], [3]], [[1, 1], [2]])


def run(instance: Instance) -> Delivery:
    delivery = hosted(moved, [GOOD])
    delivery.parameters()["in/W"][...] = np.eye(2)
    delivery.admit({0: instance})
    delivery.run()
    return delivery


def collected(delivery: Delivery) -> list[list[float]]:
    (edge,) = delivery.graph.outgoing[delivery.node("collect").id]
    ((_, payload),) = delivery.traffic[edge.id].forward
    return payload.tolist()


@pytest.mark.parametrize(
    ("sources", "targets", "result"),
    [
        ([[0, 3], [3]], [[1, 1], [2]], [[0, 0], [6, 8], [6, 7], [0, 0]]),
        ([[], [1]], [[], [0]], [[2, 3], [0, 0], [0, 0], [0, 0]]),
        ([[], []], [[], []], [[0, 0]] * 4),
        ([[2, 2], [2]], [[3, 3], [3]], [[0, 0]] * 3 + [[12, 15]]),
    ],
)
@pytest.mark.parametrize("made", [list, lambda indices: np.array(indices, np.int64)])
def test_rows_travel_along_the_edges_and_are_summed(sources, targets, result, made):
    instance = moved_instance([made(indices) for indices in sources], [made(indices) for indices in targets])
    assert collected(run(instance)) == result


@pytest.mark.parametrize("nodes", [4, 300])
def test_a_result_may_have_more_rows_than_the_matrix(nodes):
    result = collected(run(moved_instance([[1], [2]], [[nodes - 1], [0]], nodes)))
    assert result == [[4, 5], *[[0, 0]] * (nodes - 2), [2, 3]]


def test_a_row_without_an_edge_gets_no_gradient():
    delivery = run(GOOD)
    (edge,) = delivery.graph.incoming[delivery.node("distribute").id]
    ((_, gradient),) = delivery.traffic[edge.id].backward
    assert (gradient.any(axis=1)).tolist() == [True, False, False, True]


@pytest.mark.parametrize(
    ("sources", "targets", "error", "text"),
    [
        ([[0, 4], [3]], [[1, 1], [2]], IndexError, "index 4 is out of bounds"),
        ([[0, -1], [3]], [[1, 1], [2]], IndexError, "index -1 is out of bounds"),
        ([[0, 3], [3]], [[1, 4], [2]], IndexError, "index 4 is out of bounds"),
        ([[0, 3], [3]], [[1, -1], [2]], IndexError, "index -1 is out of bounds"),
        ([[0, 3]], [[1, 1], [2]], ValueError, r"T\.sources has 1 index lists for 2 edge types"),
        ([[0, 3], [3]], [[1, 1], [2], []], ValueError, r"T\.targets has 3 index lists for 2 edge types"),
        ([[0, 3], [3]], [[1], [2, 2]], ValueError, r"T\.targets\[0\] has 1 entries for 2 rows"),
    ],
)
def test_an_edge_to_a_missing_row_is_an_error(sources, targets, error, text):
    with pytest.raises(error, match=text):
        run(moved_instance(sources, targets))


def test_edge_types_without_a_gradient_count_as_zero():
    """One type ends without a loss: its rows come home with nothing."""

    def half(x, y):
        one, two = nn.Distribute(T.sources, types=2)(nn.Linear(2, 2, name="in")(x))
        amp.discard(two)
        nn.MSE()(nn.Collect(T.targets, rows=T.nodes)(one), y)

    instance = moved_instance([[0, 3], [3]], [[1, 1]])
    delivery = hosted(half, [instance], dtype=np.float64)
    delivery.admit({0: instance})
    delivery.run()
    dy = X[[0, 3]].sum(axis=0) @ delivery.parameters()["in/W"] * 2 / 2 / 4
    np.testing.assert_allclose(delivery.gradients()["in/W"], np.outer(X[0] + X[3], dy), rtol=1e-6)


@st.composite
def index_lists(draw) -> tuple[list[int], list[list[list[int]]]]:
    """How many rows each message has, and by message and type the row numbers."""
    rows = draw(st.lists(st.integers(0, 5), min_size=1, max_size=4))
    types = draw(st.integers(1, 3))
    numbers = [st.lists(st.integers(0, count - 1), max_size=4) if count else st.just([]) for count in rows]
    return rows, [[draw(number) for _ in range(types)] for number in numbers]


def forms(graphs: list[list[list[int]]]) -> list[list]:
    """Index lists by message and type in all the forms that a table may have."""
    arrays = [[np.array(indices, np.int64) for indices in lists] for lists in graphs]
    tables = RowTable.of([*graphs, *graphs[:1]]), RowTable.of([graphs[0], *arrays])
    numbers = range(len(graphs))
    return [
        graphs,
        arrays,
        [TypedRows(tables[0], own) for own in numbers],
        [TypedRows(tables[1], own + 1) for own in numbers],
    ]


@given(index_lists(), st.lists(st.integers(0, 3), min_size=4, max_size=4) | st.sampled_from([[2] * 4, [3] * 4]))
def test_ends_stand_type_after_type_and_message_after_message(drawn, chosen):
    rows, lists = drawn
    types = len(lists[0])
    tables = [{"sources": forms(lists)[form][message]} for message, form in enumerate(chosen[: len(rows)])]
    ends = EdgeEnds(T.sources, ("key",), types).of([(key,) for key in range(len(rows))], tables.__getitem__, rows)
    starts = np.cumsum([0, *rows]).tolist()
    by_type = [
        [starts[message] + row for message, own in enumerate(lists) for row in own[kind]] for kind in range(types)
    ]
    assert [part.tolist() for part in ends.cut(ends.where)] == by_type
    assert ends.counts == [[len(own[kind]) for own in lists] for kind in range(types)]
    assert list(ends.rows) == rows


@given(index_lists())
def test_rows_by_type_are_a_sequence_of_arrays(drawn):
    _, graphs = drawn
    for lists, typed in zip(graphs, forms(graphs)[2], strict=True):
        assert [part.tolist() for part in typed] == lists
        assert [part.tolist() for part in typed[-2:]] == lists[-2:]
        assert typed[-1].tolist() == lists[-1]
        with pytest.raises(IndexError):
            typed[len(lists)]


def test_ends_are_read_once_for_the_turns_of_a_loop_and_again_where_rows_differ():
    asked = []

    def tables(key):
        asked.append(key)
        return {"sources": [[0, key]], "nodes": 3}

    along, into = EdgeEnds(T.sources, ("key", "t"), 1), EdgeEnds(T.sources, ("key", "t"), 1, T.nodes)
    first = along.of([(1, 0), (2, 0)], tables, [3, 3])
    assert along.of([(1, 1), (2, 1)], tables, [3, 3]) is first
    assert along.of([(1, 2), (2, 2)], tables, [4, 3]).where.tolist() == [0, 1, 4, 6]
    assert into.of([(1, 0), (2, 0)], tables) is into.of([(1, 1), (2, 1)], tables)
    assert asked == [1, 2, 1, 2, 1, 2]
