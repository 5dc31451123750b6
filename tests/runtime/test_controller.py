"""The controller as a machine without IO: admission, phases, knobs, pause and step, in any order of reports."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.errors import KnobError
from ampviz.knobs import KnobValues
from ampviz.runtime.commands import (
    Admit,
    Barrier,
    CameHome,
    Failed,
    Halted,
    LossSeen,
    Passed,
    Retire,
    Retune,
    SetPaused,
    StepOne,
    Stepped,
)
from ampviz.runtime.controller import Controller
from ampviz.runtime.goal import Goal
from ampviz.runtime.plan import ALL, ANY, Plan, Progress
from ampviz.telemetry.link import StepGoal
from ampviz.telemetry.snapshot import Status


class Clock:
    """Seconds that pass when told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Crew:
    """Workers that answer every command in an order drawn at random, and remember what they were told."""

    def __init__(self, controller, seed=0):
        self.controller, self.draw = controller, random.Random(seed)
        self.open, self.admitted, self.retired, self.most = [], [], [], 0
        self.commands = []

    def take(self):
        plan = self.controller.plan
        for address, command in self.controller.outbox:
            self.commands.append((address, command))
            match command:
                case Admit(keys, indices):
                    self.admitted += zip(keys, indices, strict=True)
                    self.open += [(worker, key) for key in keys for worker in range(plan.source_workers)]
                case Retire(keys):
                    self.retired += keys
                case Barrier():
                    self.open += [(worker, None) for worker in range(plan.workers)]
        self.controller.outbox.clear()
        self.most = max(self.most, len({key for _, key in self.open if key is not None}))

    def answer(self):
        worker, key = self.open.pop(self.draw.randrange(len(self.open)))
        if key is None:
            self.controller.report(worker, Passed())
        else:
            if worker == 0:
                self.controller.report(worker, LossSeen(2, 1.0 if key >= 0 else 0.5, {"accuracy": 1.0}))
            self.controller.report(worker, CameHome([key]))
        self.take()

    def finish(self):
        self.take()
        while self.open and not self.controller.status.ended:
            self.answer()


def controller(knobs=None, progress=None, clock=None, settle=lambda: None, **plan):
    defaults = {"epochs": 2, "train_size": 7, "valid_size": 3, "seed": 0, "workers": 2, "source_workers": 2}
    values = KnobValues(("fc1",), knobs or {})
    return Controller(Plan(**{**defaults, **plan}), values, clock=clock or Clock(), progress=progress, settle=settle)


def started(**options):
    machine = controller(**options)
    machine.start()
    crew = Crew(machine)
    crew.take()
    return machine, crew


def kinds(machine):
    return [event.kind for event in machine.take_events()]


@settings(max_examples=50, deadline=None)
@given(
    st.integers(1, 3), st.integers(1, 9), st.integers(0, 4), st.integers(1, 3), st.integers(1, 5), st.integers(0, 99)
)
def test_every_index_is_admitted_once_an_epoch_and_at_most_so_many_at_a_time(epochs, size, valid, workers, keys, seed):
    machine = controller(
        {"max_active_keys": keys},
        epochs=epochs, train_size=size, valid_size=valid, workers=workers, source_workers=1,
    )  # fmt: skip
    machine.start()
    crew = Crew(machine, seed)
    crew.finish()
    assert machine.status is Status.FINISHED
    assert crew.most <= keys
    train = [(key, index) for key, index in crew.admitted if key >= 0]
    assert [key for key, _ in train] == list(range(epochs * size))
    for epoch in range(epochs):
        assert sorted(index for _, index in train[epoch * size : (epoch + 1) * size]) == list(range(size))
    tested = [(key, index) for key, index in crew.admitted if key < 0]
    assert [index for _, index in tested] == list(range(valid)) * epochs
    assert sorted(crew.retired) == sorted(key for key, _ in crew.admitted)
    assert [report.instances for report in machine.progress.epochs] == [size] * epochs


@pytest.mark.parametrize("save", [True, False])
def test_a_stop_that_comes_before_the_start_is_not_forgotten(save):
    machine = controller()
    machine.stop(save=save)
    machine.start()
    crew = Crew(machine)
    crew.finish()
    assert machine.status is Status.INTERRUPTED
    assert crew.commands == []
    assert machine.progress.epochs == []


def test_a_pause_that_comes_before_the_start_holds_from_the_first_message_on():
    machine = controller()
    machine.pause()
    assert machine.status is Status.STARTING
    machine.start()
    crew = Crew(machine)
    crew.take()
    assert machine.status is Status.PAUSED
    assert crew.commands[0] == (ALL, SetPaused(True))
    machine.resume()
    crew.finish()
    assert machine.status is Status.FINISHED


def test_a_pause_taken_back_before_the_start_is_none():
    machine = controller()
    machine.pause()
    machine.resume()
    machine.start()
    assert machine.status is Status.RUNNING


def test_an_epoch_reports_means_over_rows_of_training_and_validation():
    machine, crew = started()
    crew.finish()
    report = machine.progress.epochs[0]
    assert (report.train_loss, report.valid_loss, report.metrics) == (0.5, 0.25, {"accuracy": 0.5})
    assert (report.rows, report.max_in_flight, report.at_instances) == (14, 4, 7)


def test_epochs_are_shuffled_from_the_seed():
    orders = []
    for seed in (0, 0, 1):
        _, crew = started(seed=seed, epochs=1, train_size=50, valid_size=0, knobs={"max_active_keys": 50})
        orders.append([index for _, index in crew.admitted])
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_an_instance_retires_when_all_workers_with_sources_have_said_so():
    machine, crew = started(knobs={"max_active_keys": 1})
    machine.report(0, CameHome([0]))
    assert not machine.outbox
    machine.report(1, CameHome([0]))
    crew.take()
    assert crew.retired == [0]
    assert [key for key, _ in crew.admitted] == [0, 1]


def test_lowering_the_keys_lets_the_surplus_drain():
    machine, crew = started(train_size=20, knobs={"max_active_keys": 6}, source_workers=1)
    machine.set_knob("max_active_keys", 2)
    crew.take()
    for _ in range(4):
        crew.answer()
    assert len(crew.admitted) == 6
    crew.answer()
    assert len(crew.admitted) == 7
    assert len(machine.in_flight) == 2


def test_raising_the_keys_admits_at_once_and_leaves_a_marker():
    machine, crew = started(train_size=20)
    machine.set_knob("max_active_keys", 9)
    crew.take()
    assert len(crew.admitted) == 9
    (event,) = [event for event in machine.take_events() if event.kind == "KNOB"]
    assert event.marker == "max_active_keys 4→9"


def test_a_knob_set_to_what_it_is_does_nothing():
    machine, _ = started()
    machine.set_knob("max_active_keys", 4)
    assert machine.outbox == []
    assert "KNOB" not in kinds(machine)


def test_a_refused_knob_changes_nothing():
    machine, _ = started()
    with pytest.raises(KnobError):
        machine.set_knob("max_active_keys", -3)
    assert machine.outbox == []
    assert machine.knobs.number("max_active_keys") == 4


def test_a_goal_ends_the_session_after_the_epoch_that_reaches_it():
    machine, crew = started(epochs=9, goal=Goal.parse("valid_loss<=0.25"))
    crew.finish()
    assert machine.status is Status.FINISHED
    assert len(machine.progress.epochs) == 1
    assert kinds(machine)[-1] == "TARGET"


def test_a_pause_stops_the_clock_of_the_epoch():
    clock = Clock()
    machine, crew = started(clock=clock, epochs=1)
    clock.now = 2.0
    machine.pause()
    clock.now = 12.0
    assert machine.time.paused == 10.0
    machine.resume()
    clock.now = 15.0
    crew.finish()
    assert machine.progress.epochs[0].seconds == 5.0
    assert machine.progress.epochs[0].instances_per_s == 7 / 5.0


def test_pause_and_resume_are_told_to_all_workers_once():
    machine, crew = started()
    for action in (machine.pause, machine.pause, machine.resume, machine.resume):
        action()
    crew.take()
    told = [command for _, command in crew.commands if isinstance(command, SetPaused)]
    assert told == [SetPaused(True), SetPaused(False)]


@pytest.mark.parametrize(
    ("goal", "answers"),
    [
        (StepGoal.MESSAGE, [("", False), ("fc1.F key=0", False)]),
        (StepGoal.UPDATE, [("fc1.F key=0", False), ("", False), ("fc1.B key=0", True)]),
        (StepGoal.INSTANCE, [("fc1.B key=1", True), ("x.B key=0", False)]),
    ],
)
def test_a_step_goes_on_until_its_goal(goal, answers):
    machine, _ = started(source_workers=1)
    machine.step(goal)
    assert machine.status is Status.PAUSED
    asked = (ANY, StepOne(stop=goal is not StepGoal.MESSAGE))
    for token, updated in answers:
        assert machine.outbox.count(asked) == 1
        machine.outbox.clear()
        if token.startswith("x.B"):
            machine.report(0, CameHome([0]))
        machine.report(0, Stepped(token, updated))
    assert asked not in machine.outbox
    assert machine.stepped == answers[-1][0]


def test_what_each_paused_worker_will_do_next_is_known():
    machine, _ = started()
    machine.pause()
    machine.report(1, Halted("fc2.B key=3"))
    assert machine.next_tokens == ["", "fc2.B key=3"]


def test_stopping_admits_no_more_and_ends_when_all_came_home():
    machine, crew = started(train_size=20)
    machine.stop(save=True)
    crew.finish()
    assert machine.status is Status.INTERRUPTED
    assert len(crew.admitted) == 4
    assert not machine.in_flight
    assert machine.progress.position == machine.progress.instances == 4


def test_stopping_while_paused_lets_the_workers_go_on():
    machine, crew = started()
    machine.pause()
    machine.stop(save=True)
    crew.take()
    assert SetPaused(False) in [command for _, command in crew.commands]
    crew.finish()
    assert machine.status is Status.INTERRUPTED


def test_stopping_without_saving_ends_at_once():
    machine, _ = started()
    machine.stop(save=False)
    assert machine.status is Status.INTERRUPTED
    assert machine.in_flight


def test_a_resumed_epoch_trains_the_rest_of_the_same_order():
    _, crew = started(epochs=1, train_size=12, knobs={"max_active_keys": 12})
    order = [index for _, index in crew.admitted]
    _, crew = started(
        epochs=1, train_size=12, knobs={"max_active_keys": 12}, progress=Progress(position=5, instances=5)
    )
    assert crew.admitted == list(zip(range(5, 12), order[5:], strict=True))


def test_a_failure_keeps_its_text_and_later_reports_change_nothing():
    machine, _ = started()
    machine.report(0, Failed("ValueError: no", "fc1.F key=0", "look there"))
    machine.report(1, CameHome([0]))
    assert machine.status is Status.FAILED
    assert machine.error == "fc1.F key=0: ValueError: no. Hint: look there"
    assert len(machine.in_flight) == 4


@pytest.mark.parametrize("valid_size", [0, 3])
def test_parameters_are_settled_once_an_epoch_between_training_and_validation(valid_size):
    seen = []
    machine, crew = started(
        valid_size=valid_size,
        settle=lambda: seen.append((machine.phases.current, len(machine.in_flight), machine.outbox[:])),
    )
    crew.finish()
    assert seen == [("train", 0, [])] * 2
    assert len(crew.admitted) == 2 * (7 + valid_size)


def test_stopping_within_an_epoch_settles_nothing():
    machine, crew = started(settle=lambda: pytest.fail("the epoch has not ended"))
    machine.stop(save=True)
    crew.finish()
    assert machine.status is Status.INTERRUPTED


def test_the_learning_rate_of_an_epoch_is_told_when_it_begins():
    _, crew = started(knobs={"learning_rate_decay": 0.5})
    crew.finish()
    assert [command.epoch for _, command in crew.commands if isinstance(command, Retune)] == [1, 2]


def test_points_of_the_curve_are_means_since_the_last_one():
    machine, _ = started()
    assert machine.phases.take_point() is None
    machine.report(0, LossSeen(2, 3.0, {}))
    machine.report(0, LossSeen(2, 1.0, {}))
    point = machine.phases.take_point()
    assert (point.loss, point.count) == (1.0, 4)
    assert machine.phases.take_point() is None
