"""The scrubber of a replay: one line with a rail from start to end, where it stands, and the landmarks on it."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual import events
from textual.widget import Widget

from ampviz.tui.glyphs import DIM, HOT, MARK, TRAIN, UNICODE, VALID, Glyphs, clock
from ampviz.tui.replay import Position

_KINDS = ("EPOCH", "KNOB", "PAUSE", "WATCH", "BREAK", "LINT", "ERROR")  # what has a mark; later ones win a column


def rail(width: int) -> tuple[int, int]:
    """The first column of the rail and how long it is."""
    left, right = 21, 30 if width >= 100 else 10
    return left, max(1, width - left - right)


def time_at(column: int, width: int, position: Position) -> float:
    """The time that a column of the line stands for."""
    left, length = rail(width)
    share = (column - left) / max(1, length - 1)
    return position.start + max(0.0, min(1.0, share)) * (position.end - position.start)


def scrubber_line(position: Position, width: int, glyphs: Glyphs) -> Text:
    """State, speed and time; the rail; the end, and what the keys go to."""
    _, length = rail(width)
    state = glyphs.running if position.playing else glyphs.paused
    text = Text(f" {state} {position.speed:g}x".ljust(10), style="bold", no_wrap=True)
    text.append(f"{clock(position.at)}.{int(position.at * 10) % 10} ")
    cells = [(glyphs.axis_line, DIM)] * length
    marks = {
        "EPOCH": (glyphs.marker, VALID), "KNOB": (glyphs.point, MARK), "PAUSE": (glyphs.paused, DIM),
        "WATCH": (glyphs.stopped, TRAIN), "BREAK": (glyphs.stopped, TRAIN), "LINT": ("!", HOT), "ERROR": ("!", HOT),
    }  # fmt: skip
    for event in sorted(
        (event for event in position.events if event.kind in marks), key=lambda event: _KINDS.index(event.kind)
    ):
        cells[_column(event.at, position, length)] = marks[event.kind]
    cells[_column(position.at, position, length)] = (glyphs.set, "bold reverse")
    for cell, style in cells:
        text.append(cell, style=style)
    text.append(f" {clock(position.end)} ")
    if width >= 100:
        text.append(" , . ", style="bold reverse")
        text.append(f" {position.landmark} ".ljust(15), style=DIM)
    return text


def _column(at: float, position: Position, length: int) -> int:
    span = position.end - position.start
    share = (at - position.start) / span if span > 0 else 0.0
    return round(max(0.0, min(1.0, share)) * (length - 1))


class Scrubber(Widget):
    """The line on the screen; a click or a drag on the rail asks for that time."""

    def __init__(self, seek: Callable[[float], None]):
        super().__init__(id="scrubber")
        self._seek = seek
        self._position: Position | None = None
        self._glyphs = UNICODE
        self._dragging = False

    def show(self, position: Position, glyphs: Glyphs) -> None:
        """Draw this from now on."""
        self._position, self._glyphs = position, glyphs
        self.refresh()

    def render(self) -> Text:
        return scrubber_line(self._position, self.size.width, self._glyphs) if self._position else Text()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        left, length = rail(self.size.width)
        if left <= event.x < left + length:
            self._dragging = True
            self.capture_mouse()
            self._go_to(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragging:
            self._go_to(event.x)

    def on_mouse_up(self) -> None:
        self._dragging = False
        self.release_mouse()

    def _go_to(self, column: int) -> None:
        if self._position is not None:
            self._seek(time_at(column, self.size.width, self._position))
