"""Which panes are on the screen, and where: a pure function of its size and of what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ampviz.tui.pane import Column, Place

WIDE = 120  # columns from which panes stand side by side
HIGH = 20  # rows from which there is room for more than the queues and the loss
LEAST = (60, 15)  # columns and rows below which nothing useful fits


@dataclass(frozen=True, slots=True)
class Layout:
    """The names of the panes in each column, from above; none where the screen is too small."""

    columns: Mapping[Column, tuple[str, ...]]
    narrow: bool  # one column
    small: bool  # too small for anything
    tabs: bool  # high enough for the line of tabs

    @property
    def shown(self) -> frozenset[str]:
        return frozenset(name for names in self.columns.values() for name in names)


def arrange(places: Sequence[Place], size: tuple[int, int], alone: str, asked: Mapping[str, bool]) -> Layout:
    """Show one pane `alone`, or those `asked` for and those not hidden of which the screen has the least size.

    A narrow screen has no room for what was asked for on a wide one: there a pane is shown alone.
    """
    columns, rows = size
    small, narrow = columns < LEAST[0] or rows < LEAST[1], columns < WIDE

    def is_shown(place: Place) -> bool:
        if small or alone:
            return place.name == alone and not small
        fits = columns >= place.least[0] and rows >= place.least[1]
        return fits if narrow else asked.get(place.name, fits)

    return Layout(
        {
            column: tuple(place.name for place in places if place.column is column and is_shown(place))
            for column in Column
        },
        narrow,
        small,
        rows >= HIGH and not small,
    )
