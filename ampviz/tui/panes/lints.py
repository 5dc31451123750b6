"""The lints: what is found, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.message import Message

from ampviz.telemetry.inspection import Lint
from ampviz.tui.key import Key
from ampviz.tui.lint_table import HEADING, count_found, lint_table
from ampviz.tui.rows import RowPane
from ampviz.tui.view import View


class LintPane(RowPane):
    """All lints; the cursor chooses the one whose advice is shown and that `enter` switches."""

    @dataclass
    class Switched(Message):
        """This lint is to be on or off, whichever it is not."""

        lint: Lint

    heading = HEADING
    keys = (Key("enter", "enter", "switch_lint", "switch the lint on or off", "Lints, focused"),)

    def row_keys(self, view: View) -> Sequence[int]:
        return [lint.number for lint in _lints(view)]

    @property
    def room(self) -> int:
        return max(1, self.content_size.height - self.heading - 2)  # advice, and what is found

    def subtitle(self, view: View) -> str:
        count = count_found(_lints(view))
        return f"{count} found  enter switches" if self.has_focus else f"{count} found"

    def draw(self, view: View, width: int, height: int) -> Text:
        return lint_table(_lints(view), width, height, self.cursor, self.first, self.glyphs)

    def action_switch_lint(self) -> None:
        lints = _lints(self.view) if self.view is not None else ()
        if lints:
            self.post_message(self.Switched(lints[self.cursor]))

    def open_row(self) -> None:
        self.action_switch_lint()


def _lints(view: View) -> tuple[Lint, ...]:
    return view.snapshot.lints if view.snapshot is not None else ()
