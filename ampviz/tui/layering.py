"""The graph in layers: which boxes there are, in which layer each stands, and in which order within it.

The method is Sugiyama's: loops are cut, every box stands below all that feed it, wires longer than one layer go through
a place of their own in each layer between, and places are ordered so that few wires cross. Copies of a layer
(`NodeInfo.part_of`) are one box. Everything is a pure function of the graph: the same graph gives the same picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ampviz.loops import strongly_connected
from ampviz.telemetry.snapshot import SessionInfo

_SWEEPS = 12


@dataclass(frozen=True, slots=True)
class Box:
    """A node, or a replicated layer with its copies. `nodes` are indices into `SessionInfo.nodes`."""

    name: str
    nodes: tuple[int, ...]
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """A line of the picture, from box to box; edges between two boxes of which one has copies are one wire."""

    source: int
    port: int  # of the source; wires that share it are drawn as one line with branches
    target: int
    edges: tuple[int, ...] = ()  # indices into `SessionInfo.edges`


@dataclass(frozen=True, slots=True)
class Network:
    """What is to be drawn: boxes and wires."""

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    box_of: tuple[int, ...] = ()  # the box of each node


@dataclass(frozen=True, slots=True)
class Lane:
    """The way of one wire through a layer. A line down is shared by the wires of a port; the way back up is not."""

    source: int
    port: int
    wire: int = -1  # the wire that leads back up; -1 for a line down


Item = int | Lane
"""What has a place in a layer: a box, by its index, or a lane."""


@dataclass(slots=True)
class Layers:
    """The places. `back` are the wires that close a loop: they leave below, go up at one side and enter from above."""

    layer: list[int]  # of each box
    back: set[int]
    rows: list[list[Item]] = field(default_factory=list)  # boxes and lines down, from left to right; no way back
    side: int = 1  # where the ways back are: 1 right, -1 left

    def span(self, wire: Wire) -> range:
        """The layers that the way back of a wire passes, its ends included."""
        return range(self.layer[wire.target], self.layer[wire.source] + 1)


def network(info: SessionInfo) -> Network:
    """The boxes and wires of a session's graph."""
    members: dict[str, list[int]] = {}
    for index, node in enumerate(info.nodes):
        members.setdefault(f"part {node.part_of}" if node.part_of else f"node {index}", []).append(index)
    boxes = tuple(
        Box(info.nodes[nodes[0]].part_of or info.nodes[nodes[0]].name, tuple(nodes), info.nodes[nodes[0]].kind)
        for nodes in members.values()
    )
    box_of = {node: index for index, box in enumerate(boxes) for node in box.nodes}
    bundles: dict[tuple[int, ...], list[int]] = {}
    for number, edge in enumerate(info.edges):
        source, target = box_of[edge.source], box_of[edge.target]
        copies = len(boxes[source].nodes) > 1 or len(boxes[target].nodes) > 1
        ports = () if copies else (edge.source_port, edge.target_port)
        bundles.setdefault((source, target, *ports), []).append(number)
    wires = tuple(
        Wire(key[0], min(info.edges[number].source_port for number in edges), key[1], tuple(edges))
        for key, edges in bundles.items()
    )
    return Network(boxes, wires, tuple(box_of[node] for node in range(len(info.nodes))))


def layered(graph: Network) -> Layers:
    """Boxes and wires in layers, in the best order found."""
    back = _closing(graph)
    down = [wire for index, wire in enumerate(graph.wires) if index not in back]
    result = Layers(_ranks(len(graph.boxes), down), back)
    rows, pairs = _rows(result.layer, down)
    best: tuple[int, list[list[Item]], int] | None = None
    for side in (1, -1) if back else (1,):
        ways = [(graph.wires[index], result.span(graph.wires[index])) for index in sorted(back)]
        for candidate in _sweeps(rows, pairs):
            crossings = _crossings(candidate, pairs) + _crossed_by_ways(candidate, pairs, ways, side)
            if best is None or crossings < best[0]:
                best = (crossings, candidate, side)
    assert best is not None
    _, result.rows, result.side = best
    return result


def _closing(graph: Network) -> set[int]:
    """The wires that close a loop: those from inside a loop to the box where it is entered, then loops within loops.

    Where several boxes are entered from outside, a Phi is taken, which needs only one of its inputs to begin.
    """
    closing: set[int] = set()
    waiting = [set(range(len(graph.boxes)))]
    while waiting:
        within = waiting.pop()
        wires = [
            (index, wire)
            for index, wire in enumerate(graph.wires)
            if index not in closing and wire.source in within and wire.target in within
        ]
        for loop in strongly_connected(within, [(wire.source, wire.target) for _, wire in wires]):
            entered = {wire.target for _, wire in wires if wire.target in loop and wire.source not in loop}
            entry = min(entered or loop, key=lambda box: (graph.boxes[box].kind != "Phi", box))
            closing |= {index for index, wire in wires if wire.target == entry and wire.source in loop}
            waiting.append(loop)
    return closing


def _ranks(count: int, down: Sequence[Wire]) -> list[int]:
    """Longest paths from the sources; then boxes that nothing holds up sink to where they are needed."""
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for wire in down:
        above[wire.target].append(wire.source)
        below[wire.source].append(wire.target)
    missing = [len(boxes) for boxes in above]
    order = [box for box in range(count) if not missing[box]]
    for box in order:  # grows while it is walked
        for target in below[box]:
            missing[target] -= 1
            if not missing[target]:
                order.append(target)
    layer = [0] * count
    for box in order:
        layer[box] = max((layer[source] + 1 for source in above[box]), default=0)
    for box in reversed(order):
        if below[box] and len(above[box]) <= len(below[box]):
            layer[box] = min(layer[target] for target in below[box]) - 1
    return layer


Pairs = list[list[tuple[Item, Item]]]
"""Per channel, the one above layer c at index c: which item above leads to which item below."""


def _rows(layer: Sequence[int], down: Sequence[Wire]) -> tuple[list[list[Item]], Pairs]:
    """The items of each layer in the order of the graph, with lanes for long wires, and what leads to what."""
    depth = max(layer, default=-1) + 1
    rows: list[list[Item]] = [[] for _ in range(depth)]
    pairs: Pairs = [[] for _ in range(depth + 1)]
    for box, at in enumerate(layer):
        rows[at].append(box)
    seen = set()
    for wire in down:
        lane, before = Lane(wire.source, wire.port), wire.source
        previous: Item = before
        for at in range(layer[wire.source] + 1, layer[wire.target]):
            if (lane, at) not in seen:
                seen.add((lane, at))
                rows[at].append(lane)
                pairs[at].append((previous, lane))
            previous = lane
        pairs[layer[wire.target]].append((previous, wire.target))
    return rows, pairs


def _sweeps(rows: list[list[Item]], pairs: Pairs) -> list[list[list[Item]]]:
    """Orders to choose from: each sweep puts every item at the mean place of what it is connected to."""
    current, orders = [list(row) for row in rows], [[list(row) for row in rows]]
    for sweep in range(_SWEEPS):
        downward = sweep % 2 == 0
        for at in range(len(current)) if downward else reversed(range(len(current))):
            beside = at - 1 if downward else at + 1
            if not 0 <= beside < len(current):
                continue
            places = _places(current[beside])
            near: dict[Item, list[float]] = {}
            for upper, lower in pairs[at] if downward else pairs[at + 1]:
                here, there = (lower, upper) if downward else (upper, lower)
                near.setdefault(here, []).append(places[there])
            own = _places(current[at])
            wanted = {item: sum(near[item]) / len(near[item]) if item in near else own[item] for item in current[at]}
            current[at].sort(key=lambda item: (wanted[item], own[item]))
        orders.append([list(row) for row in current])
    return orders


def _places(row: Sequence[Item]) -> dict[Item, float]:
    """Where each item is between the left end, 0, and the right, 1."""
    return {item: (index + 0.5) / len(row) for index, item in enumerate(row)}


def _crossings(rows: Sequence[Sequence[Item]], pairs: Pairs) -> int:
    """How many wires cross."""
    count = 0
    for at in range(1, len(rows)):
        upper, lower = _places(rows[at - 1]), _places(rows[at])
        lines = sorted((upper[a], lower[b]) for a, b in pairs[at])
        for index, (top, bottom) in enumerate(lines):
            count += sum(other > top and below < bottom for other, below in lines[index + 1 :])
    return count


def _crossed_by_ways(
    rows: Sequence[Sequence[Item]], pairs: Pairs, ways: Sequence[tuple[Wire, range]], side: int
) -> int:
    """How many wires the ways back cross on their way to the side, below their source and above their target."""
    count = 0
    for wire, span in ways:
        for box, row, lines, end in (
            (wire.source, span[-1], pairs[span[-1] + 1], 0),
            (wire.target, span[0], pairs[span[0]], 1),
        ):
            places = _places(rows[row])
            count += sum((places[line[end]] - places[box]) * side > 0 for line in lines)
    return count
