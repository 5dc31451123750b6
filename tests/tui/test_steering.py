"""The application as a steering wheel: what its keys and dialogs ask the session for."""

from __future__ import annotations

import pytest

from ampviz.telemetry.link import Finished, Pause, Resume, SetKnob, Step, StepGoal, Stop, StopHow, UndoKnob
from ampviz.telemetry.snapshot import Status
from ampviz.tui.dialogs import KnobDialog, StopDialog
from tests.tui.feed import KNOBS
from tests.tui.terminal import WIDE, terminal


async def test_space_pauses_and_resumes():
    async with terminal() as shown:
        await shown.press("space")
        await shown.push(status=Status.PAUSED)
        assert "‖ PAUSED" in shown.text
        await shown.press("c")
        assert shown.feed.sent == [Pause(1), Resume(2)]


async def test_steps_have_three_goals_and_show_what_was_stepped():
    async with terminal(WIDE) as shown:
        await shown.press("s", "n", "S")
        assert shown.feed.sent == [
            Step(1, StepGoal.MESSAGE),
            Step(2, StepGoal.UPDATE),
            Step(3, StepGoal.INSTANCE),
        ]
        await shown.push(status=Status.PAUSED, stepped="cell.F key=7", next=("embed.B key=7", ""))
        for words in ("last step cell.F key=7", "w0 next  embed.B key=7", "w1 next  nothing waits"):
            assert words in shown.text


LESS, MORE, HALF, TWICE = (f"{side}_{shape}_bracket" for shape in ("square", "curly") for side in ("left", "right"))


@pytest.mark.parametrize(
    ("keys", "before", "values"),
    [
        ((LESS, MORE, HALF, TWICE), 8, [7, 8, 4, 8]),
        ((MORE, MORE), 8, [9, 10]),
        ((TWICE, TWICE, LESS), 3, [6, 12, 11]),
        ((HALF, HALF, HALF), 5, [2, 1]),
        ((LESS, HALF), 1, []),
    ],
)
async def test_bracket_keys_count_from_the_last_value_asked_for(keys, before, values):
    async with terminal(knobs=KNOBS | {"max_active_keys": before}) as shown:
        await shown.press(*keys)
        assert shown.feed.sent == [SetKnob(number, "max_active_keys", value) for number, value in enumerate(values, 1)]


async def test_bracket_keys_count_from_the_session_again_once_it_has_answered():
    async with terminal() as shown:
        await shown.press(MORE)
        await shown.push(knobs=KNOBS | {"max_active_keys": 20})
        await shown.press(MORE)
        shown.feed.refusal = "at most 21"
        await shown.press(MORE, MORE)
        assert [request.value for request in shown.feed.sent] == [9, 21, 22, 22]
        assert "at most 21" in shown.text


async def test_undo_is_asked_of_the_session_and_counting_starts_from_what_that_shows():
    async with terminal() as shown:
        await shown.press(MORE, TWICE, "u", MORE)
        assert shown.feed.sent == [
            SetKnob(1, "max_active_keys", 9),
            SetKnob(2, "max_active_keys", 18),
            UndoKnob(3),
            SetKnob(4, "max_active_keys", 9),
        ]
        shown.feed.refusal = "no knob change to take back"
        await shown.press("u")
        assert "no knob change to take back" in shown.text


async def test_the_knob_dialog_sets_a_knob():
    async with terminal() as shown:
        await shown.press("m")
        await shown.press("7", "enter")
        assert not isinstance(shown.app.screen, KnobDialog)
        await shown.press("m", "ctrl+u")
        await shown.write("cell.min_update_interval=3")
        await shown.press("enter")
        asked = [(request.name, request.value) for request in shown.feed.sent]
        assert asked == [
            ("min_update_interval", "7"),
            ("cell.min_update_interval", "3"),
        ]


async def test_the_knob_dialog_stays_open_with_the_reason_of_a_refusal():
    async with terminal() as shown:
        shown.feed.refusal = "out of range [1, 64] [/bold]"
        await shown.press("m", "0", "enter")
        assert isinstance(shown.app.screen, KnobDialog)
        assert "out of range [1, 64] [/bold]" in shown.text
        await shown.press("ctrl+u", *"policy", "enter")
        assert "write it as knob = value" in shown.text
        await shown.press("escape")
        assert not isinstance(shown.app.screen, KnobDialog)


async def test_every_letter_can_be_typed_into_the_knob_dialog():
    async with terminal() as shown:
        await shown.press("m", "ctrl+u")
        await shown.write("qscnumhp=1")
        await shown.press("enter")
        assert shown.feed.sent == [SetKnob(1, "qscnumhp", "1")]


@pytest.mark.parametrize(
    ("keys", "sent"),
    [
        (["s"], [Stop(1, StopHow.SAVE)]),
        (["n"], [Stop(1, StopHow.NOW)]),
        (["c"], []),
        (["escape"], []),
        (["down", "down", "enter"], [Stop(1, StopHow.NOW)]),
    ],
    ids=lambda value: value[0] if value and isinstance(value[0], str) else "",
)
async def test_quitting_asks_how_to_stop(keys, sent):
    async with terminal() as shown:
        await shown.press("q")
        assert isinstance(shown.app.screen, StopDialog)
        await shown.press(*keys)
        assert not isinstance(shown.app.screen, StopDialog)
        assert shown.feed.sent == sent
        assert shown.app.is_running


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_control_keys_ask_how_to_stop_above_any_dialog(key):
    async with terminal() as shown:
        await shown.press("m", key, key)
        assert isinstance(shown.app.screen, StopDialog)
        await shown.press("escape")
        assert isinstance(shown.app.screen, KnobDialog)


async def test_a_run_stopped_here_is_left_when_it_has_ended():
    async with terminal() as shown:
        await shown.press("q", "s")
        await shown.push(status=Status.STOPPING)
        assert "STOPPING" in shown.text
        shown.feed.end(Finished(130, "", {"epochs": []}))
        await shown.pilot.pause()
        assert shown.app.return_value == Finished(130, "", {"epochs": []})
