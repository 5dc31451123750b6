"""The colours of the screen: our themes, and how what the panes draw is coloured in any theme."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from functools import lru_cache

from rich.text import Span, Text
from textual.theme import BUILTIN_THEMES, Theme

from ampviz.errors import UsageError
from ampviz.tui.glyphs import GOOD, HOT, MARK, TRAIN, VALID

INK = Theme(
    "ampviz",
    primary="#56b4e9",
    secondary="#e69f00",
    accent="#e69f00",
    error="#d55e00",
    success="#009e73",
    background="#101418",
    surface="#181e24",
    panel="#222a32",
    dark=True,
)
PAPER = Theme(
    "ampviz-light",
    primary="#0072b2",
    secondary="#a85400",
    accent="#a85400",
    error="#b03000",
    success="#00795a",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e4e1d8",
    dark=False,
)
STEPS = Theme(
    "ampviz-steps",  # every colour has a lightness of its own
    primary="#56b4e9",
    secondary="#f0e442",
    accent="#f0e442",
    error="#d55e00",
    success="#5fd9b4",
    background="#000000",
    surface="#101010",
    panel="#202020",
    dark=True,
)
THEMES = (INK, PAPER, STEPS)

# The panes draw in the colours of `glyphs`; these take their place.
_ON_LIGHT = {TRAIN: "#0072b2", VALID: "#a85400", GOOD: "#00795a", HOT: "#b03000", MARK: "#9a4379"}
_IN_STEPS = {VALID: "#f0e442", GOOD: "#5fd9b4"}


def colours(theme: Theme) -> Mapping[str, str]:
    """What stands for the colours of `glyphs` that are not themselves in this theme."""
    if theme.name == STEPS.name:
        return _IN_STEPS
    return {} if theme.dark else _ON_LIGHT


def recoloured(text: Text, theme: Theme) -> Text:
    """The text in the colours of a theme."""
    changes = tuple(colours(theme).items())
    if changes:
        text.style = _recoloured(str(text.style), changes)
        text.spans[:] = [Span(span.start, span.end, _recoloured(str(span.style), changes)) for span in text.spans]
    return text


def chosen_theme() -> str:
    """The name of the theme to begin with: AMPVIZ_THEME, or ours. Raises UsageError with the nearest ones."""
    return theme_named(os.environ.get("AMPVIZ_THEME", ""))


def theme_named(name: str) -> str:
    """The name of a theme; ours for "". Raises UsageError with the nearest ones for another."""
    known = [theme.name for theme in THEMES] + list(BUILTIN_THEMES)
    if not name:
        return INK.name
    if name not in known:
        near = difflib.get_close_matches(name, known, 3, 0.4) or known[: len(THEMES)]
        raise UsageError(f"there is no theme {name!r}", hint=f"did you mean {' or '.join(near)}?")
    return name


@lru_cache(512)
def _recoloured(style: str, changes: tuple[tuple[str, str], ...]) -> str:
    for before, after in changes:
        style = style.replace(before, after)
    return style
