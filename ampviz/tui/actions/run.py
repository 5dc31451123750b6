"""Actions on the run: pause, step."""

from __future__ import annotations

from ampviz.telemetry.link import Pause, Resume, Step, StepGoal
from ampviz.telemetry.snapshot import Status
from ampviz.tui.actions.base import SessionApp


class RunActions(SessionApp):
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
