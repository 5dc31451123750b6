"""Paths in words, as literal text: what repeats itself is folded, and the newest part is what stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.hops import path_words, stretches

NAMES = ["isu", "embed", "phi", "cell", "lin", "loss"]
LOOP = "isu> embed> phi> cell> phi> cell> phi> cell> lin> loss> lin< cell<"


def path(words: str) -> tuple[int, ...]:
    """The hops of a path written as `phi> cell> cell<`."""
    return tuple(2 * NAMES.index(word[:-1]) + (word[-1] == "<") for word in words.split())


@pytest.mark.parametrize(
    ("hops", "words"),
    [
        ("", ""),
        ("isu>", "isu"),
        ("isu> embed> phi>", "isu>embed>phi"),
        ("isu> cell> cell> cell> lin>", "isu>cell×3>lin"),
        (LOOP, "isu>embed>(phi>cell)×3>lin>loss<lin<cell"),
        ("cell< phi< cell< phi<", "<(cell<phi)×2"),
        ("lin> loss> loss< lin<", "lin>loss<loss<lin"),
        ("cell> cell>", "cell×2"),
        ("phi> phi> cell> phi> phi> cell> lin>", "(phi>phi>cell)×2>lin"),
    ],
)
def test_a_path_in_words(hops, words):
    assert path_words(path(hops), NAMES, 100, UNICODE) == words


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (41, "isu>embed>(phi>cell)×3>lin>loss<lin<cell"),
        (39, "…>embed>(phi>cell)×3>lin>loss<lin<cell"),
        (37, "…>(phi>cell)×3>lin>loss<lin<cell"),
        (31, "…>cell)×3>lin>loss<lin<cell"),
        (20, "…>lin>loss<lin<cell"),
        (6, "…<cell"),
        (3, "…ll"),
        (1, "…"),
        (0, ""),
    ],
)
def test_what_does_not_fit_is_the_oldest_part(width, words):
    assert path_words(path(LOOP), NAMES, width, UNICODE) == words


def test_an_ascii_path_has_only_ascii_characters():
    assert path_words(path(LOOP), NAMES, 20, ASCII) == "..>lin>loss<lin<cell"
    assert path_words(path("cell> cell> lin>"), NAMES, 20, ASCII) == "cell*2>lin"


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(0, 80), st.sampled_from([UNICODE, ASCII]))
@settings(max_examples=60, deadline=None)
def test_stretches_unfold_to_the_path_and_words_have_their_width(hops, width, glyphs):
    assert [hop for part in stretches(hops) for hop in part.hops * part.times] == hops
    words = path_words(hops, NAMES, width, glyphs)
    assert len(words) <= width
    assert glyphs is UNICODE or words.isascii()
