"""Dialogs: how to stop, a knob's new value, the keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ampviz.tui.keys import help_lines
from ampviz.tui.knob_entry import advice, completed, knob_names
from ampviz.tui.stops import WORDING
from ampviz.tui.view import View

_HELP_FRAME = 6  # columns of border and padding


class StopDialog(ModalScreen[str]):
    """Asks how to leave a run; gives "save", "detach", "now" or ""."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,c", "choose('')", "cancel"),
        ("s", "choose('save')", "save"),
        ("d", "choose('detach')", "detach"),
        ("n", "choose('now')", "now"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Stop the run?"
            yield OptionList(
                Option("[b]s[/b]  finish what is in flight, save a checkpoint", id="save"),
                Option("[b]d[/b]  detach: leave, the run goes on", id="detach"),
                Option("[b]n[/b]  stop now, save nothing", id="now"),
                Option("[b]c[/b]  cancel, go on training", id="cancel"),
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss("" if event.option_id == "cancel" else event.option_id)

    def action_choose(self, how: str) -> None:
        self.dismiss(how)


class KnobInput(Input):
    """A line whose name `tab` completes: no binding, which would overtake letters that come in one burst with it."""

    def __init__(self, line: str, names: Sequence[str]):
        super().__init__(line, select_on_focus=False)
        self._names = names

    def on_key(self, event: events.Key) -> None:
        if event.key == "tab":
            event.stop()
            event.prevent_default()
            self.value = completed(self.value, self._names)
            self.cursor_position = len(self.value)


class KnobDialog(ModalScreen[None]):
    """Takes `knob = value` or `node.knob = value`, says while it is typed what it means or why it cannot be.

    Stays open with the reason while the session refuses it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "cancel")]

    def __init__(self, apply: Callable[[str, str], Awaitable[str]], view: View, suggestion: str):
        super().__init__()
        self._apply_knob, self._view, self._suggestion = apply, view, suggestion

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Set a knob"
            yield Static("knob = value, or node.knob = value; tab completes", classes="hint")
            yield KnobInput(self._suggestion, knob_names(self._view.info))
            yield Static("", id="meaning")
            yield Static("", id="refused")

    def on_input_changed(self, event: Input.Changed) -> None:
        snapshot = self._view.snapshot
        said = advice(event.value, self._view.info, snapshot.knobs if snapshot else {})
        self.query_one("#meaning", Static).update(Text(said.words))
        self.query_one("#refused", Static).update(Text(said.problem))

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        name, equals, value = event.value.partition("=")
        refused = await self._apply_knob(name.strip(), value.strip()) if equals else "write it as knob = value"
        if refused:
            self.query_one("#refused", Static).update(Text(refused))
        else:
            self.dismiss(None)


class BreakpointDialog(ModalScreen[None]):
    """Takes a breakpoint or watch; stays open with the reason while the session refuses it."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "cancel")]

    def __init__(self, apply: Callable[[str], Awaitable[str]], suggestion: str):
        super().__init__()
        self._apply_text, self._suggestion = apply, suggestion

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Breakpoint or watch"
            yield Static(WORDING, classes="hint")
            yield Input(self._suggestion, select_on_focus=False)
            yield Static("", id="refused")

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        refused = await self._apply_text(event.value)
        if refused:
            self.query_one("#refused", Static).update(Text(refused))
        else:
            self.dismiss(None)


class HelpDialog(ModalScreen[None]):
    """The keys by group."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,question_mark,q,space,enter", "dismiss", "close")]

    def compose(self) -> ComposeResult:
        rows: list[tuple[Text, str]] = []
        for group, keys in help_lines():
            rows.append((Text(group, style="bold underline"), ""))
            rows += [(Text(shown, style="bold"), words) for shown, words in keys]
        width = sum(max(len(row[cell]) for row in rows) + 2 for cell in (0, 1))
        columns = max(1, (self.app.size.width - _HELP_FRAME) // width)
        length = -(-len(rows) // columns)
        both = Table.grid(padding=(0, 2, 0, 0))
        both.add_row(*(_key_table(rows[start : start + length]) for start in range(0, len(rows), length)))
        with Vertical(classes="dialog help") as box:
            box.styles.width = min(self.app.size.width, width * columns + _HELP_FRAME)
            box.border_title = "Keys"
            box.can_focus = True
            yield Static(both)

    def on_mount(self) -> None:
        self.query_one(".dialog", Vertical).focus()


def _key_table(rows: Sequence[tuple[Text, str]]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for key, words in rows:
        table.add_row(key, words)
    return table
