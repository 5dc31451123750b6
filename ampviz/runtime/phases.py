"""The phases of a session, training and validation of each epoch: what is admitted, and what it adds up to. Pure.

A phase ends in quiescence: nothing in flight, and every worker has passed a barrier, so that every loss has been
counted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ampviz.runtime.admission import Addressed, Admission, Dealt, ForAll
from ampviz.runtime.commands import Barrier, LossSeen
from ampviz.runtime.plan import ALL, Plan, Progress
from ampviz.runtime.stopwatch import Stopwatch
from ampviz.runtime.tally import Tally, epoch_report
from ampviz.telemetry.snapshot import EpochReport, LossPoint


class Phases:
    """The phase under way. `train` or `validate` begins one; then after each change `admit`, whose commands are to be
    sent, until all workers `passed` the barrier that ends it.

    `progress` is kept up to date. `tally` and `done` are of this phase, `dropped` of all.
    """

    def __init__(self, plan: Plan, progress: Progress, time: Stopwatch):
        self._plan, self._progress, self._time = plan, progress, time
        self.current = "train"
        self.tally = progress.train
        self.done = 0  # instances retired or dropped
        self.dropped = 0
        self._admission: Admission = Dealt(plan.workers) if plan.by_key else ForAll(plan.source_workers)
        self._next_key = {"train": progress.instances, "valid": -1}
        self._curve = Tally()  # training losses since the last point was taken
        self._to_pass = 0  # workers that have not passed the barrier; 0 outside one
        self._began = 0.0

    @property
    def training(self) -> bool:
        return self.current == "train"

    @property
    def in_flight(self) -> dict[int, float]:
        """Keys and when they were admitted, oldest first."""
        return self._admission.in_flight

    @property
    def size(self) -> int:
        """Instances of this phase, without those that had been trained when the session began."""
        return self._admission.size

    @property
    def in_barrier(self) -> bool:
        """Whether all came home, and workers have yet to say that they counted all losses."""
        return self._to_pass > 0

    def owner(self, key: int) -> int:
        """The worker that an instance stays with, where instances stay with one."""
        return self._admission.owner(key)

    def train(self) -> None:
        """Begin an epoch, or go on with one, in an order of its own."""
        plan, progress = self._plan, self._progress
        order = np.random.default_rng([plan.seed, progress.epoch]).permutation(plan.train_size)
        self._begin("train", order.tolist()[progress.position :], 1, progress.train)

    def validate(self) -> None:
        """Begin the validation of an epoch; its keys are negative."""
        self._begin("valid", range(self._plan.valid_size), -1, Tally())

    def admit(self, limit: int, *, ahead: bool) -> list[Addressed]:
        """Let as many be in flight, as `Admission.admit` does; once none is left, have workers pass the barrier."""
        if self.in_barrier:
            return []
        commands = self._admission.admit(limit, self._time.now, ahead=ahead)
        self.tally.max_in_flight = max(self.tally.max_in_flight, len(self.in_flight))
        if self._admission.done:
            self.tally.seconds += self._time.active - self._began
            self._to_pass = self._plan.workers
            commands.append((ALL, Barrier()))
        return commands

    def close(self) -> None:
        """Admit no more of this phase."""
        self._admission.close()

    def home(self, worker: int, keys: Sequence[int]) -> tuple[int, list[Addressed]]:
        """These came home to a worker: how many of them came home everywhere, and who is to forget them."""
        retired, commands = self._admission.home(worker, keys)
        self.tally.instances += len(retired)
        if self.training:
            self._progress.instances += len(retired)
        self._left(len(retired))
        return len(retired), commands

    def drop(self, key: int) -> list[Addressed]:
        """Forget an instance in flight."""
        self.dropped += 1
        self._left(1)
        return self._admission.drop(key)

    def seen(self, loss: LossSeen) -> None:
        """Count what a loss has seen."""
        self.tally.add(loss)
        if self.training:
            self._curve.add(loss)

    def take_point(self) -> LossPoint | None:
        """The mean training loss since the last call; None if there was none."""
        if not self._curve.rows:
            return None
        point = LossPoint(self._progress.instances, self._curve.mean_loss, self._curve.rows)
        self._curve = Tally()
        return point

    def passed(self) -> bool:
        """A worker has passed the barrier; whether all have, and the phase is over."""
        self._to_pass -= 1
        if not self._to_pass:
            self._next_key[self.current] = self._admission.next_key()
        return not self._to_pass

    def end_epoch(self) -> EpochReport:
        """The last phase of an epoch is over; the next epoch is the one to train."""
        progress = self._progress
        valid = None if self.training else self.tally
        report = epoch_report(progress.epoch, progress.train, valid, progress.instances)
        progress.epochs.append(report)
        progress.epoch += 1
        progress.position, progress.train = 0, Tally()
        return report

    def _begin(self, phase: str, order: Sequence[int], step: int, tally: Tally) -> None:
        self.current, self.tally, self.done = phase, tally, 0
        self._admission.open(order, self._next_key[phase], step)
        self._began = self._time.active

    def _left(self, count: int) -> None:
        """So many instances of this phase are in flight no more."""
        self.done += count
        if self.training:
            self._progress.position += count
