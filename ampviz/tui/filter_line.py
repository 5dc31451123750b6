"""The line that takes words to filter the rows of a pane by."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import Input

from ampviz.tui.rows import RowPane


class FilterLine(Input):
    """Is below the panes while open; the pane follows every letter. Enter keeps the filter, escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "drop", "drop the filter")]

    def __init__(self) -> None:
        super().__init__(id="filter", placeholder="words that a row must have", select_on_focus=False, compact=True)
        self._pane: RowPane | None = None
        self.display = False

    def open(self, pane: RowPane) -> None:
        """Take words for this pane."""
        self._pane = pane
        self.value = pane.words
        self.cursor_position = len(self.value)
        self.display = True
        self.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._set(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close()

    def action_drop(self) -> None:
        self._set("")
        self._close()

    def on_blur(self) -> None:
        self.display = False

    def _set(self, words: str) -> None:
        pane = self._pane
        if pane is not None:
            pane.words = words
            if pane.view is not None:
                pane.show(pane.view, pane.glyphs)

    def _close(self) -> None:
        if self._pane is not None:
            self._pane.focus()
