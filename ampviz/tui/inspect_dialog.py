"""The inspection dialog: a node or an instance from inside, its messages one by one, copies as JSON, drops."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

import msgspec
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ampviz.message import Token
from ampviz.telemetry.inspection import Detail, KeyDetail, MessageDetail, NodeDetail
from ampviz.telemetry.link import Inspect, InspectKey, InspectMessage, InspectNode, Reply
from ampviz.tui.details import hop_line, key_heading, message_lines, node_summary
from ampviz.tui.glyphs import DIM, Glyphs, drawable
from ampviz.tui.view import View

Ask = Callable[[Callable[[int], Inspect]], Awaitable[Reply]]
Drop = Callable[[int], Awaitable[str]]

_AGAIN_S = 1.0  # between two looks at what is shown
_KEYS = "space pause  s step  Y copy JSON  d drop  esc close"
_OF = " | "  # between the number of a group and the message, in the id of an entry


class InspectDialog(ModalScreen[None]):
    """Shows a node, by name, or an instance, by key, and summaries of the messages that it lists.

    `ask` sends a question to the session; it is asked once a second what is shown, and at once what is chosen. `drop`
    drops an instance and gives the reason if that was refused.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q", "dismiss", "close"),
        ("Y", "copy", "copy"),
        ("d", "drop", "drop"),
        ("space", "app.toggle_pause", "pause, or go on"),
        ("s", "app.step('message')", "step"),
        ("j", "cursor('down')", "next"),
        ("k", "cursor('up')", "previous"),
    ]

    def __init__(self, subject: str | int, ask: Ask, drop: Drop, view: View, glyphs: Glyphs):
        super().__init__()
        self._subject, self._ask_session, self._drop = subject, ask, drop
        self._view, self._glyphs = view, glyphs
        self._detail: Detail | None = None  # of the subject
        self._message: MessageDetail | None = None  # of the chosen message
        self._names: list[str] = []  # in the list

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog inspect") as box:
            what = "node" if isinstance(self._subject, str) else "instance"
            box.border_title = Text(f"Inspect {what} {self._subject}")
            box.border_subtitle = _KEYS
            yield Static("asking its worker", id="about")
            yield OptionList(id="names")
            yield Static("", id="message")

    def on_mount(self) -> None:
        self.set_interval(_AGAIN_S, self._look_again)
        self.call_after_refresh(self._look_again)  # when it is known how wide the dialog is

    # Looking

    @work(exclusive=True, group="inspect")
    async def _look_again(self) -> None:
        reply = await self._ask_session(self._question)
        if reply.detail is None:
            self._say(reply.error)
            return
        self._detail = reply.detail
        self._say("")
        self._list(self._entries(reply.detail))
        self._look_at(_token(self._chosen))

    @work(exclusive=True, group="inspect message")
    async def _look_at(self, token: str) -> None:
        about = self.query_one("#message", Static)
        if not token:
            self._message = None
            about.update("")
            return
        reply = await self._ask_session(lambda number: InspectMessage(number, token))
        if isinstance(reply.detail, MessageDetail):
            self._message = reply.detail
            about.update(message_lines(reply.detail, self._width, self._glyphs))
        elif self._message is None or self._message.token != token:
            self._message = None
            about.update(Text(reply.error, style=DIM))

    def _question(self, number: int) -> Inspect:
        subject = self._subject
        return InspectNode(number, subject) if isinstance(subject, str) else InspectKey(number, subject)

    # Drawing

    @property
    def _width(self) -> int:
        return max(20, self.query_one("#about").size.width)

    @property
    def _chosen(self) -> str:
        option = self.query_one(OptionList).highlighted_option
        return (option.id or "") if option else ""

    def _say(self, words: str) -> None:
        """Above the list: what the subject is, as far as it is known, and these words."""
        lines = [Text(drawable(words, self._glyphs), style="bold")] if words else []
        if isinstance(self._detail, NodeDetail):
            lines.insert(0, node_summary(self._view, self._detail, self._width, self._glyphs))
        elif isinstance(self._detail, KeyDetail):
            lines.insert(0, key_heading(self._detail, self._width))
        self.query_one("#about", Static).update(Text("\n").join(lines))

    def _entries(self, detail: Detail) -> list[tuple[str, Text]]:
        """Id and words of what the list holds; headings have no id."""
        match detail:
            case NodeDetail():
                groups = [
                    (f"forward queue {detail.queued_forward}", detail.forward),
                    (f"backward queue {detail.queued_backward}", detail.backward),
                    (f"remembered {detail.cached}", detail.remembered),
                ]
                return _listed(groups)
            case KeyDetail():
                groups = [
                    (f"in queues {detail.queued}", detail.places),
                    (f"remembered {detail.cached}", detail.remembered),
                ]
                path = [(f"hop {number}", hop_line(hop, detail.path[0])) for number, hop in enumerate(detail.path)]
                return [*_listed(groups), ("", Text("path so far", style="bold")), *path]
        return []

    def _list(self, entries: Sequence[tuple[str, Text]]) -> None:
        """Show these, with the cursor where it was."""
        names = [name or words.plain for name, words in entries]
        if names == self._names:
            return
        self._names = names
        options, chosen = self.query_one(OptionList), self._chosen
        with self.prevent(OptionList.OptionHighlighted):
            options.clear_options()
            options.add_options(Option(words, id=name or None, disabled=not name) for name, words in entries)
            places = {name: index for index, (name, _) in enumerate(entries) if name}
            options.highlighted = places.get(chosen, next(iter(places.values()), None))

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._look_at(_token(event.option_id or ""))

    # Keys

    def action_cursor(self, way: str) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if way == "down" else options.action_cursor_up()

    def action_copy(self) -> None:
        """What is chosen, or else the subject, as JSON into the clipboard of the terminal."""
        detail = self._message or self._detail
        if detail is not None:
            words = msgspec.json.format(msgspec.json.encode(detail)).decode()
            self.app.copy_to_clipboard(words)
            what = detail.token if isinstance(detail, MessageDetail) else self._subject
            self.query_one(".inspect", Vertical).border_subtitle = Text(f"copied {what}, {len(words)} characters")

    def action_drop(self) -> None:
        """The instance that is shown, or that of the chosen message; after a question."""
        key = self._subject if isinstance(self._subject, int) else _key(_token(self._chosen))
        if key is not None:
            self.app.push_screen(DropDialog(key), lambda sure: self._sure(key, sure))

    def _sure(self, key: int, sure: bool | None) -> None:
        if sure:
            self._drop_now(key)

    @work(exclusive=True, group="inspect drop")
    async def _drop_now(self, key: int) -> None:
        refused = await self._drop(key)
        if refused:
            self._say(refused)
        elif key == self._subject:
            self.dismiss(None)
        else:
            self._look_again()


class DropDialog(ModalScreen[bool]):
    """Asks whether an instance is to be dropped."""

    BINDINGS: ClassVar[list[BindingType]] = [("y", "choose(True)", "drop"), ("escape,n,q", "choose(False)", "keep")]

    def __init__(self, key: int):
        super().__init__()
        self._key = key

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = f"Drop key {self._key}?"
            yield Static("Its messages and what nodes remember of it vanish; what it has taught stays.", classes="hint")
            yield OptionList(Option("[b]n[/b]  keep it", id="keep"), Option("[b]y[/b]  drop it", id="drop"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id == "drop")

    def action_choose(self, drop: bool) -> None:
        self.dismiss(drop)


def _listed(groups: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, Text]]:
    """Headings and messages; a name may stand in two groups, which its id tells apart."""
    entries = []
    for number, (heading, tokens) in enumerate(groups):
        entries.append(("", Text(heading, style="bold")))
        entries += [(f"{number}{_OF}{token}", Text(f"  {token}")) for token in tokens]
    return entries


def _token(entry: str) -> str:
    """The name of the message that an entry stands for, "" for none."""
    return entry.partition(_OF)[2]


def _key(token: str) -> int | None:
    return dict(Token.parse(token).state).get("key") if token else None
