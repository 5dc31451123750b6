"""The graph as characters: boxes with their queues on the border, wires between them, messages on the way.

A forward message goes down: what waits for a node stands at the arrow above its box, and what waits on the way back at
the arrow below it. Heavy borders are nodes that learn; a dotted line with an arrow up closes a loop.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence

from rich.text import Text

from ampviz.telemetry.snapshot import SessionInfo, place
from ampviz.tui.glyphs import DIM, HOT, MARK, TRAIN, VALID, Glyphs, drawable, number
from ampviz.tui.layering import Box, Network, layered, network
from ampviz.tui.motion import Look, Move
from ampviz.tui.placing import ports_needed
from ampviz.tui.routing import Frame, Layout, Point, laid_out
from ampviz.tui.wires import ASCII_INK, INK, along, line_characters, pin_columns

_WORDS = 26  # the widest line inside a detailed box
_FACTS = "w0 v12345 stale 12.3"
_ROOM = 4  # for the queues in a compact box


class Zoom(enum.IntEnum):
    """How much a box says: its name; also its queues; also what it is."""

    COMPACT = 0
    NORMAL = 1
    DETAILED = 2


Cells = dict[Point, tuple[str, str]]
"""Character and style by column and row."""


class Diagram:
    """The picture of one session's graph at one zoom. `cells` and `text` give it the state of the session."""

    def __init__(self, info: SessionInfo, zoom: Zoom, glyphs: Glyphs):
        self.info, self.zoom, self.glyphs = info, zoom, glyphs
        self.ink = INK if glyphs.braille else ASCII_INK
        self.graph: Network = network(info)
        self.layout: Layout = laid_out(self.graph, layered(self.graph), _sizes(info, self.graph, zoom))
        self._ways = [tuple(along(route.points)) for route in self.layout.routes]
        self._lines = line_characters(self.graph, self.layout, self._ways, self.ink, glyphs)
        self._quiet: Cells = {}  # the wires while nothing happens
        for way, route in zip(self._ways, self.layout.routes, strict=True):
            for point in way:
                self._quiet.setdefault(point, (self._lines[point], MARK if route.back else DIM))
        self._pins = pin_columns(self.graph, self.layout)

    def text(self, looks: Sequence[Look], moves: Sequence[Move], progress: float, window: Frame) -> Text:
        """What is to be seen through a window; `progress` from 0 to 1 is how far the moves have come."""
        cells = self.cells(looks, moves, progress, window)
        lines = []
        for y in range(window.y, window.y + window.height):
            line = Text(no_wrap=True)
            run, style = "", ""
            for x in range(window.x, window.x + window.width):
                character, own = cells.get((x, y), (" ", ""))
                if own != style and run:
                    line.append(run, style=style)
                    run = ""
                run, style = run + character, own
            line.append(run, style=style)
            line.rstrip()
            lines.append(line)
        return Text("\n").join(lines)

    def cells(
        self, looks: Sequence[Look], moves: Sequence[Move] = (), progress: float = 1.0, window: Frame | None = None
    ) -> Cells:
        """Every character that is not blank, at least of the boxes that a window shows."""
        cells = dict(self._quiet)
        moving = {move.wire: move.up for move in moves}
        active: list[tuple[int, str]] = []
        for index in range(len(self.graph.wires)):
            style = self._wire_style(index, looks)
            if index in moving:
                active.append((index, f"bold {VALID if moving[index] else TRAIN}"))
            elif style != DIM:
                active.append((index, style))
        for index, style in active:
            cells |= {point: (self._lines[point], style) for point in self._ways[index]}
        for index, box in enumerate(self.graph.boxes):
            if window is None or _meet(self.layout.frames[index], window):
                self._draw_box(cells, index, [looks[node] for node in box.nodes])
        for move in moves:
            way = self._ways[move.wire]
            point = way[round((1 - progress if move.up else progress) * (len(way) - 1))]
            dot = self.ink.up_dot if move.up else self.ink.down_dot
            cells[point] = (dot, f"bold {VALID if move.up else TRAIN}")
        return cells

    def frame_of(self, node: int) -> Frame:
        """Where the box of a node stands."""
        return self.layout.frames[self.graph.box_of[node]]

    def _wire_style(self, index: int, looks: Sequence[Look]) -> str:
        wire = self.graph.wires[index]
        if any(looks[node].forward for node in self.graph.boxes[wire.target].nodes):
            return TRAIN
        if any(looks[node].backward for node in self.graph.boxes[wire.source].nodes):
            return VALID
        return DIM

    def _draw_box(self, cells: Cells, index: int, looks: Sequence[Look]) -> None:
        box, frame = self.graph.boxes[index], self.layout.frames[index]
        learns = any(self.info.nodes[node].parameters for node in box.nodes)
        working = any(look.working for look in looks)
        style = f"bold {TRAIN}" if working else ("bold" if learns else "")
        if self.zoom is Zoom.COMPACT:
            self._write(cells, frame.x, frame.y, *self._compact(box, frame, looks, style))
            return
        corners = self.ink.heavy if learns else self.ink.light
        right, bottom = frame.x + frame.width - 1, frame.y + frame.height - 1
        across = corners[4] * (frame.width - 2)
        border = f"bold {TRAIN}" if working else DIM if not learns else ""
        self._write(cells, frame.x, frame.y, (corners[0] + across + corners[1], border))
        self._write(cells, frame.x, bottom, (corners[3] + across + corners[2], border))
        for y, parts in enumerate(self._inside(box, looks, frame.width - 2, style), frame.y + 1):
            self._write(cells, frame.x, y, (corners[5], border), *parts, (corners[5], border))
        forward, backward = sum(look.forward for look in looks), sum(look.backward for look in looks)
        into, out = self._pins[index]
        for x in into:
            cells[x, frame.y] = (self.ink.into, f"bold {TRAIN}" if forward else border)
        for x in out:
            cells[x, bottom] = (self.ink.back, f"bold {VALID}") if backward else (corners[6], border)
        for count, pins, y, colour in ((forward, into, frame.y, TRAIN), (backward, out, bottom, VALID)):
            words = _count(count) if count else ""
            start = max(pins, default=frame.x + 1) + 1
            self._write(cells, min(start, right - len(words)), y, (words, f"bold {colour}"))

    def _compact(self, box: Box, frame: Frame, looks: Sequence[Look], style: str) -> tuple[tuple[str, str], ...]:
        forward, backward = sum(look.forward for look in looks), sum(look.backward for look in looks)
        words = _count(forward + backward) if forward + backward else ""
        if 0 < len(words) < _ROOM:
            words += self.glyphs.down if forward >= backward else self.glyphs.up
        title = _title(box)
        mark = self._mark(looks)
        room, colour = frame.width - len(title) - 3, TRAIN if forward >= backward else VALID
        return (
            ("[", style),
            mark,
            (title, style),
            (words.rjust(room), f"bold {colour}"),
            ("]", style),
        )

    def _inside(self, box: Box, looks: Sequence[Look], width: int, style: str) -> Iterator[list[tuple[str, str]]]:
        """The lines between the borders, each as words with styles that fill the width."""
        busy = sum(look.busy for look in looks) / len(looks)
        title = _title(box)
        mark = self._mark(looks)
        yield [mark, (title.ljust(width - 2), style), (self._level(busy), TRAIN)]
        node = self.info.nodes[box.nodes[0]]
        if self.zoom is Zoom.DETAILED:
            yield [(f" {drawable(_what(node.kind, node.note), self.glyphs)}".ljust(width)[:width], DIM)]
            rows = zip(box.nodes, looks, strict=True)
            for number_, (index, look) in enumerate(rows):
                words = f" {place(self.info.nodes[index].worker)}"
                if len(box.nodes) > 1:
                    queues = f" {self.glyphs.down}{_count(look.forward)} {self.glyphs.up}{_count(look.backward)}"
                    words = f"{self._mark([look])[0]}{number_}{words}{queues}"
                if self.info.nodes[index].parameters:
                    words += f" v{number(look.updates)} stale {number(look.staleness)}"
                yield [(words.ljust(width)[:width], f"bold {TRAIN}" if look.working and len(looks) > 1 else "")]
        elif len(looks) > 1:
            parts = [f"{self._mark([look])[0]}{i}{self._level(look.busy)}" for i, look in enumerate(looks)]
            yield [("".join(parts).ljust(width)[:width], TRAIN)]

    def _mark(self, looks: Sequence[Look]) -> tuple[str, str]:
        if any(look.held for look in looks):
            return self.glyphs.paused, f"bold {HOT}"
        return (self.glyphs.cursor, f"bold {TRAIN}") if any(look.working for look in looks) else (" ", "")

    def _level(self, share: float) -> str:
        top = len(self.glyphs.levels) - 1
        return self.glyphs.levels[min(top, -int(-share * top // 1))] if share > 0.005 else " "

    @staticmethod
    def _write(cells: Cells, x: int, y: int, *parts: tuple[str, str]) -> None:
        for words, style in parts:
            for character in words:
                cells[x, y] = (character, style)
                x += 1


def _meet(one: Frame, other: Frame) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


def _title(box: Box) -> str:
    return f"{box.name} x{len(box.nodes)}" if len(box.nodes) > 1 else box.name


def _what(kind: str, note: str) -> str:
    return f"{kind} {note}"[:_WORDS] if note else kind


def _count(value: int) -> str:
    return str(value) if value < 1000 else f"{min(value // 1000, 99)}k"


def _sizes(info: SessionInfo, graph: Network, zoom: Zoom) -> list[tuple[int, int]]:
    """Width and height of every box; widths are odd, so that one wire meets the middle."""
    sizes = []
    for box, ports in zip(graph.boxes, ports_needed(graph), strict=True):
        title, copies = len(_title(box)), len(box.nodes)
        node = info.nodes[box.nodes[0]]
        if zoom is Zoom.COMPACT:
            width, height = max(title + _ROOM + 3, 2 * ports + 3), 1
        elif zoom is Zoom.NORMAL:
            width, height = max(title + 5, 6 * ports + 3, 9, 3 * copies + 2 if copies > 1 else 0), 3 + (copies > 1)
        else:
            facts = len(_FACTS) + 10 * (copies > 1) if node.parameters else 0
            words = max(title + 3, len(_what(node.kind, node.note)) + 2, facts + 1)
            width, height = max(words + 2, 6 * ports + 3, 9), 4 + copies
        sizes.append((width | 1, height))
    return sizes
