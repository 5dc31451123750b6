"""The lines above and below the panes: tabs of the panes, and the keys. Each word on them can be clicked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.widget import Widget

from ampviz.tui.key import Key
from ampviz.tui.pane import Place
from ampviz.tui.themes import recoloured


@dataclass(frozen=True, slots=True)
class Part:
    """Some words of a bar and the action that a click on them is."""

    words: str
    style: str = ""
    action: str = ""


class Bar(Widget):
    """One line of parts."""

    def __init__(self, name: str):
        super().__init__(id=name)
        self._parts: tuple[Part, ...] = ()

    def show(self, parts: Iterable[Part]) -> None:
        """Draw these from now on."""
        before, self._parts = self._parts, tuple(parts)
        if self._parts != before:
            self.refresh()

    def render(self) -> Text:
        line = Text(no_wrap=True, overflow="crop")
        for part in self._parts:
            line.append(part.words, style=part.style)
        return recoloured(line, self.app.current_theme)

    async def on_click(self, event: events.Click) -> None:
        end = 0
        for part in self._parts:
            end += len(part.words)
            if event.x < end:
                if part.action:
                    await self.app.run_action(part.action)
                return


def tabs(places: Sequence[Place], shown: frozenset[str], focused: str, width: int) -> list[Part]:
    """The digit and title of each pane, shorter where there is no room; bold on the screen, reversed with the focus."""
    words = [f" {place.digit} {place.title} " for place in places]
    if sum(map(len, words)) > width:
        words = [f"{place.digit} {place.short or place.title} " for place in places]
        words[-1] = words[-1].rstrip()
    if sum(map(len, words)) > width:
        words = [f" {place.digit} " for place in places]
    parts = []
    for place, text in zip(places, words, strict=True):
        style = "dim" if place.name not in shown else "bold reverse" if place.name == focused else "bold"
        gap = len(text) - len(text.rstrip()) if not text.startswith(" ") else 0
        parts.append(Part(text[: len(text) - gap], style, f"pane('{place.name}')"))
        parts += [Part(" " * gap)] if gap else []
    return parts


def footer(message: str, keys: Sequence[Key]) -> list[Part]:
    """What went wrong or has ended, if anything; else the keys that have a name for it."""
    if message:
        return [Part(f" {message}", "bold", "hush")]
    parts = []
    for key in keys:
        if key.footer:
            parts.append(Part(f" {key.footer_key or key.shown} ", "bold reverse", key.action))
            parts.append(Part(f" {key.footer} ", "", key.action))
    return parts
