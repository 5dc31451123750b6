"""What all panes share: a bordered widget that draws one part of a View."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.widget import Widget

from ampviz.tui.glyphs import DIM, UNICODE, Glyphs
from ampviz.tui.view import View


class Pane(Widget, can_focus=True):
    """A part of the screen. `show` gives it what to draw; subclasses say how."""

    title: ClassVar[str] = ""
    digit: ClassVar[str] = ""

    def __init__(self, name: str):
        super().__init__(id=name)
        self.view: View | None = None
        self.glyphs: Glyphs = UNICODE
        self.border_title = f"{self.digit} {self.title}"

    def show(self, view: View, glyphs: Glyphs) -> None:
        """Draw this from now on."""
        self.view, self.glyphs = view, glyphs
        self.border_subtitle = Text(self.subtitle(view))  # a str would be read as markup
        self.refresh(layout=bool(self.styles.auto_dimensions))  # its height follows its text

    def subtitle(self, view: View) -> str:
        """A few words for the lower border."""
        return ""

    def render(self) -> Text:
        if self.view is None or self.view.snapshot is None:
            return Text("warming up: the workers build the graph", style=DIM)
        return self.draw(self.view, self.content_size.width, self.content_size.height)

    def draw(self, view: View, width: int, height: int) -> Text:
        raise NotImplementedError
