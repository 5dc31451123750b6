"""Columns for what stands in layers: items keep their order and do not touch, and wires run straight where they can."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from ampviz.tui.aligning import GAP, Link, Place, placed
from ampviz.tui.layering import Item, Lane, Layers, Network

Pin = tuple[str, int]
"""Where a wire meets a box: ("out", port) at the bottom, ("in", wire) at the top."""


@dataclass(slots=True)
class Columns:
    """Left edges of boxes, columns of lanes, and offsets of pins from the left edges of their boxes."""

    left: list[int]
    lanes: dict[tuple[Lane, int], int]  # by lane and layer
    ways: dict[int, int]  # of the ways back, by wire
    pins: dict[tuple[int, Pin], int] = field(default_factory=dict)  # by box and pin

    def column(self, box: int, pin: Pin) -> int:
        """The column where a wire meets a box."""
        return self.left[box] + self.pins[box, pin]


def columns(graph: Network, layers: Layers, widths: Sequence[int]) -> Columns:
    """Places for all boxes and lines of boxes that wide. Column 0 is the leftmost one that is used."""
    pins = _pins(graph, layers, widths)
    at = placed(layers.rows, _links(graph, layers, pins), widths)
    result = Columns(
        [at[box, layer] for box, layer in enumerate(layers.layer)],
        {(item, layer): x for (item, layer), x in at.items() if isinstance(item, Lane)},
        {},
        pins,
    )
    _ways_back(graph, layers, widths, result)
    _shift(result)
    return result


def ports_needed(graph: Network) -> list[int]:
    """How many wires meet each box above or below, whichever are more."""
    into, out = [0] * len(graph.boxes), [set[int]() for _ in graph.boxes]
    for wire in graph.wires:
        into[wire.target] += 1
        out[wire.source].add(wire.port)
    return [max(count, len(ports)) for count, ports in zip(into, out, strict=True)]


def _width(item: Item, widths: Sequence[int]) -> int:
    return 1 if isinstance(item, Lane) else widths[item]


def _pins(graph: Network, layers: Layers, widths: Sequence[int]) -> dict[tuple[int, Pin], int]:
    """Pins spread over the width of their boxes, in the order of what is at the other ends of the wires."""
    order = {(item, at): index for at, row in enumerate(layers.rows) for index, item in enumerate(row)}
    wanted: dict[tuple[int, str], dict[Pin, list[float]]] = {}
    for index, wire in enumerate(graph.wires):
        top, bottom = layers.layer[wire.source], layers.layer[wire.target]
        if index in layers.back:
            above = below = layers.side * inf
        else:
            lane: Item = Lane(wire.source, wire.port)
            above = order[lane if bottom - top > 1 else wire.source, bottom - 1]
            below = order[lane if bottom - top > 1 else wire.target, top + 1]
        wanted.setdefault((wire.target, "in"), {}).setdefault(("in", index), []).append(above)
        wanted.setdefault((wire.source, "out"), {}).setdefault(("out", wire.port), []).append(below)
    pins = {}
    for (box, _), places in wanted.items():
        mean = {
            pin: sum(values) / len(values) if inf not in map(abs, values) else layers.side * inf
            for pin, values in places.items()
        }
        for index, pin in enumerate(sorted(places, key=lambda pin: (mean[pin], pin))):
            pins[box, pin] = 1 + (2 * index + 1) * (widths[box] - 2) // (2 * len(places))
    return pins


def _links(graph: Network, layers: Layers, pins: dict[tuple[int, Pin], int]) -> list[Link]:
    """What leads from one layer to the next, ways back left out."""
    links: list[Link] = []
    seen = set()
    for index, wire in enumerate(graph.wires):
        if index in layers.back:
            continue
        top, bottom = layers.layer[wire.source], layers.layer[wire.target]
        lane = Lane(wire.source, wire.port)
        way: list[tuple[Place, int]] = [((wire.source, top), pins[wire.source, ("out", wire.port)])]
        way += [((lane, at), 0) for at in range(top + 1, bottom)]
        way.append(((wire.target, bottom), pins[wire.target, ("in", index)]))
        for (a, offset), (b, other) in itertools.pairwise(way):
            if isinstance(b[0], Lane) and (a, b) in seen:
                continue  # another wire of the same line
            seen.add((a, b))
            links.append(Link(a, b, offset, other))
    return links


def _ways_back(graph: Network, layers: Layers, widths: Sequence[int], result: Columns) -> None:
    """A column at the side for each way back, the shortest nearest to the boxes."""
    edges = []
    for at, row in enumerate(layers.rows):
        ends = [result.lanes[item, at] if isinstance(item, Lane) else result.left[item] for item in row]
        if layers.side > 0:
            ends = [end + _width(item, widths) - 1 for item, end in zip(row, ends, strict=True)]
        edges.append(max(ends) if layers.side > 0 else min(ends))
    spans = {index: layers.span(graph.wires[index]) for index in layers.back}
    for index in sorted(spans, key=lambda index: (len(spans[index]), index)):
        passed = [edges[at] for at in spans[index]]
        column = max(passed) + GAP + 1 if layers.side > 0 else min(passed) - GAP - 1
        result.ways[index] = column
        for at in spans[index]:
            edges[at] = column


def _shift(result: Columns) -> None:
    first = min([*result.left, *result.lanes.values(), *result.ways.values()], default=0)
    result.left = [x - first for x in result.left]
    result.lanes = {lane: x - first for lane, x in result.lanes.items()}
    result.ways = {wire: x - first for wire, x in result.ways.items()}
