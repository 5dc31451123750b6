"""The line chart: numpy draws the curve as braille dots, two by four a character. A pure function of its data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ampviz.tui.canvas import Canvas
from ampviz.tui.glyphs import DIM, MARK, TRAIN, VALID, Glyphs, drawable, number

Curve = tuple[Sequence[float], Sequence[float]]
GUTTER = 8  # characters left of the plot: labels, and the axis
_EPOCH_ROOM = 6  # columns between two epochs that are marked


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


def draw_chart(plot: Plot, width: int, height: int, glyphs: Glyphs) -> Text:
    """A chart of `width` x `height` characters: curve, points, markers of changes and epochs, both axes.

    y fits what is in the span. Points that are not finite, or not positive on a log axis, are left out.
    """
    columns, rows = width - GUTTER, height - 1
    if columns < 8 or rows < 3:
        return Text("too small"[: max(0, width)], style=DIM)
    line, points = _usable(plot.line, plot.log), _usable(plot.points, plot.log)
    canvas = Canvas(columns, rows, plot.span or (0.0, plot.last), glyphs)
    seen = np.concatenate([_seen(line, canvas.span, joined=True), _seen(points, canvas.span, joined=False)])
    ticks = _draw_epochs(canvas, plot.epochs)
    _draw_markers(canvas, plot.markers)
    if len(seen):
        canvas.heights = _heights(seen, plot.log)
        canvas.polyline(*line, TRAIN)
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


def _draw_epochs(canvas: Canvas, epochs: Sequence[tuple[float, int]]) -> dict[int, str]:
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


def _draw_markers(canvas: Canvas, markers: Sequence[tuple[float, str]]) -> None:
    for index, (x, _) in enumerate(markers):
        column = canvas.column(x)
        if column is not None:
            for row in range(canvas.rows):
                canvas.put(column, row, canvas.glyphs.marker, MARK)
            canvas.put(column, 0, marker_letter(index), f"bold {MARK}")


def _assembled(canvas: Canvas, ticks: dict[int, str], log: bool) -> Text:
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


def _x_axis(canvas: Canvas, ticks: dict[int, str]) -> str:
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
