"""The controller: a machine without IO that does what people ask for and walks through epochs.

Its inputs are reports of workers and requests of people; its output is `outbox`, commands for workers. Admission goes
on while paused: it only fills queues, and so a paused and stepped run meets the same order of events as one that was
never paused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ampviz.errors import UsageError
from ampviz.knobs import KnobValues
from ampviz.runtime.commands import (
    CameHome,
    Command,
    Failed,
    Halted,
    LossSeen,
    Passed,
    Report,
    Retune,
    SetPaused,
    Stepped,
)
from ampviz.runtime.phases import Phases
from ampviz.runtime.plan import ALL, ANY, Plan, Progress
from ampviz.runtime.retuning import Retuning, knob_event
from ampviz.runtime.stepping import Stepping
from ampviz.runtime.stopwatch import Stopwatch
from ampviz.telemetry.link import StepGoal
from ampviz.telemetry.snapshot import Change, EpochReport, Event, Status


class Controller:
    """Runs a Plan. After every call the backend must send what is in `outbox` and clear it.

    `clock` gives seconds. `status` says when the session has ended; `error` then holds the text of a failure. `settle`
    is called at the end of each epoch's training, before its validation: nothing is in flight and no worker computes,
    so it may write parameters.
    """

    def __init__(
        self,
        plan: Plan,
        knobs: KnobValues,
        *,
        clock: Callable[[], float],
        progress: Progress | None = None,
        settle: Callable[[], None] = lambda: None,
    ):
        self.plan, self.knobs, self.settle = plan, knobs, settle
        self.time = Stopwatch(clock)
        self._retuning = Retuning(knobs)
        self.progress = progress or Progress()
        self.phases = Phases(plan, self.progress, self.time)
        self.outbox: list[tuple[int, Command]] = []
        self.status = Status.STARTING
        self.error = ""
        self.next_tokens = [""] * plan.workers
        self.stepped = ""
        self.stopped_by = ""  # the breakpoint or watch that paused the session, and what met it
        self._events: list[Event] = []
        self._step: Stepping | None = None  # the one under way
        self._pause_after_epoch = False
        self._pause_first = False

    # Requests

    def start(self) -> None:
        """Begin the first epoch; paused if that was asked for meanwhile, and not at all after a stop."""
        if self.status is Status.STARTING:
            self.status = Status.RUNNING
            if self._pause_first:
                self.pause()
            self._begin_epoch()

    def pause(self) -> None:
        """Let every worker stand still after its current unit of work; before there are workers, once there are."""
        self._pause_first = True
        if self.status is Status.RUNNING:
            self.status = Status.PAUSED
            self.time.pause()
            self.outbox.append((ALL, SetPaused(True)))
            self.note("PAUSE", "paused")

    def resume(self) -> None:
        """Go on after a pause; a step under way ends."""
        self._pause_first = False
        if self.status is Status.PAUSED:
            self._step, self._pause_after_epoch, self.stopped_by = None, False, ""
            self.time.go_on()
            self.status = Status.RUNNING
            self.outbox.append((ALL, SetPaused(False)))
            self.note("RESUME", f"resumed after {self.time.paused:.1f} s of pauses")

    def step(self, goal: StepGoal, worker: int = ANY, node: int = -1) -> None:
        """Process messages one at a time until the goal is met; pauses a running session first.

        A worker, or a worker and a node of it, may be named for a single message. To the end of an epoch it runs at
        full speed, and pauses there.
        """
        self.pause()
        if self.status is not Status.PAUSED or self._step is not None:
            return
        if goal is StepGoal.EPOCH:
            self.resume()
            self._pause_after_epoch = True
            return
        self._step = Stepping(goal, worker, node, next(iter(self.in_flight), 0))
        self.outbox.append(self._step.command())

    def stop_at(self, reason: str) -> None:
        """Pause because a breakpoint or watch was met; ends a step under way."""
        self._step, self._pause_after_epoch = None, False
        self.pause()
        self.stopped_by = reason

    def set_knob(self, name: str, value: object, who: str = "user") -> None:
        """Change a knob now. Raises KnobError and changes nothing if it is unknown or out of range."""
        self._retuned(self._retuning.set(name, value, who))

    def undo_knob(self, who: str = "user") -> None:
        """Take back the last change that was not taken back yet. Raises UsageError if there is none."""
        self._retuned(self._retuning.undo(who), "undone by ")

    def drop(self, key: int) -> None:
        """Forget an instance in flight, everywhere. What it has given already, losses and gradients, stays.

        Raises UsageError if it is not in flight.
        """
        if key not in self.in_flight or self.status.ended:
            raise UsageError(f"key {key} is not in flight")
        age = self.time.now - self.in_flight[key]
        self.outbox += self.phases.drop(key)
        self.note("DROP", f"key {key} dropped, {age:.1f} s after it was admitted")
        self._admit()

    def stop(self, *, save: bool) -> None:
        """End early: with `save` after what is in flight came home, else at once."""
        if self.status.ended:
            return
        if not save or self.status is Status.STARTING:
            self.status = Status.INTERRUPTED
            return
        if self.status is Status.PAUSED:
            self.resume()
        self.status = Status.STOPPING
        self.phases.close()
        self.note("STOP", f"{len(self.in_flight)} in flight come home first")
        self._admit()

    def fail(self, error: str) -> None:
        """End as failed, with the text of what went wrong."""
        if not self.status.ended:
            self.error = error
            self.status = Status.FAILED
            self.note("ERROR", error)

    # Reports

    def report(self, worker: int, report: Report) -> None:
        """Take one report of a worker."""
        if self.status.ended:
            return
        match report:
            case CameHome(keys):
                self._came_home(worker, keys)
            case LossSeen():
                self.phases.seen(report)
            case Passed():
                if self.phases.passed():
                    self._phase_ended()
            case Halted(token):
                self.next_tokens[worker] = token
            case Stepped(token, updated):
                self._step_done(token, updated)
            case Failed(what, where, hint):
                self.fail(f"{where}: {what}" + (f". Hint: {hint}" if hint else ""))

    # What the session takes for its viewers

    @property
    def in_flight(self) -> dict[int, float]:
        """Keys and when they were admitted, oldest first."""
        return self.phases.in_flight

    def take_events(self) -> list[Event]:
        """The events since the last call."""
        events, self._events = self._events, []
        return events

    def note(self, kind: str, text: str, marker: str = "") -> None:
        """Add an event, for viewers and the log."""
        self._events.append(Event(self.time.now, kind, text, self.progress.instances, marker))

    # Inside

    def _begin_epoch(self) -> None:
        if self.progress.epoch > self.plan.epochs:
            self.status = Status.FINISHED
            return
        self._retune()
        self.phases.train()
        self._admit()

    def _admit(self) -> None:
        """Let instances in where some may come, or the phase end where none is left."""
        if self.status is not Status.STARTING and not self.status.ended:
            ahead = not self.knobs.get("slow_motion")  # what workers have at hand must come home before a stop
            self.outbox += self.phases.admit(self.knobs.number("max_active_keys"), ahead=ahead)

    def _came_home(self, worker: int, keys: Sequence[int]) -> None:
        retired, commands = self.phases.home(worker, keys)
        if retired:
            self.outbox += commands
            self._admit()

    def _phase_ended(self) -> None:
        if self.status is Status.STOPPING:
            self.status = Status.INTERRUPTED
            return
        if self.phases.training:
            self.settle()
            if self.plan.valid_size and self.knobs.get("validate"):
                self.phases.validate()
                self._admit()
                return
        self._epoch_ended(self.phases.end_epoch())

    def _epoch_ended(self, report: EpochReport) -> None:
        metrics = "  ".join(f"{name} {value:.4f}" for name, value in report.metrics.items())
        self.note("EPOCH", f"epoch {report.epoch}: train {report.train_loss:.4f}  {metrics}  {report.seconds:.1f} s")
        if self._goal_reached(report):
            self.status = Status.FINISHED
        elif not self.status.ended:
            if self._pause_after_epoch:
                self._pause_after_epoch = False
                self.pause()
            self._begin_epoch()

    def _goal_reached(self, report: EpochReport) -> bool:
        goal = self.plan.goal
        reached = goal is not None and goal.reached(report)
        if reached:
            self.note("TARGET", f"{goal} reached in epoch {report.epoch}", marker=str(goal))
        return reached

    def _step_done(self, token: str, updated: bool) -> None:
        self.stepped = token or self.stepped
        if self._step is None:
            return
        if self._step.reached(token, updated, self.in_flight) or not (self.in_flight or self.phases.in_barrier):
            self._step = None
        else:
            self.outbox.append(self._step.command())

    def _retune(self) -> None:
        self.outbox.append((ALL, Retune(self.knobs.as_dict(), self.progress.epoch)))

    def _retuned(self, change: Change | None, how: str = "") -> None:
        """Pass on what was changed."""
        if change is not None:
            self._retune()
            self._events.append(knob_event(self.time.now, self.progress.instances, change, how))
            self._admit()
