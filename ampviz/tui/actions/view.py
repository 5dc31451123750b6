"""Actions on what is shown of the session, which goes on regardless."""

from __future__ import annotations

from textual.command import CommandPalette
from textual.screen import ModalScreen

from ampviz.tui.actions.base import SessionApp
from ampviz.tui.dialogs import HelpDialog
from ampviz.tui.filter_line import FilterLine
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
        focused = self.focused
        (focused if isinstance(focused, RowPane) else self.query_one(QueuePane)).move(by)
        self.draw()

    def action_filter(self) -> None:
        """Ask for words, and show only rows that have them."""
        focused = self.focused
        if not isinstance(focused, RowPane) or not focused.filtered:
            focused = self.query_one(QueuePane)
        self.query_one(FilterLine).open(focused)

    def action_log_scale(self) -> None:
        self.view.log_scale = not self.view.log_scale
        self.draw()

    def action_smooth(self) -> None:
        self.view.smoothing = _SMOOTHINGS[(_SMOOTHINGS.index(self.view.smoothing) + 1) % len(_SMOOTHINGS)]
        self.draw()

    def action_hush(self) -> None:
        self.say("")

    def action_command_palette(self) -> None:
        if not isinstance(self.screen, ModalScreen):
            self.push_screen(CommandPalette(placeholder="find an action or a theme", id="--command-palette"))

    def action_next_curve(self) -> None:
        subjects = self.view.subjects()
        known = self.view.subject in subjects
        self.view.subject = subjects[(subjects.index(self.view.subject) + 1) % len(subjects)] if known else subjects[0]
        self.draw()

    def action_help(self) -> None:
        self.push_screen(HelpDialog())
