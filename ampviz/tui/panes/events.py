"""The events."""

from __future__ import annotations

from rich.text import Text

from ampviz.tui.draw import event_lines
from ampviz.tui.pane import Pane
from ampviz.tui.view import View


class EventPane(Pane):
    """What happened, newest first."""

    def draw(self, view: View, width: int, height: int) -> Text:
        return event_lines(view.past.events, width, height, self.glyphs)
