"""A grid of characters on which numbers have places, and lines are drawn in braille dots, two by four a character."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ampviz.tui.glyphs import Glyphs

_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])


@dataclass(slots=True)
class Canvas:
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

    def polyline(self, x: NDArray[np.float64], y: NDArray[np.float64], style: str) -> None:
        """A line in the finest dots that the character set has: two by four of braille a character, or one."""
        low, high = self.heights
        start, end = self.span
        across, down = (2, 4) if self.glyphs.braille else (1, 1)
        dots = _raster((x - start) / (end - start), (y - low) / (high - low), self.columns * across, self.rows * down)
        if not self.glyphs.braille:
            for row, column in np.argwhere(dots):
                self.put(column, row, "*", style)
            return
        blocks = dots.reshape(self.rows, 4, self.columns, 2)
        codes = (blocks * _DOTS[None, :, None, :]).sum(axis=(1, 3))
        for row, column in np.argwhere(codes):
            self.put(column, row, chr(0x2800 + codes[row, column]), style)


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
