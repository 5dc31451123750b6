"""Breakpoints and watches on the screen: what a line of text asks for, and how they are listed. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from rich.text import Text

from ampviz.errors import UsageError
from ampviz.telemetry.inspection import Breakpoint
from ampviz.telemetry.link import RemoveBreakpoint, Request, SetBreakpoint
from ampviz.tui.glyphs import DIM, HOT, MARK, Glyphs

WORDING = "cell.B:0 if staleness > 8   watch valid_loss < 0.4   tell embed.U   3 off   3 on   -3 removes"


def asked(text: str, known: Sequence[Breakpoint]) -> Callable[[int], Request]:
    """The request that a line means, once it is given an id. Raises UsageError for a number that is not there.

    `-3` removes, `3 off` and `3 on` switch; anything else is a new breakpoint, `watch` before it makes it a watch,
    and `tell` one that does not pause.
    """
    match = re.fullmatch(r"\s*(-?\d+)\s*(on|off)?\s*", text)
    if match is None:
        words = text.strip()
        pause, watch = True, False
        while words.startswith(("watch ", "tell ")):
            first, _, words = words.partition(" ")
            pause, watch, words = pause and first != "tell", watch or first == "watch", words.strip()
        return lambda number: SetBreakpoint(number, words, watch, pause)
    which = int(match[1])
    entry = next((entry for entry in known if entry.number == abs(which)), None)
    if entry is None:
        there = ", ".join(str(entry.number) for entry in known) or "there are none"
        raise UsageError(f"there is no breakpoint {abs(which)}", expected=there)
    if which < 0:
        return lambda number: RemoveBreakpoint(number, entry.number)
    enabled = not entry.enabled if match[2] is None else match[2] == "on"
    return lambda number: SetBreakpoint(number, entry.text, entry.watch, entry.pause, enabled, entry.number)


def stop_lines(
    entries: Sequence[Breakpoint], held: Sequence[str], stopped_by: str, width: int, height: int, glyphs: Glyphs
) -> Text:
    """What stopped the run, which nodes wait, and one line a breakpoint or watch."""
    lines = []
    if stopped_by:
        lines.append(Text(f"stopped by {stopped_by}", style=f"bold {HOT}"))
    if held:
        lines.append(Text(f"held: {', '.join(held)}", style=f"bold {MARK}"))
    for entry in entries:
        kind = "watch " if entry.watch else ""
        line = Text(glyphs.set if entry.enabled else glyphs.unset, style=HOT if entry.enabled else DIM)
        line.append(f" {entry.number} {kind}{entry.text}", style="" if entry.enabled else DIM)
        line.append(f"  {'pause' if entry.pause else 'tell'}  hits {entry.hits}", style=DIM)
        line.append("" if entry.enabled else "  off", style=DIM)
        lines.append(line)
    if not lines:
        lines.append(Text("none: b stops at the selected node, B sets any", style=DIM))
    for line in lines:
        line.no_wrap = True
        line.truncate(width, overflow="ellipsis" if glyphs.braille else "crop")
    return Text("\n").join(lines[:height])
