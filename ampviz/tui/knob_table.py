"""The knobs as cells, in flowing text where there is little room, else one a line with range and help. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from ampviz.knobs import KNOBS, Value
from ampviz.tui.glyphs import DIM, MARK, Glyphs


@dataclass(frozen=True, slots=True)
class Cell:
    """One value: of a knob, or of a node that has its own."""

    name: str  # "learning_rate" or "embed.learning_rate"
    value: Value

    @property
    def node(self) -> str:
        """Whose value it is, "" for all nodes'."""
        return self.name.rpartition(".")[0]

    @property
    def label(self) -> str:
        """The name where it stands behind its knob."""
        return self.node or self.name

    @property
    def shown(self) -> str:
        if isinstance(self.value, bool):
            return "on" if self.value else "off"
        return f"{self.value:g}" if isinstance(self.value, float) else str(self.value)


def cells(knobs: Mapping[str, Value]) -> list[Cell]:
    """The values in the order of the knobs, each followed by those of single nodes."""
    order = {name: index for index, name in enumerate(KNOBS)}

    def place(cell: Cell) -> tuple[int, str]:
        return order.get(cell.name.rpartition(".")[2], len(order)), cell.node

    return sorted((Cell(name, value) for name, value in knobs.items()), key=place)


def places(shown: Sequence[Cell], width: int) -> list[tuple[int, int]]:
    """Row and column of each cell in flowing text; the values of nodes stay with their knob where they fit."""
    found, row, column = [], 0, 0
    for cell in shown:
        length = _length(cell)
        if column and column + length > width:
            row, column = row + 1, 0
        found.append((row, column))
        column += length
    return found


def cell_at(shown: Sequence[Cell], width: int, row: int, column: int) -> int | None:
    """The cell at a place of the flowing text."""
    for index, (cell, place) in enumerate(zip(shown, places(shown, width), strict=True)):
        if place[0] == row and place[1] <= column < place[1] + _length(cell):
            return index
    return None


def flow(shown: Sequence[Cell], width: int, cursor: int, glyphs: Glyphs) -> Text:
    """All cells in as few lines as they need; `cursor` is one of them, or -1 for none."""
    text, row = Text(no_wrap=True), 0
    for index, (cell, place) in enumerate(zip(shown, places(shown, width), strict=True)):
        if place[0] != row:
            text.append("\n")
            row = place[0]
        text.append(glyphs.cursor if index == cursor else " ", style="bold")
        text.append(f"{cell.label} ", style=MARK if cell.node else "")
        text.append(f"[ {cell.shown} ]", style="bold reverse" if index == cursor else "bold")
        text.append(" ")
    return text


def table(shown: Sequence[Cell], width: int, cursor: int, glyphs: Glyphs) -> Text:
    """One line a cell, with what it may be and what it is."""
    names = max([len(_indented(cell)) for cell in shown], default=4)
    values = max([len(cell.shown) for cell in shown], default=5)
    lines = []
    for index, cell in enumerate(shown):
        line = Text(glyphs.cursor if index == cursor else " ", style="bold", no_wrap=True)
        line.append(_indented(cell).ljust(names + 1), style=MARK if cell.node else "")
        line.append(f"[ {cell.shown.rjust(values)} ]", style="bold reverse" if index == cursor else "bold")
        knob = KNOBS.get(cell.name.rpartition(".")[2])
        if knob is not None and not cell.node:
            line.append(f" {knob.expected()}", style=DIM)
            line.append(f": {knob.help}")
        line.truncate(width, overflow="ellipsis" if glyphs.braille else "crop")
        lines.append(line)
    return Text("\n").join(lines)


def _indented(cell: Cell) -> str:
    return f"  {cell.node}" if cell.node else cell.name


def _length(cell: Cell) -> int:
    return len(cell.label) + len(cell.shown) + 7
