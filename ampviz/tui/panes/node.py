"""The node under the cursor of the queues, from inside."""

from __future__ import annotations

from rich.text import Text
from textual.message import Message

from ampviz.telemetry.inspection import NodeDetail
from ampviz.tui.details import node_heading, parameter_lines, staleness_lines, update_interval, waiting_lines
from ampviz.tui.glyphs import Glyphs
from ampviz.tui.pane import Pane, Place
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.view import View

_AGAIN_S = 1.0  # between two looks at a node
_LEAST_BARS = 2


class NodePane(Pane):
    """Version, staleness, parameters, gradients, and what waits at the chosen node. While it is shown it asks once a
    second for what only the node's worker knows.
    """

    class Wanted(Message):
        """The pane would like to know more about a node; answer with `take`."""

        def __init__(self, node: str):
            super().__init__()
            self.node = node

    def __init__(self, place: Place):
        super().__init__(place)
        self._node = ""
        self._detail: NodeDetail | None = None
        self._awaited = False
        self._new = False  # nobody was asked about it yet

    def on_mount(self) -> None:
        self.set_interval(_AGAIN_S, self._ask)

    def show(self, view: View, glyphs: Glyphs) -> None:
        chosen = self._chosen(view)
        if chosen != self._node:
            self._node, self._detail, self._awaited, self._new = chosen, None, False, True
        super().show(view, glyphs)
        if self._new:
            self._ask()

    def take(self, node: str, detail: NodeDetail | None) -> None:
        """What the worker says of a node, None if it did not answer."""
        if node == self._node:
            self._detail, self._awaited = detail or self._detail, False
            self.refresh()

    def draw(self, view: View, width: int, height: int) -> Text:
        index = view.names.index(self._node) if self._node in view.names else -1
        if index < 0 or view.snapshot is None:
            return Text(f"{self._node} has several copies: choose one of the rows below it" if self._node else "")
        info, stats, detail = view.info.nodes[index], view.snapshot.nodes[index], self._detail
        parts = [node_heading(info, stats, update_interval(info, view.snapshot.knobs), detail, width)]
        rest = []
        if detail is not None:
            rest = [parameter_lines(detail.parameters, width, self.glyphs), waiting_lines(detail, width, self.glyphs)]
        if info.parameters:
            taken = sum(len(part.plain.split("\n")) for part in (*parts, *rest) if part)
            parts.append(staleness_lines(stats, width, max(_LEAST_BARS, height - taken - 1), self.glyphs))
        return Text("\n", no_wrap=True).join(part for part in (*parts, *rest) if part)

    def _chosen(self, view: View) -> str:
        """The node, or layer of copies, under the cursor."""
        rows = view.nodes()
        cursor = self.app.screen_stack[0].query_one(QueuePane).cursor
        return rows[min(cursor, len(rows) - 1)].name if rows else ""

    def _ask(self) -> None:
        if self.display and self.view is not None and self._node in self.view.names and not self._awaited:
            self._awaited, self._new = True, False
            self.post_message(self.Wanted(self._node))
