"""The queues: what waits where, and how the nodes spend their time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ampviz.tui.draw import queue_table
from ampviz.tui.rows import RowPane
from ampviz.tui.view import View


class QueuePane(RowPane):
    """Queue depth with its history, busy and waiting shares, updates and staleness of every node."""

    def row_keys(self, view: View) -> Sequence[str]:
        return [row.name for row in view.nodes()]

    def subtitle(self, view: View) -> str:
        if view.snapshot is not None and view.snapshot.next:  # paused: what each worker is about to do
            return "next  " + "  ".join(f"w{index} {token or '-'}" for index, token in enumerate(view.snapshot.next))
        return f"sort {view.sort}{' inverted' if view.inverted else ''}"

    def draw(self, view: View, width: int, height: int) -> Text:
        return queue_table(view.nodes(), width, height, self.cursor, self.glyphs, self.first)
