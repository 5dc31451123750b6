"""The breakpoints, watches and held nodes."""

from __future__ import annotations

from rich.text import Text

from ampviz.tui.pane import Pane
from ampviz.tui.stops import stop_lines
from ampviz.tui.view import View


class StopPane(Pane):
    """Breakpoints and watches, held nodes, and what stopped the run."""

    def subtitle(self, view: View) -> str:
        return "b B set  H hold"

    def draw(self, view: View, width: int, height: int) -> Text:
        shown = view.snapshot
        assert shown is not None
        room = max(height, len(shown.breakpoints) + 2)  # a pane as high as its text grows with it
        return stop_lines(shown.breakpoints, shown.held, shown.stopped_by, width, room, self.glyphs)
