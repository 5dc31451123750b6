"""The queues: what waits where, and how the nodes spend their time."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ampviz.telemetry.snapshot import place
from ampviz.tui.draw import queue_table
from ampviz.tui.recent import NodeView
from ampviz.tui.rows import RowPane
from ampviz.tui.view import View


class QueuePane(RowPane):
    """Queue depth with its history, busy and waiting shares, updates and staleness of every node."""

    filtered = True

    def rows(self, view: View) -> list[NodeView]:
        """The nodes that the filter lets through; a layer with its copies."""
        rows = view.nodes()
        if not self.words:
            return rows
        return [row for row in rows if self.lets_through(f"{row.name} {row.kind} {place(row.worker)}")]

    def row_keys(self, view: View) -> Sequence[str]:
        return [row.name for row in self.rows(view)]

    def subtitle(self, view: View) -> str:
        if view.snapshot is not None and view.snapshot.next:  # paused: what each worker is about to do
            return "next  " + "  ".join(f"w{index} {token or '-'}" for index, token in enumerate(view.snapshot.next))
        found = f"{len(self.rows(view))} with /{self.words}  " if self.words else ""
        return f"{found}sort {view.sort}{' inverted' if view.inverted else ''}"

    def draw(self, view: View, width: int, height: int) -> Text:
        return queue_table(self.rows(view), width, height, self.cursor, self.glyphs, self.first, view.marks())
