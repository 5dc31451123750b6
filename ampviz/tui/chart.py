"""The line chart: numpy draws the curve as braille dots, two by four a character. A pure function of its data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ampviz.tui.glyphs import DIM, MARK, TRAIN, VALID, Glyphs, number

Curve = tuple[Sequence[float], Sequence[float]]
_GUTTER = 7  # characters left of the axis, for labels
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


def draw_chart(
    train: Curve,
    valid: Curve,
    markers: Sequence[tuple[float, str]],
    width: int,
    height: int,
    glyphs: Glyphs,
    *,
    log: bool = False,
) -> Text:
    """A chart of `width` x `height` characters: training curve, validation points, markers, both axes.

    x runs from 0 to the last instance; y fits the data. Points that are not finite, or not positive on a log axis, are
    left out.
    """
    columns, rows = width - _GUTTER - 1, height - 1
    if columns < 8 or rows < 3:
        return Text("too small"[: max(0, width)], style=DIM)
    train_x, train_y = _usable(train, log)
    valid_x, valid_y = _usable(valid, log)
    both = np.concatenate([train_y, valid_y])
    if not len(both):
        return _empty(columns, rows, glyphs)
    low, high = float(both.min()), float(both.max())
    pad = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    low, high = low - pad, high + pad
    if not log and both.min() >= 0:
        low = max(low, 0.0)
    last = max(1.0, float(np.concatenate([train_x, valid_x, [x for x, _ in markers]]).max()))
    cells, colours = _blank(columns, rows)
    _put_markers(cells, colours, markers, last, glyphs)
    _put_curve(cells, colours, train_x / last, (train_y - low) / (high - low), glyphs)
    for x, y in zip(valid_x / last, (valid_y - low) / (high - low), strict=True):
        _put(
            cells,
            colours,
            min(columns - 1, int(x * columns)),
            rows - 1 - int(min(y, 0.999) * rows),
            glyphs.point,
            VALID,
        )
    return _assemble(cells, colours, low, high, last, glyphs, log)


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` round values (1, 2 or 5 times a power of ten) from low to high."""
    if high <= low or most < 1:
        return [low]
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first = math.ceil(low / step)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _usable(curve: Curve, log: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(curve[0], float), np.asarray(curve[1], float)
    keep = np.isfinite(y) & ((y > 0) if log else True)
    return x[keep], np.log10(y[keep]) if log else y[keep]


def _blank(columns: int, rows: int) -> tuple[list[list[str]], list[list[str]]]:
    return [[" "] * columns for _ in range(rows)], [[""] * columns for _ in range(rows)]


def _put(cells: list[list[str]], colours: list[list[str]], column: int, row: int, glyph: str, colour: str) -> None:
    cells[row][column], colours[row][column] = glyph, colour


def _put_markers(
    cells: list[list[str]], colours: list[list[str]], markers: Sequence[tuple[float, str]], last: float, glyphs: Glyphs
) -> None:
    columns = len(cells[0])
    for index, (x, _) in enumerate(markers):
        column = min(columns - 1, int(x / last * columns))
        for row in range(len(cells)):
            _put(cells, colours, column, row, glyphs.marker, MARK)
        _put(cells, colours, column, 0, marker_letter(index), f"bold {MARK}")


def marker_letter(index: int) -> str:
    """The letter of a marker: A, B, ... Z, A, ..."""
    return chr(ord("A") + index % 26)


def _put_curve(
    cells: list[list[str]],
    colours: list[list[str]],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    glyphs: Glyphs,
) -> None:
    rows, columns = len(cells), len(cells[0])
    across, down = (2, 4) if glyphs.braille else (1, 1)
    dots = _raster(x, y, columns * across, rows * down)
    if not glyphs.braille:
        for row, column in np.argwhere(dots):
            _put(cells, colours, column, row, "*", TRAIN)
        return
    blocks = dots.reshape(rows, 4, columns, 2)
    codes = (blocks * _DOTS[None, :, None, :]).sum(axis=(1, 3))
    for row, column in np.argwhere(codes):
        _put(cells, colours, column, row, chr(0x2800 + codes[row, column]), TRAIN)


def _raster(x: NDArray[np.float64], y: NDArray[np.float64], columns: int, rows: int) -> NDArray[np.bool_]:
    """Dots of a polyline through points in 0..1: for every dot column the span the line covers there."""
    dots = np.zeros((rows, columns), bool)
    if not len(x):
        return dots
    edges = np.arange(columns + 1) / columns
    at_edges = np.interp(edges, x, y)
    top, bottom = np.maximum(at_edges[:-1], at_edges[1:]), np.minimum(at_edges[:-1], at_edges[1:])
    column = np.minimum((x * columns).astype(int), columns - 1)
    np.maximum.at(top, column, y)
    np.minimum.at(bottom, column, y)
    high = np.clip(rows - 1 - (top * rows).astype(int), 0, rows - 1)
    low = np.clip(rows - 1 - (bottom * rows).astype(int), 0, rows - 1)
    for index in range(column[0], column[-1] + 1):
        dots[high[index] : low[index] + 1, index] = True
    return dots


def _assemble(
    cells: list[list[str]], colours: list[list[str]], low: float, high: float, last: float, glyphs: Glyphs, log: bool
) -> Text:
    rows, columns = len(cells), len(cells[0])
    labels = [""] * rows
    for tick in nice_ticks(low, high, max(2, rows // 3)):
        row = rows - 1 - int(min((tick - low) / (high - low), 0.999) * rows)
        labels[row] = f"{10**tick:.3g}" if log else f"{tick:.3g}"
    text = Text(no_wrap=True)
    for row in range(rows):
        text.append(labels[row][:_GUTTER].rjust(_GUTTER) + glyphs.axis_up, style=DIM)
        for glyph, colour in zip(cells[row], colours[row], strict=True):
            text.append(glyph, style=colour)
        text.append("\n")
    text.append(_x_axis(columns, last, glyphs), style=DIM)
    return text


def _x_axis(columns: int, last: float, glyphs: Glyphs) -> str:
    axis = [glyphs.axis_line] * columns
    for tick in nice_ticks(0, last, max(1, columns // 14)):
        label = number(tick) if tick else "0"
        column = int(tick / last * columns)
        if column + len(label) <= columns - 10:
            axis[column : column + len(label)] = label
    if columns >= 10:
        axis[-10:] = " instances"
    return " " * _GUTTER + glyphs.axis_corner + "".join(axis)


def _empty(columns: int, rows: int, glyphs: Glyphs) -> Text:
    cells, colours = _blank(columns, rows)
    words = "no loss yet"
    start = (columns - len(words)) // 2
    for offset, character in enumerate(words):
        if 0 <= start + offset < columns:
            _put(cells, colours, start + offset, rows // 2, character, DIM)
    return _assemble(cells, colours, 0.0, 1.0, 1.0, glyphs, False)
