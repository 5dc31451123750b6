"""The instances in flight."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ampviz.tui.flight import followed_lines, in_flight_table
from ampviz.tui.key import Key
from ampviz.tui.rows import RowPane
from ampviz.tui.view import View

FLIGHT_KEYS = (Key("f", "f", "follow", "follow the chosen instance, or none", "In flight, focused"),)


class FlightPane(RowPane):
    """The instances in flight, oldest first, with their paths; below them the one that is followed, in full."""

    keys = FLIGHT_KEYS

    def row_keys(self, view: View) -> Sequence[int]:
        return [entry.key for entry in view.snapshot.in_flight] if view.snapshot is not None else ()

    @property
    def room(self) -> int:
        return max(1, super().room - len(self._below()))

    def subtitle(self, view: View) -> str:
        if view.snapshot is None:
            return ""
        limit = view.snapshot.knobs.get("max_active_keys", 0)
        dropped = f", {view.snapshot.dropped} dropped" if view.snapshot.dropped else ""
        return f"{view.snapshot.in_flight_count} of at most {limit}{dropped}  f follow"

    def draw(self, view: View, width: int, height: int) -> Text:
        assert view.snapshot is not None
        below, cursor = self._below(), self.cursor  # which brings `first` up to date
        text = in_flight_table(
            view.snapshot.in_flight,
            view.names,
            width,
            height - len(below),
            self.glyphs,
            first=self.first,
            cursor=cursor if self.has_focus else -1,
            followed=view.followed.key if view.followed else None,
        )
        for line in below:
            text.append("\n").append_text(line)
        return text

    def key_at_cursor(self) -> int | None:
        """The chosen instance; None where none is in flight."""
        keys = self.row_keys(self.view) if self.view is not None else ()
        return keys[self.cursor] if keys else None

    def action_follow(self) -> None:
        """Follow the instance under the cursor; the same one again, or none to choose: no longer."""
        view = self.view
        if view is None or view.snapshot is None:
            return
        keys, followed = self.row_keys(view), view.followed
        key = keys[self.cursor] if keys else None
        view.follow(None if followed is not None and (followed.home or followed.key == key) else key)
        self.show(view, self.glyphs)

    def _below(self) -> list[Text]:
        """The lines of the instance that is followed: at most the lower half of the pane."""
        if self.view is None or self.view.followed is None:
            return []
        size = self.content_size
        return followed_lines(self.view.followed, self.view.names, size.width, max(1, size.height // 2), self.glyphs)
