"""A step under way: messages one at a time, until its goal is met."""

from __future__ import annotations

from collections.abc import Container

from ampviz.runtime.commands import StepOne
from ampviz.runtime.plan import ANY
from ampviz.telemetry.link import StepGoal


class Stepping:
    """Steps towards `goal`, one message a command. `key` is the instance whose end may be the goal.

    A worker, or a worker and a node of it, may be named for a single message.
    """

    def __init__(self, goal: StepGoal, worker: int, node: int, key: int):
        self._goal, self._worker, self._node, self._key = goal, worker, node, key

    def command(self) -> tuple[int, StepOne]:
        """The next message, for the worker it goes to."""
        return self._worker, StepOne(self._node, stop=self._goal is not StepGoal.MESSAGE)

    def reached(self, token: str, updated: bool, in_flight: Container[int]) -> bool:
        """Whether the goal is met by the message that was processed ("" if none was), or whether it was the only one
        that was asked for."""
        if (self._worker, self._node) != (ANY, -1):
            return True
        match self._goal:
            case StepGoal.MESSAGE:
                return bool(token)
            case StepGoal.UPDATE:
                return updated
            case _:
                return self._key not in in_flight
