"""Actions on what is shown of the session, which goes on regardless."""

from __future__ import annotations

from ampviz.tui.actions.base import SessionApp
from ampviz.tui.dialogs import HelpDialog
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.rows import RowPane
from ampviz.tui.view import SORTS

_SMOOTHINGS = (0.9, 0.98, 0.0, 0.6)


class ViewActions(SessionApp):
    def action_freeze(self) -> None:
        self.view.freeze(not self.view.frozen)
        self.draw()

    def action_sort(self) -> None:
        self.view.sort = SORTS[(SORTS.index(self.view.sort) + 1) % len(SORTS)]
        self.draw()

    def action_invert(self) -> None:
        self.view.inverted = not self.view.inverted
        self.draw()

    def action_cursor(self, by: int) -> None:
        """Move in the focused pane, or among the queues where that one has no rows."""
        pane = self.focused if isinstance(self.focused, RowPane) else self.query_one(QueuePane)
        pane.move(by)

    def action_log_scale(self) -> None:
        self.view.log_scale = not self.view.log_scale
        self.draw()

    def action_smooth(self) -> None:
        self.view.smoothing = _SMOOTHINGS[(_SMOOTHINGS.index(self.view.smoothing) + 1) % len(_SMOOTHINGS)]
        self.draw()

    def action_help(self) -> None:
        self.push_screen(HelpDialog())
