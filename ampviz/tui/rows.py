"""A pane of rows with a cursor, which keys, a click and the wheel move."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import ClassVar

from textual import events
from textual.message import Message

from ampviz.tui.pane import Pane, Place
from ampviz.tui.view import View

_WHEEL = 3  # rows of one notch


def first_row(count: int, room: int, cursor: int, before: int) -> int:
    """The row on top so that the cursor is in sight: `before` where that will do; no room is left below the last."""
    top = max(min(before, cursor), cursor - room + 1)
    return max(0, min(top, count - room))


class RowPane(Pane):
    """Rows below some lines of heading. The cursor stays on its row when rows come, go, or change places."""

    class Opened(Message):
        """The row of the cursor is to be looked into."""

    heading: ClassVar[int] = 1  # lines above the first row
    filtered: ClassVar[bool] = False  # whether `row_keys` goes by `words`

    def __init__(self, place: Place):
        super().__init__(place)
        self.first = 0  # the row on top
        self.words = ""  # a filter: rows are shown that have all of these in them
        self._index = 0
        self._key: Hashable | None = None  # of the row that was chosen; None: the cursor stays at the top

    def row_keys(self, view: View) -> Sequence[Hashable]:
        """What tells the rows apart, from above."""
        raise NotImplementedError

    def lets_through(self, text: str) -> bool:
        """Whether a row of this text passes the filter."""
        return all(word in text.lower() for word in self.words.lower().split())

    @property
    def room(self) -> int:
        """How many rows fit."""
        return max(1, self.content_size.height - self.heading)

    @property
    def cursor(self) -> int:
        """The row of the cursor, 0 where there are none."""
        keys = self.row_keys(self.view) if self.view is not None else ()
        if self._key is not None and self._key in keys:
            self._index = list(keys).index(self._key)
        self._index = max(0, min(self._index, len(keys) - 1))
        self.first = first_row(len(keys), self.room, self._index, self.first)
        return self._index

    def choose(self, index: int) -> None:
        """Put the cursor on a row, the first or last one where there is no such row."""
        keys = self.row_keys(self.view) if self.view is not None else ()
        if keys:
            self._index = max(0, min(index, len(keys) - 1))
            self._key = keys[self._index]
            self.refresh()

    def move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self.choose(self.cursor + by)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None and offset.y >= self.heading:
            cursor = self.cursor  # brings `first` up to date
            index = self.first + offset.y - self.heading
            if self.view is not None and index < len(self.row_keys(self.view)):
                self.choose(index)
                if index == cursor and event.chain == 2:
                    self.open_row()

    def open_row(self) -> None:
        """A double click on the row of the cursor."""
        self.post_message(self.Opened())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._scroll(_WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._scroll(-_WHEEL)

    def _scroll(self, by: int) -> None:
        """Move what is seen; the cursor comes along at the edge."""
        cursor = self.cursor
        count = len(self.row_keys(self.view)) if self.view is not None else 0
        self.first = max(0, min(self.first + by, count - self.room))
        inside = max(self.first, min(cursor, self.first + self.room - 1))
        if inside != cursor:
            self.choose(inside)
        self.refresh()
