"""What all panes share: a bordered widget that draws one part of a View, and its place on the screen."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.theme import Theme
from textual.widget import Widget

from ampviz.tui.glyphs import DIM, UNICODE, Glyphs
from ampviz.tui.key import Key, bindings
from ampviz.tui.themes import recoloured
from ampviz.tui.view import View


class Column(enum.StrEnum):
    """Where a wide screen has a pane; within a column they stand in the order of the table."""

    LEFT = "left"
    RIGHT = "right"
    BELOW = "below"  # as wide as the screen


ALWAYS = (0, 0)
ASIDE = (10_000, 0)  # shown only when asked for


@dataclass(frozen=True, slots=True)
class Place:
    """One pane of the table: its name, the digit that toggles it, and where it stands."""

    name: str
    digit: str
    title: str
    help: str
    pane: type[Pane]
    column: Column
    least: tuple[int, int] = ALWAYS  # columns and rows of a screen that has it without being asked
    short: str = ""  # the title among the tabs of a narrow screen, "" for the same


class Pane(Widget, can_focus=True):
    """A part of the screen. `show` gives it what to draw; subclasses say how."""

    ALLOW_SELECT = False
    keys: ClassVar[tuple[Key, ...]] = ()  # of its own, while it has the focus

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls.BINDINGS = [*bindings(cls.keys)]
        super().__init_subclass__(**kwargs)

    def __init__(self, place: Place):
        super().__init__(id=place.name)
        self.view: View | None = None
        self.glyphs: Glyphs = UNICODE
        self.border_title = f"{place.digit} {place.title}"
        self._last: tuple[Text, str, Theme | None] | None = None  # the text, the subtitle and the theme last shown
        self._drawn: Text | None = None  # for the next `render`, if the size stays
        self._drawn_size = Size(0, 0)

    def show(self, view: View, glyphs: Glyphs) -> None:
        """Draw this from now on; nothing happens where it looks as before.

        Most of a frame is Textual's work on what was refreshed, and three quarters of that the layout of the screen.
        """
        self.view, self.glyphs = view, glyphs
        drawn, subtitle, before = self._draw(view), self.subtitle(view), self._last
        shown = (drawn, subtitle, self.app.current_theme)
        if shown == before:
            return
        self._last, self._drawn = shown, drawn
        if before is None or subtitle != before[1]:
            self.border_subtitle = Text(subtitle)  # a str would be read as markup
        taller = before is None or drawn.plain.count("\n") != before[0].plain.count("\n")
        self.refresh(layout=taller and bool(self.styles.auto_dimensions))  # its height follows its text

    def watch_has_focus(self, has_focus: bool) -> None:
        """Draw again: what is shown may depend on it."""
        super().watch_has_focus(has_focus)
        if self.view is not None:
            self.show(self.view, self.glyphs)

    def subtitle(self, view: View) -> str:
        """A few words for the lower border."""
        return ""

    def render(self) -> Text:
        drawn, self._drawn = self._drawn, None
        if drawn is None or self._drawn_size != self.content_size:
            drawn = self._draw(self.view)
        return recoloured(drawn, self.app.current_theme)

    def _draw(self, view: View | None) -> Text:
        self._drawn_size = self.content_size
        if view is None or view.snapshot is None:
            return Text("warming up: the workers build the graph", style=DIM)
        return self.draw(view, self.content_size.width, self.content_size.height)

    def on_click(self, event: events.Click) -> None:
        """A click on the title shows the pane alone, another one all of them again."""
        if event.y == 0:
            self.focus()
            self.call_later(self.app.run_action, "maximise")

    def draw(self, view: View, width: int, height: int) -> Text:
        raise NotImplementedError
