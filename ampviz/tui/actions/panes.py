"""Actions on the panes: which are shown."""

from __future__ import annotations

from ampviz.tui.actions.base import SessionApp
from ampviz.tui.layout import WIDE, Layout, arrange
from ampviz.tui.pane import Pane
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.places import PANES


class PaneActions(SessionApp):
    def __init__(self) -> None:
        super().__init__()
        self._alone = ""  # the one pane shown, "" for all that fit
        self._asked: dict[str, bool] = {}  # panes that were shown or hidden by hand

    def lay_out(self) -> None:
        """Put the panes where they belong, and draw."""
        raise NotImplementedError

    @property
    def layout_now(self) -> Layout:
        return arrange(PANES, self.size, self._alone, self._asked)

    def action_pane(self, name: str) -> None:
        """Wide: show or hide the pane. Narrow: show it alone, or everything again."""
        if self.size.width < WIDE:
            self._alone = "" if self._alone == name else name
        else:
            before, self._alone = self.layout_now, ""
            self._asked[name] = name not in before.shown
        self.lay_out()
        pane = self.query_one(f"#{name}", Pane)
        if pane.keys:  # shown to be used
            (pane if pane.display else self.query_one(QueuePane)).focus()

    def action_maximise(self) -> None:
        focused = self.focused
        self._alone = "" if self._alone or not isinstance(focused, Pane) else str(focused.id)
        self.lay_out()

    def action_overview(self) -> None:
        self._alone, self.view.message = "", ""
        self._asked.clear()
        self.lay_out()
