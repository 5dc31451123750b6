"""The instances in flight."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ampviz.tui.draw import in_flight_table
from ampviz.tui.rows import RowPane
from ampviz.tui.view import View


class FlightPane(RowPane):
    """The instances in flight, oldest first."""

    def row_keys(self, view: View) -> Sequence[int]:
        return [entry.key for entry in view.snapshot.in_flight] if view.snapshot is not None else ()

    def draw(self, view: View, width: int, height: int) -> Text:
        assert view.snapshot is not None
        cursor = self.cursor
        return in_flight_table(view.snapshot, width, height, self.glyphs, self.first, cursor if self.has_focus else -1)
