"""Tracing a model into a graph: names, types, broadcasts, where gradients flow, and how it prints."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ampviz as amp
from ampviz import S
from ampviz import nodes as nn
from ampviz.ports import PortType, shapes_meet
from tests.instances import instances, traced


def recurrent(tokens, label, *, hidden=3):
    column = nn.Ungroup(S.t, count=S.n, axis=1)(tokens)
    word = nn.Lookup(7, hidden)(column)
    cell = nn.Linear(2 * hidden, hidden, name="cell")
    h = amp.loop(
        lambda h: nn.Tanh()(cell(nn.Concat(on=(S.key, S.t))(word, h))),
        init=nn.Zeros(hidden)(tokens),
        step=S.t.to(S.t + 1),
        while_=S.t < S.n,
    )
    nn.SoftmaxCrossEntropy(on=S.key, name="loss")(nn.Linear(hidden, 2, name="out")(h), label)


RECURRENT = """\
graph recurrent: 15 nodes, 16 edges, 50 parameters

node          kind                 configuration  from                      gives
tokens        Source                              -                         {key, n} (rows, ?) int64
label         Source                              -                         {key, n} (rows) int64
ungroup1      Ungroup              t, axis 1      tokens-bcast.0            {key, n, t} (rows) int64
lookup1       Lookup               7 x 3          ungroup1                  {key, n, t} (rows, 3) float32
zeros1        Zeros                3              tokens-bcast.1            {key, n} (rows, 3) float32
loop-start    Isu                  t := 0         zeros1                    {key, n, t} (rows, 3) float32
loop-phi      Phi                                 loop-start, loop-while.0  {key, n, t} (rows, 3) float32
concat1       Concat               on key, t      lookup1, loop-phi         {key, n, t} (rows, 6) float32
cell          Linear               6 -> 3         concat1                   {key, n, t} (rows, 3) float32
tanh1         Tanh                                cell                      {key, n, t} (rows, 3) float32
loop-step     Isu                  t := S.t + 1   tanh1                     {key, n, t} (rows, 3) float32
loop-while    Cond                 S.t < S.n      loop-step                 {key, n, t} (rows, 3) float32
out           Linear               3 -> 2         loop-while.1              {key, n, t} (rows, 2) float32
loss          SoftmaxCrossEntropy  on key         out, label                -
tokens-bcast  Bcast                x2             tokens                    {key, n} (rows, ?) int64"""


@pytest.fixture(scope="module")
def loop_graph():
    return traced(recurrent)


def test_a_graph_prints_as_a_table(loop_graph):
    assert str(loop_graph) == RECURRENT


def test_tracing_twice_gives_the_same_graph(loop_graph):
    again = traced(recurrent)
    assert str(again) == str(loop_graph)
    assert again.edges == loop_graph.edges


def test_gradients_flow_from_the_loss_to_parameters_but_not_towards_data(loop_graph):
    without = {
        (loop_graph.nodes[edge.source].name, loop_graph.nodes[edge.target].name)
        for edge in loop_graph.edges
        if not edge.gradient
    }
    assert without == {
        ("tokens", "tokens-bcast"),
        ("tokens-bcast", "ungroup1"),
        ("tokens-bcast", "zeros1"),
        ("ungroup1", "lookup1"),
        ("zeros1", "loop-start"),
        ("loop-start", "loop-phi"),
        ("label", "loss"),
    }


def test_incoming_edges_stand_in_the_order_of_the_inputs(loop_graph):
    for node in loop_graph.nodes:
        sources = [(edge.source, edge.source_port) for edge in loop_graph.incoming[node.id]]
        assert sources == [(port.node.id, port.index) for port in node.inputs]


def test_nodes_are_found_by_name(loop_graph):
    assert all(loop_graph.node(node.name) is node for node in loop_graph.nodes)
    with pytest.raises(KeyError):
        loop_graph.node("tanh2")


def test_parameters_are_counted(loop_graph):
    counts = {node.name: loop_graph.parameter_count(node) for node in loop_graph.nodes}
    assert {name: count for name, count in counts.items() if count} == {
        "lookup1": 7 * 3, "cell": 6 * 3 + 3, "out": 3 * 2 + 2,
    }  # fmt: skip


def test_nodes_know_the_line_that_made_them(loop_graph):
    first = recurrent.__code__.co_firstlineno
    lines = {node.name: node.line for node in loop_graph.nodes}
    for name, offset in {"tokens": 0, "ungroup1": 1, "lookup1": 2, "loop-phi": 4, "tanh1": 5, "loss": 10}.items():
        assert lines[name] == f"test_graph.py:{first + offset}"


def test_names_that_are_taken_are_not_given_out():
    def model(y):
        a = nn.ReLU(name="relu1")(y)
        b = nn.ReLU()(a)
        amp.discard(nn.ReLU()(b))

    names = [node.name for node in traced(model).nodes]
    assert names == ["y", "relu1", "relu2", "relu3", "discard1"]


def test_only_parameters_without_a_default_become_sources():
    def model(label, y, width=2, *, depth=1):
        nn.SoftmaxCrossEntropy()(nn.Linear(2, width)(y), label)

    graph = traced(model)
    assert [node.name for node in graph.nodes if node.kind == "Source"] == ["label", "y"]
    assert graph.name == "model"


@pytest.mark.parametrize(("lengths", "shape"), [((4, 4, 4), (4,)), ((4, 4, 5), (None,)), ((2,), (2,))])
def test_sizes_that_differ_between_instances_are_unknown(lengths, shape):
    graph = traced(lambda tokens: amp.discard(tokens), instances(lengths))
    assert graph.edges[0].type == PortType(("key", "n"), shape, "int64")


@pytest.mark.parametrize("uses", [1, 2, 3, 5])
def test_a_port_that_fans_out_gets_one_bcast(uses):
    def model(y):
        for _ in range(uses):
            amp.discard(y)

    graph = traced(model)
    bcasts = [node for node in graph.nodes if node.kind == "Bcast"]
    assert [(node.name, len(node.outputs)) for node in bcasts] == ([("y-bcast", uses)] if uses > 1 else [])
    feeder = graph.node("y-bcast" if uses > 1 else "y")
    assert sorted(edge.source_port for edge in graph.outgoing[feeder.id]) == list(range(uses))


def test_each_output_of_a_node_fans_out_by_itself():
    def model(x):
        left, right = nn.Split(1, 3, name="cut")(x)
        for port in (left, right, left, right, right):
            amp.discard(port)

    graph = traced(model)
    ways = {node.name: (node.outputs[0].type.shape, len(node.outputs)) for node in graph.nodes if node.kind == "Bcast"}
    assert ways == {"cut-0-bcast": ((1,), 2), "cut-1-bcast": ((3,), 3)}


def test_a_loop_begins_where_it_is_told_and_keeps_a_counter_that_is_there():
    def model(y):
        h = amp.loop(nn.Tanh(), init=y, step=S.t.to(S.t + 2), while_=S.t < 9, start=3, name="outer")
        h = amp.loop(nn.ReLU(), init=h, step=S.t.to(S.t - 1), while_=S.t > 0, name="inner")
        amp.discard(h)

    graph = traced(model)
    notes = {node.name: node.note() for node in graph.nodes if node.kind in ("Isu", "Cond")}
    assert notes == {
        "outer-start": "t := 3", "outer-step": "t := S.t + 2", "outer-while": "S.t < 9",
        "inner-step": "t := S.t - 1", "inner-while": "S.t > 0",
    }  # fmt: skip


KINDS = {"ReLU": nn.ReLU, "Tanh": nn.Tanh, "Zeros": lambda: nn.Zeros(4), "Linear": lambda: nn.Linear(4, 4)}
chains = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 20)), max_size=10)


def traced_chain(chain):
    """A graph where each layer of the chain takes one of the ports made before, and loose ends are discarded."""

    def model(x):
        ports, used = [x], set()
        for kind, pick in chain:
            source = ports[pick % len(ports)]
            used.add(source)
            ports.append(KINDS[kind]()(source))
        for port in ports:
            if port not in used:
                amp.discard(port)

    return traced(model)


@settings(max_examples=40, deadline=None)
@given(chains)
def test_every_output_feeds_exactly_one_input(chain):
    graph = traced_chain(chain)
    outputs = [(node.id, port.index) for node in graph.nodes for port in node.outputs]
    inputs = [(node.id, position) for node in graph.nodes for position in range(len(node.inputs))]
    assert sorted((edge.source, edge.source_port) for edge in graph.edges) == outputs
    assert sorted((edge.target, edge.target_port) for edge in graph.edges) == inputs
    assert [edge.id for edge in graph.edges] == list(range(len(graph.edges)))
    for node in graph.nodes:
        assert [edge.target_port for edge in graph.incoming[node.id]] == list(range(len(node.inputs)))
        assert [edge.source_port for edge in graph.outgoing[node.id]] == list(range(len(node.outputs)))


@settings(max_examples=40, deadline=None)
@given(chains)
def test_an_edge_carries_a_gradient_if_parameters_lie_before_it(chain):
    graph = traced_chain(chain)

    def useful(node) -> bool:
        if node.kind in ("Linear", "Zeros"):
            return node.kind == "Linear"
        return any(useful(port.node) for port in node.inputs)

    for edge in graph.edges:
        assert edge.gradient == useful(graph.nodes[edge.source])


@settings(max_examples=25, deadline=None)
@given(chains)
def test_the_printed_head_counts_what_the_graph_holds(chain):
    graph = traced_chain(chain)
    parameters = sum(math.prod(shape) for node in graph.nodes for shape in node.parameter_shapes().values())
    head, blank, _, *rows = str(graph).splitlines()
    assert head == f"graph model: {len(graph.nodes)} nodes, {len(graph.edges)} edges, {parameters:,} parameters"
    assert [row.split()[0] for row in rows] == [node.name for node in graph.nodes]
    assert not blank


@pytest.mark.parametrize(
    ("a", "b", "meet"),
    [
        ((), (), True), ((3,), (3,), True), ((3,), (4,), False), ((None,), (4,), True), ((3,), (), False),
        ((2, None), (None, 5), True), ((2, None), (3, None), False),
    ],
)  # fmt: skip
def test_shapes_meet_where_known_sizes_agree(a, b, meet):
    assert shapes_meet(a, b) == shapes_meet(b, a) == meet
    here, there = PortType(("key", "t"), a), PortType(("key", "t"), b)
    assert here.meets(there) == meet
    assert not here.meets(PortType(("key",), b))
    assert not here.meets(PortType(("key", "t"), b, "int64"))
