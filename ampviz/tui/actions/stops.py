"""Actions on what stops the run: breakpoints, watches, held nodes."""

from __future__ import annotations

from ampviz.errors import UsageError
from ampviz.telemetry.link import Hold, RemoveBreakpoint, SetBreakpoint
from ampviz.tui.actions.base import SessionApp
from ampviz.tui.dialogs import BreakpointDialog
from ampviz.tui.stops import asked


class StopActions(SessionApp):
    def action_toggle_breakpoint(self) -> None:
        node, snapshot = self.selected_node(), self.view.snapshot
        if not node or snapshot is None:
            return
        text = f"{node}.F"
        there = next((entry for entry in snapshot.breakpoints if entry.text == text and not entry.watch), None)
        if there is None:
            self.send(lambda number: SetBreakpoint(number, text))
        else:
            self.send(lambda number: RemoveBreakpoint(number, there.number))

    def action_edit_breakpoint(self) -> None:
        if self.view.snapshot is not None:
            node = self.selected_node()
            self.push_screen(BreakpointDialog(self._set_breakpoint, f"{node}.B if " if node else ""))

    async def _set_breakpoint(self, text: str) -> str:
        try:
            return await self.ask(asked(text, self.view.snapshot.breakpoints if self.view.snapshot else ()))
        except UsageError as error:
            return str(error)

    def action_hold(self) -> None:
        node, snapshot = self.selected_node(), self.view.snapshot
        if node and snapshot is not None:
            held = node not in snapshot.held
            self.send(lambda number: Hold(number, node, held))
