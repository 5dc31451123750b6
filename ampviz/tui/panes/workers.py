"""The worker processes."""

from __future__ import annotations

from rich.text import Text

from ampviz.tui.draw import worker_table
from ampviz.tui.glyphs import DIM
from ampviz.tui.pane import Pane
from ampviz.tui.view import View


class WorkerPane(Pane):
    """What each worker process does; while paused, what it is about to process."""

    def draw(self, view: View, width: int, height: int) -> Text:
        assert view.snapshot is not None
        text = worker_table(view, width, self.glyphs)
        for index, token in enumerate(view.snapshot.next):
            text.append(f"\nw{index} next  {token or 'nothing waits'}", style="bold" if token else DIM)
        if view.snapshot.stepped:
            text.append(f"\nlast step {view.snapshot.stepped}")
        return text
