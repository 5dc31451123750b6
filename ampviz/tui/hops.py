"""The path of an instance in words: `isu>embed>(phi>cell)x3>out<loss`, where `>` is a forward step, `<` a backward one.

Pure functions from hops (2 * node + direction, newest last) to text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ampviz.message import BACKWARD
from ampviz.tui.glyphs import Glyphs

_LONGEST_TURN = 16  # hops of a loop that are recognised as its turn


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hops that were made so many times in a row."""

    hops: tuple[int, ...]
    times: int = 1


def stretches(path: Sequence[int]) -> list[Stretch]:
    """The path with what repeats itself folded, the most of it first."""
    found: list[Stretch] = []
    at = 0
    while at < len(path):
        length, times = 1, 1
        for turn in range(1, min(_LONGEST_TURN, len(path) - at - 1) + 1):
            if path[at + turn] == path[at]:
                again = _times(path, at, turn)
                if turn * (again - 1) > length * (times - 1):
                    length, times = turn, again
        found.append(Stretch(tuple(path[at : at + length]), times))
        at += length * times
    return found


def path_words(path: Sequence[int], names: Sequence[str], width: int, glyphs: Glyphs) -> str:
    """The path in at most `width` characters; where that is not enough the newest part of it, after an ellipsis."""
    cut = "…" if glyphs.braille else ".."
    parts = [_words(stretch, names, glyphs) for stretch in stretches(path)]
    if parts and not path[0] % 2:
        parts[0] = parts[0][1:]  # nothing stands before the first step
    whole = "".join(parts)
    if len(whole) <= width:
        return whole
    end = whole[len(whole) - max(0, width - len(cut)) :]
    step = min((end.index(mark) for mark in "<>" if mark in end), default=0)  # no name is cut in two
    return (cut + end[step:])[: max(0, width)]


def arrow(hop: int) -> str:
    """`>` for a forward step, `<` for a backward one."""
    return "<" if hop % 2 == BACKWARD else ">"


def _words(stretch: Stretch, names: Sequence[str], glyphs: Glyphs) -> str:
    words = "".join(arrow(hop) + names[hop // 2] for hop in stretch.hops)
    if stretch.times == 1:
        return words
    times = f"×{stretch.times}" if glyphs.braille else f"*{stretch.times}"
    return words + times if len(stretch.hops) == 1 else f"{words[0]}({words[1:]}){times}"


def _times(path: Sequence[int], at: int, length: int) -> int:
    """How many times the next `length` hops are made in a row."""
    turn, times = path[at : at + length], 1
    while path[at + times * length : at + (times + 1) * length] == turn:
        times += 1
    return times
