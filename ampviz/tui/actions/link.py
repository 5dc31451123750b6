"""Actions on the link to the session: take control, detach, leave."""

from __future__ import annotations

from ampviz.telemetry.link import Stop, StopHow, TakeControl
from ampviz.tui.actions.base import SessionApp
from ampviz.tui.dialogs import StopDialog


class LinkActions(SessionApp):
    detached = False  # left, and the session goes on
    leave_when_ended = False

    def action_take_control(self) -> None:
        if self.view.read_only:
            self.run_worker(self._take_control())
        else:
            self.say("this viewer has control")

    async def _take_control(self) -> None:
        if not await self.ask(TakeControl):
            self.view.read_only = False
            self.say("this viewer has control now")

    def action_detach(self) -> None:
        """Leave a session that goes on."""
        self.detached = self.view.finished is None
        self.exit(self.view.finished)

    def action_leave(self) -> None:
        """Ask how to stop a run; leave at once where there is none any more, or none to be stopped from here."""
        if self.view.lost:
            self.exit(self.view.finished)
        elif self.view.read_only:
            self.action_detach()
        elif not isinstance(self.screen, StopDialog):
            self.push_screen(StopDialog(), self._stop)

    def _stop(self, how: str | None) -> None:
        if how == "detach":
            self.action_detach()
        elif how:
            self.send(lambda number: Stop(number, StopHow(how)))
            self.leave_when_ended = True
