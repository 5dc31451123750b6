"""Actions that look inside: the node pane's questions, and the inspection of a node or an instance."""

from __future__ import annotations

from collections.abc import Callable

from textual import work

from ampviz.errors import LinkError
from ampviz.telemetry.inspection import NodeDetail
from ampviz.telemetry.link import Drop, Inspect, InspectNode, Reply
from ampviz.tui.actions.base import SessionApp
from ampviz.tui.inspect_dialog import InspectDialog
from ampviz.tui.panes.flight import FlightPane
from ampviz.tui.panes.node import NodePane
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.rows import RowPane


class InspectActions(SessionApp):
    def action_inspect(self) -> None:
        """The instance under the cursor where the instances in flight have the focus, else the selected node."""
        pane = self.focused
        if isinstance(pane, FlightPane):
            key = pane.key_at_cursor()
            if key is not None:
                self._open(key)
        else:
            node = self.selected_node()
            if node:
                self._open(node)

    def on_row_pane_opened(self, message: RowPane.Opened) -> None:
        if isinstance(self.focused, FlightPane | QueuePane):
            self.action_inspect()

    @work(exclusive=True, group="node pane")
    async def on_node_pane_wanted(self, message: NodePane.Wanted) -> None:
        reply = await self._look(lambda number: InspectNode(number, message.node))
        detail = reply.detail if isinstance(reply.detail, NodeDetail) else None
        self.query_one(NodePane).take(message.node, detail)

    def _open(self, subject: str | int) -> None:
        self.push_screen(InspectDialog(subject, self._look, self._drop, self.view, self.glyphs))

    async def _look(self, make: Callable[[int], Inspect]) -> Reply:
        try:
            return await self.feed.request(make)
        except LinkError as error:
            return Reply(0, str(error))

    async def _drop(self, key: int) -> str:
        return await self.ask(lambda number: Drop(number, key))
