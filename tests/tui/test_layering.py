"""Boxes, loops, layers and the order in them."""

from __future__ import annotations

import pytest
from hypothesis import given

from ampviz.telemetry.snapshot import SessionInfo
from ampviz.tui.layering import Lane, Layers, Network, layered, network
from tests.tui.shapes import SHAPES, graph, graphs


def shape(name: str) -> tuple[Network, Layers]:
    wires = network(graph(SHAPES[name]))
    return wires, layered(wires)


def written(wires: Network, layers: Layers) -> str:
    """The layers, a line each; lanes are in brackets."""
    lines = []
    for row in layers.rows:
        words = (
            f"({wires.boxes[item.source].name})" if isinstance(item, Lane) else wires.boxes[item].name for item in row
        )
        lines.append(" ".join(words))
    return "\n".join(lines)


def loops(wires: Network, layers: Layers) -> list[str]:
    return [f"{wires.boxes[wires.wires[i].source].name}>{wires.boxes[wires.wires[i].target].name}" for i in layers.back]


@pytest.mark.parametrize(
    ("name", "closing"),
    [
        ("mnist", []),
        ("listred", ["while>phi"]),
        ("sst", ["branch>node"]),
        ("by type", ["while>phi"]),
        ("nested", ["again>inner", "more>outer"]),
    ],
)
def test_a_loop_is_closed_by_the_wire_back_to_its_phi(name, closing):
    assert sorted(loops(*shape(name))) == closing


def test_a_loop_with_two_ways_in_is_cut_where_all_of_it_stands_below():
    text = """
    x Source > far near
    far ReLU > entry
    entry Phi > other
    other ReLU > near
    near Phi > other | entry
    """
    wires = network(graph(text))
    layers = layered(wires)
    assert sorted(loops(wires, layers)) == ["near>entry", "near>other"]
    assert written(wires, layers) == "x\nfar (x)\nentry (x)\nother (x)\nnear"


def test_boxes_stand_below_what_feeds_them_and_sources_where_they_are_needed():
    assert written(*shape("listred")) == (
        "tokens\nfork\nh0 (fork)\nstart columns\nphi embed\ncell\nstep\nwhile\nlabel out\nloss"
    )


def test_long_wires_of_one_port_share_a_lane():
    wires = network(graph("a Source > b d e\nb ReLU > c\nc ReLU > d e\nd ReLU\ne ReLU"))
    layers = layered(wires)
    assert sorted(len(row) for row in layers.rows) == [1, 2, 2, 2]
    assert sum(isinstance(item, Lane) for row in layers.rows for item in row) == 2


def test_wires_are_ordered_so_that_few_cross():
    wires, layers = shape("by type")
    (row,) = [row for row in layers.rows if len(row) > 3]
    assert [wires.boxes[item].name for item in row[:4]] == ["single", "double", "triple", "aromatic"]


def test_copies_are_one_box_with_one_wire_to_each_neighbour():
    wires, _ = shape("replicated")
    assert [(box.name, len(box.nodes)) for box in wires.boxes] == [
        ("x", 1),
        ("label", 1),
        ("cond", 1),
        ("cell", 2),
        ("phi", 1),
        ("loss", 1),
    ]
    assert [len(wire.edges) for wire in wires.wires if wires.boxes[wire.target].name in ("cell", "phi")] == [2, 2]
    assert wires.box_of == (0, 1, 2, 3, 3, 4, 5)


@given(graphs())
def test_every_wire_goes_down_or_closes_a_loop(info: SessionInfo):
    wires = network(info)
    layers = layered(wires)
    for index, wire in enumerate(wires.wires):
        above, below = layers.layer[wire.source], layers.layer[wire.target]
        assert above >= below if index in layers.back else above < below
    placed = sorted(item for row in layers.rows for item in row if not isinstance(item, Lane))
    assert placed == list(range(len(wires.boxes)))
    assert sorted(edge for wire in wires.wires for edge in wire.edges) == list(range(len(info.edges)))
    assert layered(network(info)) == layers
