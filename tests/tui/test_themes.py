"""Colours: legible in our themes, of different lightness in one, grey under NO_COLOR; everything drawn in ASCII."""

from __future__ import annotations

import itertools
import re

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from ampviz.errors import UsageError
from ampviz.tui.glyphs import GOOD, HOT, MARK, TRAIN, VALID
from ampviz.tui.places import PANES
from ampviz.tui.themes import INK, PAPER, STEPS, THEMES, colours, theme_named
from tests.tui.feed import epoch_report, knob_event, points
from tests.tui.terminal import WIDE, terminal

DRAWN = (TRAIN, VALID, GOOD, HOT, MARK)
BUSY = {"new_points": points(1.0, 0.5), "new_epochs": (epoch_report(1),), "new_events": (knob_event(),)}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in Color.parse(colour).normalized
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_everything_drawn_can_be_read_on_the_ground_of_the_theme(theme):
    changes = colours(theme)
    for colour in DRAWN:
        assert contrast(changes.get(colour, colour), theme.background) >= 4.5


def test_one_theme_has_a_lightness_for_each_colour():
    changes = colours(STEPS)
    for one, other in itertools.combinations(DRAWN, 2):
        assert contrast(changes.get(one, one), changes.get(other, other)) >= 1.25


def test_a_theme_is_known_by_its_name_or_the_nearest_ones_are_offered():
    assert theme_named("") == INK.name
    assert [theme_named(name) for name in ("ampviz-light", "nord")] == [PAPER.name, "nord"]
    with pytest.raises(UsageError, match=r"no theme 'amviz-light'.*did you mean ampviz-light"):
        theme_named("amviz-light")
    with pytest.raises(UsageError, match="did you mean ampviz or ampviz-light"):
        theme_named("###")


@pytest.mark.parametrize("theme", [PAPER.name, STEPS.name, "solarized-light", "nord"])
async def test_another_theme_draws_the_same_in_other_colours(theme):
    async with terminal(WIDE, **BUSY) as shown:
        before, text = shown.app.export_screenshot().lower(), shown.text
        assert TRAIN in before
        shown.app.theme = theme
        await shown.settle()
        after = shown.app.export_screenshot().lower()
        assert shown.text == text
        changed = colours(shown.app.current_theme)
        assert all(colour not in after for colour in changed)
        assert changed.get(TRAIN, TRAIN) in after


def test_all_themes_have_different_names():
    assert not {theme.name for theme in THEMES} & set(BUILTIN_THEMES)


async def test_without_colours_everything_is_grey_and_the_words_are_the_same(monkeypatch):
    async with terminal(WIDE, **BUSY) as shown:
        text = shown.text
    monkeypatch.setenv("NO_COLOR", "1")
    async with terminal(WIDE, **BUSY) as shown:
        assert shown.text == text
        drawn = re.findall(r"-r\d+ \{ fill: #(\w\w)(\w\w)(\w\w)", shown.app.export_screenshot())
        coloured = ["".join(colour) for colour in drawn if len(set(colour)) > 1]
        assert len(drawn) > 5
        assert coloured == ["c5c8c6"]  # what a picture has for text without a style, which is blanks


@pytest.mark.parametrize("place", PANES, ids=lambda place: place.name)
async def test_every_pane_is_drawn_in_ascii(place):
    async with terminal(ascii_only=True, **BUSY) as shown:
        await shown.press(place.digit)
        assert shown.panes == {place.name}
        assert shown.text.isascii()


@pytest.mark.parametrize("keys", [["question_mark"], ["m"], ["B"], ["q"], ["slash", "c"], ["ctrl+p"]], ids=str)
async def test_every_dialog_is_drawn_in_ascii(keys):
    async with terminal(ascii_only=True, **BUSY) as shown:
        await shown.press(*keys)
        assert [character for character in shown.text if not character.isascii()] == []
