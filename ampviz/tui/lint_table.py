"""The lints as a table, with advice for the one under the cursor. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ampviz.telemetry.inspection import Lint
from ampviz.tui.glyphs import DIM, HOT, Glyphs, drawable

HEADING = 1  # lines above the first lint


def count_found(lints: Sequence[Lint]) -> int:
    """How many lints have found something."""
    return sum(bool(lint.found) for lint in lints)


def lint_table(lints: Sequence[Lint], width: int, height: int, cursor: int, first: int, glyphs: Glyphs) -> Text:
    """One line a lint, and below them what the one under the cursor advises, with everything it has found."""
    name_width = max([len(lint.name) for lint in lints], default=4)
    lines = [Text(f"      {'lint'.ljust(name_width)} limit  found", style="bold")]
    below = _advice(lints[cursor], glyphs) if lints else []
    room = max(1, height - HEADING - min(len(below), 2))
    for index, lint in enumerate(lints[first : first + room], first):
        lines.append(_line(lint, name_width, index == cursor, glyphs))
    lines += below
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis" if glyphs.braille else "crop")
    return Text("\n").join(lines[: max(1, height)])


def _line(lint: Lint, name_width: int, selected: bool, glyphs: Glyphs) -> Text:
    line = Text(glyphs.cursor if selected else " ", style="bold")
    line.append(f"{lint.number:2d} ")
    line.append(glyphs.set if lint.on else glyphs.unset, style=HOT if lint.found else "")
    style = f"bold {HOT}" if lint.found else "" if lint.on else DIM
    line.append(f" {lint.name.ljust(name_width)}", style=style)
    line.append(f"{lint.threshold:6g}  ", style=DIM)
    if not lint.on:
        line.append("switched off", style=DIM)
    elif lint.found:
        more = f"  +{len(lint.found) - 1}" if len(lint.found) > 1 else ""
        line.append(f"! {drawable(lint.found[0], glyphs)}{more}", style=HOT)
    else:
        line.append(glyphs.idle, style=DIM)
    return line


def _advice(lint: Lint, glyphs: Glyphs) -> list[Text]:
    return [
        Text(f"{lint.number}: {lint.advice}", style="bold" if lint.found else DIM),
        *(Text(f"   ! {drawable(words, glyphs)}", style=HOT) for words in lint.found),
    ]
