"""Effects of knob changes: equal windows of training before and after, and honest words where they are cut."""

from __future__ import annotations

import pytest

from ampviz.runtime.effects import Effect, Effects, Figures, loss_slope, summed
from ampviz.telemetry.snapshot import Change, LossPoint, Status
from tests.runtime.ticks import Training

MORE = Change("max_active_keys", 8, 16, "user")
RATE = Change("learning_rate", 0.1, 0.05, "user")


class Story:
    """A training whose effects are collected as it goes."""

    def __init__(self, **start):
        self.training, self.effects, self.told = Training(**start), Effects(), []
        self.pass_by(0.1)

    def pass_by(self, seconds: float, *changes: Change, **how) -> None:
        """So much time; the changes are made in the first tick of it."""
        for _ in range(round(seconds * 10)):
            self.told += map(str, self.effects.look(self.training.tick(*changes, **how)))
            changes = ()

    def turn(self, *changes: Change, **rates) -> None:
        """Change knobs, and go on like this from then on."""
        self.pass_by(0.1, *changes)
        for name, value in rates.items():
            setattr(self.training, name, value)


def test_a_change_is_told_once_after_five_seconds_with_both_windows():
    story = Story(instances_per_s=200, staleness=1, loss_slope=-2.0)
    story.pass_by(8)
    story.turn(MORE, instances_per_s=310, staleness=3, loss_slope=-0.5)
    story.pass_by(4.9)
    assert story.told == []
    story.pass_by(30)
    assert story.told == ["max_active_keys 8→16: inst/s 200→310, stale 1→3, loss slope -2→-0.5 per 1000 (5.0 s each)"]


def test_validation_and_pauses_are_in_no_window():
    story = Story(instances_per_s=200)
    story.pass_by(4)
    story.pass_by(3, phase="valid")
    story.pass_by(2)
    story.turn(MORE, instances_per_s=400)
    story.pass_by(2)
    story.pass_by(60, status=Status.PAUSED)
    story.pass_by(3, phase="valid")
    assert story.told == []
    story.pass_by(3.2)
    assert len(story.told) == 1
    assert "inst/s 200→400" in story.told[0]
    assert "(5.0 s each)" in story.told[0]


def test_an_early_change_is_compared_over_as_much_as_there_was_before():
    story = Story()
    story.pass_by(2)
    story.turn(MORE, instances_per_s=300)
    story.pass_by(2.1)
    assert story.told == ["max_active_keys 8→16: inst/s 100→300, stale 1→1, loss slope -1→-1 per 1000 (2.0 s each)"]


def test_a_change_at_the_very_start_has_nothing_to_be_compared_with():
    story = Story()
    story.turn(MORE, instances_per_s=300)
    story.pass_by(5.1)
    assert story.told == [
        "max_active_keys 8→16: inst/s ?→300, stale ?→1, loss slope ?→-1 per 1000 (too early to compare)"
    ]


def test_a_window_is_cut_by_the_next_change_and_says_so():
    story = Story(instances_per_s=100)
    story.pass_by(6)
    story.turn(MORE, instances_per_s=200)
    story.pass_by(3)
    story.turn(RATE, instances_per_s=150)
    story.pass_by(10)
    first, second = story.told
    assert first.startswith("max_active_keys 8→16: inst/s 100→200,")
    assert first.endswith("(3.0 s each, cut by the next change)")
    assert second.startswith("learning_rate 0.1→0.05: inst/s 200→150,")
    assert second.endswith("(3.0 s each)")


def test_changes_close_to_each_other_are_told_as_one():
    story = Story(instances_per_s=100)
    story.pass_by(6)
    story.turn(Change("max_active_keys", 8, 9, "user"))
    story.turn(Change("max_active_keys", 9, 10, "user"), RATE)
    story.pass_by(0.5)
    story.turn(Change("max_active_keys", 10, 12, "user"), instances_per_s=120)
    story.pass_by(10)
    (told,) = story.told
    assert told.startswith("max_active_keys 8→12, learning_rate 0.1→0.05: inst/s 100→120,")


def test_a_change_taken_back_at_once_is_not_told():
    story = Story()
    story.pass_by(6)
    story.turn(MORE)
    story.turn(Change("max_active_keys", 16, 8, "user"))
    story.pass_by(10)
    assert story.told == []


def test_the_end_cuts_a_window_too():
    story = Story()
    story.pass_by(6)
    story.turn(MORE)
    story.pass_by(2)
    story.pass_by(0.1, status=Status.FINISHED)
    (told,) = story.told
    assert told.endswith("(2.1 s each, cut by the end)")


def test_an_end_right_after_a_change_tells_nothing():
    story = Story()
    story.pass_by(6)
    story.turn(MORE)
    story.pass_by(0.1, status=Status.FAILED)
    assert story.told == []


def test_figures_that_cannot_be_said_are_question_marks():
    story = Story(instances_per_s=0)
    story.pass_by(6)
    story.turn(MORE)
    story.pass_by(6)
    assert "inst/s 0→0, stale ?→?, loss slope ?→? per 1000" in story.told[0]


@pytest.mark.parametrize(
    ("points", "slope"),
    [
        ([(0, 5.0, 1), (1000, 3.0, 1), (2000, 1.0, 1)], -2.0),
        ([(0, 1.0, 1), (500, 1.5, 3), (1000, 2.0, 1)], 1.0),
        ([(0, 0.0, 1), (1000, 9.0, 0), (2000, 2.0, 1)], 1.0),
        ([(0, 5.0, 1), (1000, 3.0, 1)], None),
        ([(7, 5.0, 1)] * 5, None),
    ],
)
def test_the_slope_is_that_of_the_weighted_line(points, slope):
    assert loss_slope([LossPoint(*each) for each in points]) == (None if slope is None else pytest.approx(slope))


def test_changes_of_one_knob_are_summed_from_first_to_last():
    lower = Change("max_active_keys", 16, 2, "other")
    assert summed([MORE, RATE, lower]) == (Change("max_active_keys", 8, 2, "other"), RATE)
    assert summed([MORE, Change("max_active_keys", 16, 8, "user")]) == ()


def test_an_effect_shows_large_figures_whole_and_small_ones_short():
    effect = Effect((MORE,), Figures(1234.5, 0.123, None), Figures(99.4, 12.3, 0.0), 5.0)
    assert str(effect) == ("max_active_keys 8→16: inst/s 1234→99, stale 0.12→12, loss slope ?→0 per 1000 (5.0 s each)")
