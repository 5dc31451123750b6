"""The wires of a graph as characters: which one each cell has that they pass, and where they meet the boxes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ampviz.tui.glyphs import Glyphs
from ampviz.tui.layering import Network
from ampviz.tui.routing import Layout, Point, Route

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Ink:
    """The characters of lines. `lines` and `dotted` are by the arms of a cell: up 1, down 2, left 4, right 8."""

    lines: str
    dotted: str
    light: str  # corners from the left upper one clockwise, horizontal, vertical, way out
    heavy: str
    into: str
    back: str
    down_dot: str
    up_dot: str


INK = Ink(" │││─╯╮┤─╰╭├─┴┬┼", " ╎╎╎╌╯╮┤╌╰╭├╌┴┬┼", "┌┐┘└─│┬", "┏┓┛┗━┃┯", "▼", "▲", "●", "○")
ASCII_INK = Ink(
    " |||-++++++++++++"[:4] + "-+++-+++-+++",
    " :::.++++++++"[:4] + ".+++.+++.+++",
    "++++-|+",
    "####=#+",
    "v",
    "^",
    "@",
    "o",
)


def along(points: Sequence[Point]) -> Iterator[Point]:
    """Every cell of a line from corner to corner."""
    yield points[0]
    for (x, y), (x2, y2) in itertools.pairwise(points):
        step = (x2 > x) - (x2 < x), (y2 > y) - (y2 < y)
        while (x, y) != (x2, y2):
            x, y = x + step[0], y + step[1]
            yield x, y


def line_characters(
    graph: Network, layout: Layout, ways: Sequence[Sequence[Point]], ink: Ink, glyphs: Glyphs
) -> dict[Point, str]:
    """The character of each cell that a wire passes; where two cross, the upright one goes over the other."""
    arms: dict[Point, dict[tuple[int, int], int]] = {}
    dotted: dict[Point, bool] = {}
    for index, (wire, way) in enumerate(zip(graph.wires, ways, strict=True)):
        back = layout.routes[index].back
        start, end = layout.frames[wire.source], layout.frames[wire.target]
        whole = [(way[0][0], start.y + start.height - 1), *way, (way[-1][0], end.y)]
        for before, point, after in zip(whole, whole[1:], whole[2:], strict=False):
            cell = arms.setdefault(point, {})
            net = (wire.source, wire.port)
            cell[net] = cell.get(net, 0) | _arm(point, before) | _arm(point, after)
            dotted[point] = dotted.get(point, True) and back
    lines = {}
    for point, nets in arms.items():
        upright = [arm for arm in nets.values() if arm & (_UP | _DOWN)]
        lines[point] = (ink.dotted if dotted[point] else ink.lines)[
            upright[0] if upright else next(iter(nets.values()))
        ]
    for route in layout.routes:
        if route.back:
            lines[_arrow(route)] = glyphs.up
    return lines


def _arm(point: Point, other: Point) -> int:
    if other[0] != point[0]:
        return _LEFT if other[0] < point[0] else _RIGHT
    return _UP if other[1] < point[1] else _DOWN


def _arrow(route: Route) -> Point:
    """The middle of the longest stretch upwards."""
    stretches = [(a, b) for a, b in zip(route.points, route.points[1:], strict=False) if a[0] == b[0] and b[1] < a[1]]
    (x, low), (_, high) = max(stretches, key=lambda stretch: stretch[0][1] - stretch[1][1])
    return x, (low + high) // 2


def pin_columns(graph: Network, layout: Layout) -> list[tuple[list[int], list[int]]]:
    """For each box the columns where wires come in above and leave below."""
    pins: list[tuple[set[int], set[int]]] = [(set(), set()) for _ in graph.boxes]
    for wire, route in zip(graph.wires, layout.routes, strict=True):
        pins[wire.target][0].add(route.points[-1][0])
        pins[wire.source][1].add(route.points[0][0])
    return [(sorted(into), sorted(out)) for into, out in pins]
