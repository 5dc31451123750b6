"""The instances in flight as a table, and one of them in full. Pure functions from data to rich Text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.text import Text

from ampviz.telemetry.snapshot import InFlight
from ampviz.tui.following import Followed
from ampviz.tui.glyphs import DIM, MARK, Glyphs, age
from ampviz.tui.hops import arrow, path_words

_WHOLE = 100_000  # characters: no path is longer


def in_flight_table(
    entries: Sequence[InFlight],
    names: Sequence[str],
    width: int,
    height: int,
    glyphs: Glyphs,
    first: int = 0,
    cursor: int = -1,
    followed: int | None = None,
) -> Text:
    """Oldest first, from the row `first` on: key, age, direction, where it was seen last, and its path so far."""
    shown = entries[first : first + max(0, height - 1)]
    place = max([4, *(len(names[entry.path[-1] // 2]) for entry in shown if entry.path)])
    place = min(place, 12)
    text = Text(f" key       kind     age dir {'at'.ljust(place)}  path so far"[:width], style="bold", no_wrap=True)
    for index, entry in enumerate(shown, first):
        mark = glyphs.cursor if index == cursor else glyphs.set if entry.key == followed else " "
        line = Text(mark, style="bold")
        line.append(f"k{abs(entry.key):<8d} {'train' if entry.key >= 0 else 'valid'} ", style="not bold")
        line.append(f"{age(entry.age_s):>6} ", style="not bold")
        where = names[entry.path[-1] // 2] if entry.path else "-"
        line.append(f"{_way(entry.path)} {where[:place].ljust(place)}  ", style="not bold")
        line.append(path_words(entry.path, names, width - line.cell_len, glyphs), style=f"not bold {DIM}")
        line.truncate(width)
        text.append("\n").append_text(line)
    return text


def followed_lines(followed: Followed, names: Sequence[str], width: int, height: int, glyphs: Glyphs) -> list[Text]:
    """The instance that is followed: a heading, then its path on the lines that are left, the newest part of it."""
    where = names[followed.path[-1] // 2] if followed.path else "its source"
    state = "home" if followed.home else f"{_way(followed.path).strip('- ') or 'waits'} at {where}"
    head = f"{glyphs.set} k{abs(followed.key)} {state} after {age(followed.age_s)}, {len(followed.path)} steps"
    lines = _broken(path_words(followed.path, names, _WHOLE, glyphs), width)
    if len(lines) > height - 1:
        lines = lines[len(lines) - max(0, height - 1) :]
        lines[:1] = [("…" if glyphs.braille else ".") + line[1:] for line in lines[:1]]
    return [Text(head[:width], style=MARK), *(Text(line[:width]) for line in lines)]


def _broken(words: str, width: int) -> list[str]:
    """The words of a path on lines, broken before an arrow."""
    lines = [""]
    for step in re.findall(r"[<>]?[^<>]+", words):
        if len(lines[-1]) + len(step) > width and lines[-1]:
            lines.append("")
        lines[-1] += step
    return lines


def _way(path: Sequence[int]) -> str:
    if not path:
        return "-  "
    return "bwd" if arrow(path[-1]) == "<" else "fwd"
