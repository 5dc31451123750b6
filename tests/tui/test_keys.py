"""The key table: every action exists, no key is bound twice, footer and help come from it."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import pytest
from textual.keys import Keys

from ampviz.tui.app import AmpvizApp
from ampviz.tui.keys import FOCUSED_KEYS, KEYS, REPLAY_KEYS, help_lines
from ampviz.tui.places import PANES
from ampviz.tui.replay_app import ReplayApp

PRESSES = [press for key in KEYS for press in key.keys.split(",")]
REPLAY_PRESSES = [press for key in REPLAY_KEYS for press in key.keys.split(",")]
PANE_PRESSES = [[press for key in place.pane.keys for press in key.keys.split(",")] for place in PANES]
NAMED = {"left_square_bracket", "right_square_bracket", "left_curly_bracket", "right_curly_bracket", "question_mark"}
NAMED |= {"plus", "minus", "equals_sign", "slash", "comma", "full_stop", "less_than_sign", "greater_than_sign"}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.shown)
def test_every_action_exists(key):
    assert callable(getattr(AmpvizApp, f"action_{key.action.partition('(')[0]}"))


@pytest.mark.parametrize("key", REPLAY_KEYS, ids=lambda key: key.shown)
def test_every_action_of_a_replay_exists(key):
    assert callable(getattr(ReplayApp, f"action_{key.action.partition('(')[0]}"))


@pytest.mark.parametrize("place", PANES, ids=lambda place: place.name)
def test_every_action_of_a_pane_exists(place):
    for key in place.pane.keys:
        assert callable(getattr(place.pane, f"action_{key.action.partition('(')[0]}"))


@pytest.mark.parametrize("presses", [PRESSES, REPLAY_PRESSES, *PANE_PRESSES])
def test_no_key_is_bound_twice(presses):
    assert [press for press, times in Counter(presses).items() if times > 1] == []


@pytest.mark.parametrize("press", [*PRESSES, *REPLAY_PRESSES, *chain(*PANE_PRESSES)])
def test_every_key_is_one_that_textual_knows(press):
    assert len(press) == 1 or press in NAMED or press in {key.value for key in Keys}


def test_the_help_lists_every_key_in_its_group():
    listed = [(group, shown, words) for group, keys in help_lines() for shown, words in keys]
    assert sorted(listed) == sorted((key.group, key.shown, key.help) for key in KEYS + FOCUSED_KEYS + REPLAY_KEYS)
    assert len({group for group, _ in help_lines()}) == len(help_lines())
