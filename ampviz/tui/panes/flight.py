"""The instances in flight."""

from __future__ import annotations

from rich.text import Text

from ampviz.tui.draw import in_flight_table
from ampviz.tui.pane import Pane
from ampviz.tui.view import View


class FlightPane(Pane):
    """The instances in flight, oldest first."""

    def draw(self, view: View, width: int, height: int) -> Text:
        assert view.snapshot is not None
        return in_flight_table(view.snapshot, width, height, self.glyphs)
