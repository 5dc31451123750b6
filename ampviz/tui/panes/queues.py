"""The queues: what waits where, and how the nodes spend their time."""

from __future__ import annotations

from rich.text import Text

from ampviz.tui.draw import queue_table
from ampviz.tui.pane import Pane
from ampviz.tui.view import View


class QueuePane(Pane):
    """Queue depth with its history, busy and waiting shares, updates and staleness of every node."""

    cursor = 0

    def subtitle(self, view: View) -> str:
        if view.snapshot is not None and view.snapshot.next:  # paused: what each worker is about to do
            return "next  " + "  ".join(f"w{index} {token or '-'}" for index, token in enumerate(view.snapshot.next))
        return f"sort {view.sort}{' inverted' if view.inverted else ''}"

    def draw(self, view: View, width: int, height: int) -> Text:
        rows = view.nodes()
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        return queue_table(rows, width, height, self.cursor, self.glyphs)
