"""Placement: heavy nodes take turns, light nodes stay beside their neighbours, explicit wishes are kept; by cost."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ampviz as amp
from ampviz import S
from ampviz import nodes as nn
from ampviz.errors import UsageError
from ampviz.placement import Costs, balance, place
from tests.instances import traced


def perceptron(x, label):
    for number in range(1, 5):
        x = nn.ReLU(name=f"relu{number}")(nn.Linear(4, 4, name=f"fc{number}")(x))
    nn.SoftmaxCrossEntropy(name="loss")(x, label)


def recurrent(tokens, label):
    word = nn.Lookup(7, 3, name="embed")(nn.Ungroup(S.t, axis=1, name="columns")(tokens))
    cell = nn.Linear(6, 3, name="cell")
    h = amp.loop(
        lambda h: nn.Tanh(name="tanh")(cell(nn.Concat(on=(S.key, S.t), name="join")(word, h))),
        init=nn.Zeros(3, name="h0")(tokens),
        step=S.t.to(S.t + 1),
        while_=S.t < S.n,
    )
    nn.SoftmaxCrossEntropy(on=S.key, name="loss")(nn.Linear(3, 2, name="out")(h), label)


def replicated(x, label):
    h = amp.replicate(nn.Linear(4, 4, name="fc1"), 3)(x)
    h = nn.Linear(4, 4, name="fc2")(h)
    nn.SoftmaxCrossEntropy(name="loss")(h, label)


def light_copies(tokens):
    column = nn.Ungroup(S.t, axis=1, name="columns")(tokens)
    amp.discard(amp.replicate(nn.Lookup(7, 3, name="embed"), 2)(column))


def weightless(y):
    amp.discard(nn.ReLU()(nn.Tanh()(y)))


GRAPHS = {model.__name__: traced(model) for model in (perceptron, recurrent, weightless)}


def hosts(graph, workers, explicit=None):
    return {node.name: worker for node, worker in zip(graph.nodes, place(graph, workers, explicit), strict=True)}


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_heavy_nodes_take_turns(name, workers):
    graph = GRAPHS[name]
    placed = place(graph, workers)
    assert len(placed) == len(graph.nodes)
    heavy = [placed[node.id] for node in graph.nodes if node.heavy]
    assert heavy == [turn % workers for turn in range(len(heavy))]
    assert set(placed) <= set(range(workers))


def test_light_nodes_follow_the_message_they_get():
    assert hosts(GRAPHS["perceptron"], 2) == {
        "x": 0, "fc1": 0, "relu1": 0, "fc2": 1, "relu2": 1, "fc3": 0, "relu3": 0, "fc4": 1, "relu4": 1,
        "loss": 1, "label": 1,
    }  # fmt: skip


def test_the_nodes_of_a_loop_stay_with_its_cell():
    placed = hosts(GRAPHS["recurrent"], 2)
    assert placed["cell"] == 0
    assert {name for name, worker in placed.items() if worker == 1} == {"out", "loss", "label"}


def test_explicit_wishes_are_kept_and_take_no_turn():
    placed = hosts(GRAPHS["perceptron"], 3, {"fc2": 2, "relu1": 1})
    assert (placed["fc2"], placed["relu1"]) == (2, 1)
    assert [placed[f"fc{number}"] for number in (1, 3, 4)] == [0, 1, 2]
    assert (placed["relu2"], placed["loss"]) == (2, 2)


def test_a_graph_without_heavy_nodes_stays_on_the_first_worker():
    assert place(GRAPHS["weightless"], 3) == [0, 0, 0, 0]
    assert place(GRAPHS["weightless"], 3, {"tanh1": 2}) == [2, 2, 2, 2]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_light_node_is_never_away_from_all_its_neighbours(data):
    graph = GRAPHS[data.draw(st.sampled_from(sorted(GRAPHS)))]
    workers = data.draw(st.integers(1, 5))
    names = st.sampled_from([node.name for node in graph.nodes])
    explicit = data.draw(st.dictionaries(names, st.integers(0, workers - 1), max_size=4))
    placed = place(graph, workers, explicit)
    for node in graph.nodes:
        if node.name in explicit:
            assert placed[node.id] == explicit[node.name]
        elif not node.heavy:
            sources = {placed[edge.source] for edge in graph.incoming[node.id]}
            targets = {placed[edge.target] for edge in graph.outgoing[node.id]}
            assert placed[node.id] in sources | targets


@pytest.mark.parametrize(
    ("explicit", "text"),
    [
        ({"fc9": 0}, "fc9.worker: no node is called 'fc9'"),
        ({"fc1": 2}, "fc1.worker: no worker 2 (expected 0 to 1)"),
        ({"fc1": -1}, "fc1.worker: no worker -1 (expected 0 to 1)"),
    ],
)
def test_a_wrong_wish_is_a_usage_error(explicit, text):
    with pytest.raises(UsageError) as caught:
        place(GRAPHS["perceptron"], 2, explicit)
    assert str(caught.value) == text


def test_copies_take_turns_like_heavy_nodes_even_light_ones():
    placed = hosts(traced(replicated), 3)
    assert [placed[name] for name in ("fc1-0", "fc1-1", "fc1-2", "fc2")] == [0, 1, 2, 0]
    placed = hosts(traced(light_copies), 2)
    assert {placed["embed-0"], placed["embed-1"]} == {0, 1}


@pytest.mark.parametrize("workers", [2, 3, 4])
@pytest.mark.parametrize("policy", ["round-robin", "cost"])
def test_copies_keep_away_from_a_copy_with_a_place_of_its_own(workers, policy):
    graph = traced(replicated)
    costs = Costs([1.0] * len(graph.nodes), [0.01] * len(graph.edges)) if policy == "cost" else None
    placed = place(graph, workers, {"fc1-1": 0}, costs)
    copies = [placed[graph.node(f"fc1-{number}").id] for number in range(3)]
    assert copies[1] == 0
    assert len(set(copies)) == min(workers, 3)


def test_the_name_of_a_replicated_layer_places_all_copies_but_those_named():
    placed = hosts(traced(replicated), 3, {"fc1-2": 1, "fc1": 2})
    assert [placed[f"fc1-{number}"] for number in range(3)] == [2, 2, 1]
    assert hosts(traced(replicated), 3, {"fc1": 2, "fc1-2": 1}) == placed


# Balancing by cost


def loads(placed, costs, edges, workers):
    """What each worker has to do, added up naively."""
    total = [sum(cost for cost, host in zip(costs, placed, strict=True) if host == worker) for worker in range(workers)]
    for a, b, work in edges:
        if placed[a] != placed[b]:
            total[placed[a]] += work
            total[placed[b]] += work
    return total


@st.composite
def problems(draw, most=7):
    """Costs of a few nodes, edges among them, and how many workers there are."""
    cost = st.floats(0, 10, allow_nan=False)
    costs = draw(st.lists(cost, min_size=1, max_size=most))
    node = st.integers(0, len(costs) - 1)
    edges = draw(st.lists(st.tuples(node, node, st.floats(0, 3, allow_nan=False)), max_size=8))
    return costs, edges, draw(st.integers(1, 3))


@settings(max_examples=50, deadline=None)
@given(problems())
def test_the_busiest_worker_is_near_the_best_there_is(problem):
    costs, edges, workers = problem
    placed = balance(costs, edges, workers)
    every = itertools.product(range(workers), repeat=len(costs))
    best = min(max(loads(other, costs, edges, workers)) for other in every)
    assert best - 1e-6 <= max(loads(placed, costs, edges, workers)) <= 1.5 * best + 1e-6


@settings(max_examples=50, deadline=None)
@given(problems(most=15), st.data())
def test_a_balance_is_repeatable_numbered_in_order_and_keeps_wishes(problem, data):
    costs, edges, workers = problem
    placed = balance(costs, edges, workers)
    assert balance(list(costs), list(edges), workers) == placed
    assert list(dict.fromkeys(placed)) == list(range(len(set(placed))))
    node, worker = st.integers(0, len(costs) - 1), st.integers(0, workers - 1)
    fixed = data.draw(st.dictionaries(node, worker, min_size=1, max_size=4))
    wished = balance(costs, edges, workers, fixed=fixed)
    assert {node: wished[node] for node in fixed} == fixed
    assert set(wished) <= set(range(workers))


@settings(max_examples=25, deadline=None)
@given(problems(most=12), st.data())
def test_copies_go_apart_whatever_it_costs(problem, data):
    costs, edges, workers = problem
    group = data.draw(st.sets(st.integers(0, len(costs) - 1), min_size=1, max_size=5))
    placed = balance(costs, edges, workers, apart=[group])
    counts = [sum(placed[node] == worker for node in group) for worker in range(workers)]
    assert max(counts) - min(counts) <= 1


def test_free_light_nodes_stay_with_their_heavy_neighbours():
    chain = [5.0, 0.1, 0.1, 5.0, 0.1, 0.1]
    edges = [(node, node + 1, 0.5) for node in range(5)]
    assert balance(chain, edges, 2) == [0, 0, 0, 1, 1, 1]


def test_light_nodes_move_away_where_that_balances():
    star = [6.0, 2.0, 2.0, 2.0]
    edges = [(0, leaf, 0.1) for leaf in (1, 2, 3)]
    assert balance(star, edges, 2) == [0, 1, 1, 1]
    assert balance(star, [(0, leaf, 5.0) for leaf in (1, 2, 3)], 2) == [0, 0, 0, 0]


def test_nodes_that_cost_nothing_are_not_torn_apart():
    assert balance([0.0] * 5, [(node, node + 1, 0.0) for node in range(4)], 3) == [0] * 5


def test_a_graph_is_placed_by_its_costs():
    graph = GRAPHS["perceptron"]
    cost = {"fc1": 9.0, "fc2": 3.0, "fc3": 3.0, "fc4": 3.0}
    costs = Costs([cost.get(node.name, 0.01) for node in graph.nodes], [0.02] * len(graph.edges))
    placed = dict(zip([node.name for node in graph.nodes], place(graph, 2, None, costs), strict=True))
    assert placed["fc2"] == placed["fc3"] == placed["fc4"] == placed["loss"] != placed["fc1"] == placed["x"]
    assert place(graph, 2, {"loss": 0, "fc1": 0}, costs)[graph.node("fc3").id] == 1
