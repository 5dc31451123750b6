"""Knob changes: what is remembered of them, and taking them back."""

from __future__ import annotations

import pytest

from ampviz.errors import KnobError, UsageError
from ampviz.knobs import KnobValues
from ampviz.runtime.retuning import Retuning, knob_event, said
from ampviz.telemetry.snapshot import Change


@pytest.fixture
def retuning():
    return Retuning(KnobValues(["cell"], {"max_active_keys": 8}))


def test_a_change_says_what_was_what_is_and_who_made_it(retuning):
    assert retuning.set("max_active_keys", "16", "ann") == Change("max_active_keys", 8, 16, "ann")
    assert retuning.set("max_active_keys", 16, "ann") is None


def test_undo_takes_back_one_change_after_the_other_whoever_made_it(retuning):
    retuning.set("max_active_keys", 16, "ann")
    retuning.set("learning_rate", 0.5, "bob")
    retuning.set("max_active_keys", 32, "bob")
    assert retuning.undo("ann") == Change("max_active_keys", 32, 16, "ann")
    assert retuning.undo("ann") == Change("learning_rate", 0.5, 0.1, "ann")
    assert retuning.undo("bob") == Change("max_active_keys", 16, 8, "bob")
    assert retuning.knobs.number("max_active_keys") == 8
    with pytest.raises(UsageError, match="no knob change to take back"):
        retuning.undo("ann")


def test_undo_lets_a_node_go_with_the_global_value_again(retuning):
    retuning.set("cell.learning_rate", 0.5, "ann")
    assert retuning.undo("ann") == Change("cell.learning_rate", 0.5, None, "ann")
    assert "cell.learning_rate" not in retuning.knobs.as_dict()
    retuning.set("learning_rate", 0.25, "ann")
    assert retuning.knobs.get("learning_rate", "cell") == 0.25


def test_a_refused_change_is_not_remembered(retuning):
    with pytest.raises(KnobError):
        retuning.set("max_active_keys", 0, "ann")
    with pytest.raises(UsageError):
        retuning.undo("ann")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (Change("max_active_keys", 8, 16, "ann"), "max_active_keys 8→16"),
        (Change("learning_rate", 0.1, 1e-05, "ann"), "learning_rate 0.1→1e-05"),
        (Change("cell.freeze", None, True, "ann"), "cell.freeze on"),
        (Change("cell.freeze", True, None, "ann"), "cell.freeze on→as all"),
        (Change("policy", "fifo", "mixed", "ann"), "policy fifo→mixed"),
    ],
)
def test_a_change_in_words(change, words):
    assert said(change) == words
    event = knob_event(1.5, 300, change, "undone by ")
    assert (event.at, event.instances, event.marker) == (1.5, 300, words)
    assert event.text == f"{words} (undone by ann)"
    assert event.change == change
