"""The events."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ampviz.telemetry.snapshot import Event
from ampviz.tui.draw import event_lines, lettered
from ampviz.tui.key import Key
from ampviz.tui.pane import Place
from ampviz.tui.rows import RowPane
from ampviz.tui.view import View


class EventPane(RowPane):
    """What happened, newest first: all, or one kind."""

    heading, filtered = 0, True
    keys = (Key("f", "f", "next_kind", "show the next kind only, then all again", "Events, focused"),)

    def __init__(self, place: Place):
        super().__init__(place)
        self.kind = ""  # "" for all

    def row_keys(self, view: View) -> Sequence[int]:
        return [id(event) for _, event in self._shown(view)]

    def subtitle(self, view: View) -> str:
        return f"{self.kind}{' only' if self.kind else ''}{f'  with /{self.words}' if self.words else ''}"

    def draw(self, view: View, width: int, height: int) -> Text:
        cursor = self.cursor
        return event_lines(self._shown(view), width, height, self.glyphs, self.first, cursor if self.has_focus else -1)

    def action_next_kind(self) -> None:
        if self.view is not None:
            kinds = ["", *dict.fromkeys(event.kind for event in self.view.past.events)]
            self.kind = kinds[(kinds.index(self.kind) + 1) % len(kinds)]
            self.show(self.view, self.glyphs)

    def _shown(self, view: View) -> list[tuple[str, Event]]:
        """Marker letter and event, newest first."""
        entries = zip(lettered(view.past.events), view.past.events, strict=True)
        return [
            (letter, event)
            for letter, event in reversed(list(entries))
            if self.kind in ("", event.kind) and self.lets_through(f"{event.kind} {event.text}")
        ]
