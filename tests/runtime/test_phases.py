"""Phases by themselves: keys and orders, the barrier, and what is counted where."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ampviz.runtime.commands import Admit, Barrier, LossSeen
from ampviz.runtime.phases import Phases
from ampviz.runtime.plan import ALL, Plan, Progress
from ampviz.runtime.stopwatch import Stopwatch
from tests.runtime.test_controller import Clock


def begun(progress=None, workers=2, **plan):
    sizes = {"train_size": 5, "valid_size": 3, "seed": 0, **plan}
    clock, progress = Clock(), progress or Progress()
    phases = Phases(Plan(2, workers=workers, source_workers=1, **sizes), progress, Stopwatch(clock))
    phases.train()
    return phases, progress, clock


def finish(phases, limit):
    """Let all come home and all workers pass; the keys in order."""
    keys = []
    commands = phases.admit(limit, ahead=True)
    while not phases.in_barrier:
        admitted = [command for _, command in commands if isinstance(command, Admit)]
        keys += [key for command in admitted for key in command.keys]
        assert len(phases.in_flight) <= limit
        phases.home(0, [next(iter(phases.in_flight))])
        commands = phases.admit(limit, ahead=True)
    assert commands == [(ALL, Barrier())]
    assert phases.admit(limit, ahead=True) == []
    return keys


def pass_all(phases, workers=2):
    """The barrier; what each worker was told of it."""
    return [phases.passed() for _ in range(workers)]


@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3))
def test_each_phase_goes_on_with_its_own_keys_and_ends_once_all_workers_passed(limit, position, workers):
    phases, progress, _ = begun(Progress(position=position, instances=position), workers)
    assert finish(phases, limit) == list(range(position, 5))
    assert (phases.done, progress.position, progress.instances) == (5 - position, 5, 5)
    assert pass_all(phases, workers) == [False] * (workers - 1) + [True]
    phases.validate()
    assert finish(phases, limit) == [-1, -2, -3]
    assert (phases.done, progress.position, progress.instances) == (3, 5, 5)
    pass_all(phases, workers)
    report = phases.end_epoch()
    assert (report.epoch, report.at_instances, progress.epochs) == (1, 5, [report])
    assert (progress.epoch, progress.position) == (2, 0)
    phases.train()
    assert finish(phases, limit) == list(range(5, 10))


def test_losses_count_in_their_phase_and_those_of_training_make_the_curve():
    phases, _, _ = begun()
    phases.seen(LossSeen(2, 3.0, {}))
    finish(phases, 5)
    pass_all(phases)
    phases.validate()
    phases.seen(LossSeen(1, 7.0, {}))
    point = phases.take_point()
    assert (point.loss, point.count) == (1.5, 2)
    assert phases.take_point() is None
    finish(phases, 5)
    pass_all(phases)
    report = phases.end_epoch()
    assert (report.train_loss, report.valid_loss) == (1.5, 7.0)


def test_a_phase_lasts_until_its_last_instance_came_home():
    phases, progress, clock = begun()
    clock.now = 4.0
    finish(phases, 2)
    clock.now = 9.0
    pass_all(phases)
    assert progress.train.seconds == 4.0


def test_what_is_dropped_counts_as_done_but_not_as_trained():
    phases, progress, _ = begun()
    phases.admit(2, ahead=True)
    phases.drop(1)
    assert (phases.done, phases.dropped, progress.position, progress.instances) == (1, 1, 1, 0)
    assert list(phases.in_flight) == [0]
