"""Placement: heavy nodes take turns, light nodes stay beside their neighbours, explicit wishes are kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ampviz as amp
from ampviz import S
from ampviz import nodes as nn
from ampviz.errors import UsageError
from ampviz.placement import place
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
