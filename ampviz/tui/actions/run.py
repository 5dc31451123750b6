"""Actions on the run: pause, step, leave."""

from __future__ import annotations

from ampviz.telemetry.link import Pause, Resume, Step, StepGoal, Stop, StopHow
from ampviz.telemetry.snapshot import Status
from ampviz.tui.actions.base import SessionApp
from ampviz.tui.dialogs import StopDialog


class RunActions(SessionApp):
    leave_when_ended = False

    def action_toggle_pause(self) -> None:
        snapshot = self.view.snapshot
        paused = snapshot is not None and snapshot.status is Status.PAUSED
        self.send(lambda number: Resume(number) if paused else Pause(number))

    def action_step(self, goal: str) -> None:
        self.send(lambda number: Step(number, StepGoal(goal)))

    def action_step_node(self) -> None:
        node = self.selected_node()
        if node:
            self.send(lambda number: Step(number, node=node))

    def action_leave(self) -> None:
        """Ask how to stop a run; leave at once where there is none any more."""
        if self.view.lost:
            self.exit(self.view.finished)
        elif not isinstance(self.screen, StopDialog):
            self.push_screen(StopDialog(), self._stop)

    def _stop(self, how: str | None) -> None:
        if how:
            self.send(lambda number: Stop(number, StopHow(how)))
            self.leave_when_ended = True
