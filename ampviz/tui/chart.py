"""The line chart: numpy draws the curve as braille dots, two by four a character. A pure function of its data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ampviz.tui.glyphs import DIM, MARK, TRAIN, VALID, Glyphs, drawable, number

Curve = tuple[Sequence[float], Sequence[float]]
GUTTER = 8  # characters left of the plot: labels, and the axis
_EPOCH_ROOM = 6  # columns between two epochs that are marked
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


@dataclass(frozen=True, slots=True)
class Plot:
    """What a chart shows. x is instances, from `span[0]` to `span[1]`, or from 0 to the last one of all."""

    line: Curve = ((), ())
    points: Curve = ((), ())
    markers: Sequence[tuple[float, str]] = ()  # changes: where, and their labels
    epochs: Sequence[tuple[float, int]] = ()  # where each one ended
    what: str = "loss"
    log: bool = False
    span: tuple[float, float] | None = None
    reach: float = 1.0  # how far x goes at least, so that all curves of a session have one axis

    @property
    def last(self) -> float:
        """The last x of anything on it."""
        ends = [curve[0][-1] for curve in (self.line, self.points) if len(curve[0])]
        return max([self.reach, *ends, *(x for x, _ in self.markers), *(x for x, _ in self.epochs)])


@dataclass(slots=True)
class _Canvas:
    """Characters and their styles, and how numbers become places on it."""

    columns: int
    rows: int
    span: tuple[float, float]
    glyphs: Glyphs
    heights: tuple[float, float] = (0.0, 1.0)
    cells: list[list[str]] = field(init=False)
    styles: list[list[str]] = field(init=False)

    def __post_init__(self) -> None:
        self.cells = [[" "] * self.columns for _ in range(self.rows)]
        self.styles = [[""] * self.columns for _ in range(self.rows)]

    def put(self, column: int, row: int, glyph: str, style: str) -> None:
        self.cells[row][column], self.styles[row][column] = glyph, style

    def write(self, column: int, row: int, words: str, style: str) -> None:
        """Words from a column on, as far as they fit."""
        for offset, character in enumerate(words):
            if 0 <= column + offset < self.columns:
                self.put(column + offset, row, character, style)

    def column(self, x: float) -> int | None:
        """The column of a place within the span."""
        share = (x - self.span[0]) / (self.span[1] - self.span[0])
        return min(self.columns - 1, int(share * self.columns)) if 0 <= share <= 1 else None

    def row(self, y: float) -> int:
        low, high = self.heights
        return self.rows - 1 - int(min(max((y - low) / (high - low), 0.0), 0.999) * self.rows)


def draw_chart(plot: Plot, width: int, height: int, glyphs: Glyphs) -> Text:
    """A chart of `width` x `height` characters: curve, points, markers of changes and epochs, both axes.

    y fits what is in the span. Points that are not finite, or not positive on a log axis, are left out.
    """
    columns, rows = width - GUTTER, height - 1
    if columns < 8 or rows < 3:
        return Text("too small"[: max(0, width)], style=DIM)
    line, points = _usable(plot.line, plot.log), _usable(plot.points, plot.log)
    canvas = _Canvas(columns, rows, plot.span or (0.0, plot.last), glyphs)
    seen = np.concatenate([_seen(line, canvas.span, joined=True), _seen(points, canvas.span, joined=False)])
    ticks = _draw_epochs(canvas, plot.epochs)
    _draw_markers(canvas, plot.markers)
    if len(seen):
        canvas.heights = _heights(seen, plot.log)
        _draw_line(canvas, *line)
        for x, y in zip(*points, strict=True):
            column = canvas.column(x)
            if column is not None:
                canvas.put(column, canvas.row(y), glyphs.point, VALID)
    else:
        words = f"no {plot.what} yet" if plot.span is None else f"no {plot.what} here"
        canvas.write((columns - len(words)) // 2, rows // 2, words, DIM)
    return _assembled(canvas, ticks, plot.log and len(seen) > 0)


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` round values (1, 2 or 5 times a power of ten) from low to high."""
    if high <= low or most < 1:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def marker_letter(index: int) -> str:
    """The letter of a marker: A, B, ... Z, A, ..."""
    return chr(ord("A") + index % 26)


def legend(plot: Plot, width: int, glyphs: Glyphs) -> Text:
    """The last markers that are on the chart, with letter, place and label, as many as fit in one line."""
    low, high = plot.span or (0.0, plot.last)
    words: list[str] = []
    for index in range(len(plot.markers) - 1, -1, -1):
        x, label = plot.markers[index]
        entry = f"{marker_letter(index)} {number(x)} {drawable(label, glyphs)}"
        if low <= x <= high:
            if words and sum(map(len, words)) + 3 * len(words) + len(entry) > width - GUTTER:
                break
            words.insert(0, entry)
    line = Text(" " * GUTTER + "   ".join(words), style=MARK, no_wrap=True)
    line.truncate(width, overflow="ellipsis" if glyphs.braille else "crop")
    return line


# Data


def _usable(curve: Curve, log: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(curve[0], float), np.asarray(curve[1], float)
    keep = np.isfinite(y) & ((y > 0) if log else True)
    return x[keep], np.log10(y[keep]) if log else y[keep]


def _seen(
    curve: tuple[NDArray[np.float64], NDArray[np.float64]], span: tuple[float, float], *, joined: bool
) -> NDArray[np.float64]:
    """The values in the span; of a line also where it enters and leaves it."""
    x, y = curve
    inside = y[(x >= span[0]) & (x <= span[1])]
    if joined and len(x):
        edges = [edge for edge in span if x[0] <= edge <= x[-1]]
        inside = np.concatenate([inside, np.interp(edges, x, y)])
    return inside


def _heights(seen: NDArray[np.float64], log: bool) -> tuple[float, float]:
    low, high = float(seen.min()), float(seen.max())
    pad = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    bottom = low - pad
    return (max(bottom, 0.0) if low >= 0 and not log else bottom), high + pad


# Drawing


def _draw_epochs(canvas: _Canvas, epochs: Sequence[tuple[float, int]]) -> dict[int, str]:
    """Dotted lines with `e3` where epochs ended, not all where they are close; returns the ticks on the axis."""
    ticks: dict[int, str] = {}
    free = 0
    for x, epoch in epochs:
        column = canvas.column(x)
        if column is None or column < free:
            continue
        free = column + _EPOCH_ROOM
        ticks[column] = canvas.glyphs.axis_tick
        for row in range(canvas.rows):
            if row % 2:
                canvas.put(column, row, canvas.glyphs.idle, DIM)
        label = f"e{epoch}"
        canvas.write(max(0, column - len(label)), 0, label, DIM)
    return ticks


def _draw_markers(canvas: _Canvas, markers: Sequence[tuple[float, str]]) -> None:
    for index, (x, _) in enumerate(markers):
        column = canvas.column(x)
        if column is not None:
            for row in range(canvas.rows):
                canvas.put(column, row, canvas.glyphs.marker, MARK)
            canvas.put(column, 0, marker_letter(index), f"bold {MARK}")


def _draw_line(canvas: _Canvas, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    low, high = canvas.heights
    start, end = canvas.span
    across, down = (2, 4) if canvas.glyphs.braille else (1, 1)
    dots = _raster((x - start) / (end - start), (y - low) / (high - low), canvas.columns * across, canvas.rows * down)
    if not canvas.glyphs.braille:
        for row, column in np.argwhere(dots):
            canvas.put(column, row, "*", TRAIN)
        return
    blocks = dots.reshape(canvas.rows, 4, canvas.columns, 2)
    codes = (blocks * _DOTS[None, :, None, :]).sum(axis=(1, 3))
    for row, column in np.argwhere(codes):
        canvas.put(column, row, chr(0x2800 + codes[row, column]), TRAIN)


def _raster(x: NDArray[np.float64], y: NDArray[np.float64], columns: int, rows: int) -> NDArray[np.bool_]:
    """Dots of a polyline, of which x and y in 0..1 are seen: for every dot column the span the line covers there."""
    dots = np.zeros((rows, columns), bool)
    if not len(x) or x[0] > 1 or x[-1] < 0:
        return dots
    edges = np.arange(columns + 1) / columns
    at_edges = np.interp(edges, x, y)
    top, bottom = np.maximum(at_edges[:-1], at_edges[1:]), np.minimum(at_edges[:-1], at_edges[1:])
    inside = (x >= 0) & (x <= 1)
    column = np.minimum((x[inside] * columns).astype(int), columns - 1)
    np.maximum.at(top, column, y[inside])
    np.minimum.at(bottom, column, y[inside])
    high = np.clip(rows - 1 - (top * rows).astype(int), 0, rows - 1)
    low = np.clip(rows - 1 - (bottom * rows).astype(int), 0, rows - 1)
    first, last = (min(max(int(end * columns), 0), columns - 1) for end in (x[0], x[-1]))
    for index in range(first, last + 1):
        dots[high[index] : low[index] + 1, index] = True
    return dots


def _assembled(canvas: _Canvas, ticks: dict[int, str], log: bool) -> Text:
    low, high = canvas.heights
    labels = [""] * canvas.rows
    for tick in nice_ticks(low, high, max(2, canvas.rows // 3)):
        labels[canvas.row(tick)] = f"{10**tick:.3g}" if log else f"{tick:.3g}"
    text = Text(no_wrap=True)
    for label, cells, styles in zip(labels, canvas.cells, canvas.styles, strict=True):
        text.append(label[: GUTTER - 1].rjust(GUTTER - 1) + canvas.glyphs.axis_up, style=DIM)
        at = 0
        for style, run in groupby(styles):  # one span for each run of a style, not for each character
            length = len(list(run))
            text.append("".join(cells[at : at + length]), style=style)
            at += length
        text.append("\n")
    text.append(_x_axis(canvas, ticks), style=DIM)
    return text


def _x_axis(canvas: _Canvas, ticks: dict[int, str]) -> str:
    columns = canvas.columns
    axis = [canvas.glyphs.axis_line] * columns
    for column, glyph in ticks.items():
        axis[column] = glyph
    for tick in nice_ticks(*canvas.span, max(1, columns // 14)):
        label, place = number(tick) if tick else "0", canvas.column(tick)
        if place is not None and place + len(label) <= columns - 10:
            axis[place : place + len(label)] = label
    if columns >= 10:
        axis[-10:] = " instances"
    return " " * (GUTTER - 1) + canvas.glyphs.axis_corner + "".join(axis)
