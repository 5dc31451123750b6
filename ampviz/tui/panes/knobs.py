"""The knobs: their values, those of single nodes beside them, and a cursor to turn them."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.message import Message

from ampviz.tui.key import Key
from ampviz.tui.knob_table import Cell, cell_at, cells, flow, places, table
from ampviz.tui.pane import Pane, Place
from ampviz.tui.view import View

_GROUP = "Knobs, focused"


class KnobPane(Pane):
    """All knobs in as few lines as they need; alone on the screen, one a line with range and help."""

    @dataclass
    class Edited(Message):
        """This knob is to be given a value."""

        name: str

    @dataclass
    class Turned(Message):
        """This knob is to go one step up or down."""

        name: str
        up: bool

    keys = (
        Key("l,right,j,down", "l → j ↓", "next_knob(1)", "next knob", _GROUP),
        Key("h,left,k,up", "h ← k ↑", "next_knob(-1)", "previous knob", _GROUP),
        Key("enter", "enter", "edit", "type a value", _GROUP),
        Key("plus,equals_sign", "+", "turn(True)", "one step up, or switch", _GROUP),
        Key("minus", "-", "turn(False)", "one step down, or switch", _GROUP),
    )

    def __init__(self, place: Place):
        super().__init__(place)
        self.selected = "max_active_keys"  # the knob under the cursor

    def subtitle(self, view: View) -> str:
        return "enter type  + - turn  u undo" if self.has_focus else "m set  u undo"

    def draw(self, view: View, width: int, height: int) -> Text:
        shown, cursor = self._cells(view), -1
        if self.has_focus:
            cursor = self._index(shown)
        if self._is_table(shown, height):
            return table(shown, width, cursor, self.glyphs)
        return flow(shown, width, cursor, self.glyphs)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Of the flowing text."""
        shown = self._cells(self.view) if self.view is not None else []
        return places(shown, width)[-1][0] + 1 if shown else 1

    def action_next_knob(self, by: int) -> None:
        shown = self._cells(self.view) if self.view is not None else []
        if self.view is not None and shown:
            self.selected = shown[(self._index(shown) + by) % len(shown)].name
            self.show(self.view, self.glyphs)

    def action_edit(self) -> None:
        if self.view is not None and self.view.snapshot is not None:
            self.post_message(self.Edited(self.selected))

    def action_turn(self, up: bool) -> None:
        if self.view is not None and self.view.snapshot is not None:
            self.post_message(self.Turned(self.selected, up))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or self.view is None:
            return
        shown, size = self._cells(self.view), self.content_size
        if self._is_table(shown, size.height):
            index: int | None = offset.y if offset.y < len(shown) else None
        else:
            index = cell_at(shown, size.width, offset.y, offset.x)
        if index is not None:
            self.selected = shown[index].name
            self.show(self.view, self.glyphs)
            if event.chain == 2:
                self.action_edit()

    def _cells(self, view: View) -> list[Cell]:
        return cells(view.snapshot.knobs) if view.snapshot is not None else []

    def _index(self, shown: list[Cell]) -> int:
        names = [cell.name for cell in shown]
        return names.index(self.selected) if self.selected in names else 0

    def _is_table(self, shown: list[Cell], height: int) -> bool:
        return height >= len(shown)
