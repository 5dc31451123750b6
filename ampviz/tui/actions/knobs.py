"""Actions on the knobs: set, count up and down, undo."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from ampviz.knobs import find_knob
from ampviz.telemetry.link import SetKnob, UndoKnob
from ampviz.tui.actions.base import SessionApp
from ampviz.tui.dialogs import KnobDialog
from ampviz.tui.panes.knobs import KnobPane


class KnobActions(SessionApp):
    def __init__(self) -> None:
        super().__init__()
        self._requested: dict[str, Any] = {}  # knobs asked for that no snapshot shows yet
        self._unanswered = 0

    def settle_knobs(self) -> None:
        """A snapshot has come; without an open reply it shows all that was asked for, since replies come first."""
        if not self._unanswered:
            self._requested.clear()

    def action_change_keys(self, change: str) -> None:
        current = self._knob("max_active_keys")
        if current is None:
            return
        now = int(current)
        value = {"-1": now - 1, "+1": now + 1, "/2": now // 2, "*2": now * 2}[change]
        if value >= 1:
            self.run_worker(self._set_knob("max_active_keys", value))

    def action_edit_knob(self) -> None:
        if self.view.snapshot is not None:
            pane = self.query_one(KnobPane)
            self._edit(pane.selected if pane.has_focus else "min_update_interval")

    def on_knob_pane_edited(self, event: KnobPane.Edited) -> None:
        self._edit(event.name)

    def on_knob_pane_turned(self, event: KnobPane.Turned) -> None:
        knob, current = find_knob(event.name.rpartition(".")[2]), self._knob(event.name)
        before = knob.parse(current)
        value = knob.stepped(before, event.up)
        if value != before:
            self.run_worker(self._set_knob(event.name, value))

    def _edit(self, name: str) -> None:
        self.push_screen(KnobDialog(self._set_knob, self.view, f"{name} = "))

    def action_undo_knob(self) -> None:
        """Take back the last change of the session; which that is, the session knows."""
        self._requested.clear()
        self.send(UndoKnob)

    def _set_knob(self, name: str, value: Any) -> Coroutine[Any, Any, str]:
        """Note what is asked for at once, so that a quick second key counts from it; await the result to send it."""
        before = self._knob(name)
        self._requested[name] = value
        self._unanswered += 1
        return self._send_knob(name, before, value)

    async def _send_knob(self, name: str, before: Any, value: Any) -> str:
        refused = await self.ask(lambda number: SetKnob(number, name, value))
        self._unanswered -= 1
        if refused and self._requested.get(name) == value:
            self._requested[name] = before
        return refused

    def _knob(self, name: str) -> Any:
        """The value in force as far as known: what was asked for last, else what the session shows."""
        known = (self.view.snapshot.knobs if self.view.snapshot else {}) | self._requested
        return known.get(name, known.get(name.rpartition(".")[2]))
