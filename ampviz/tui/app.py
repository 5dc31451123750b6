"""The application: wires the feed to the panes and the keys to requests. Uses asyncio only through Textual."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from rich.text import Text
from textual import events, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.theme import Theme
from textual.widgets import Static

from ampviz.errors import LinkError, UsageError
from ampviz.telemetry.link import (
    Finished,
    Hold,
    Pause,
    RemoveBreakpoint,
    Request,
    Resume,
    SetBreakpoint,
    SetKnob,
    Step,
    StepGoal,
    Stop,
    StopHow,
)
from ampviz.telemetry.snapshot import Snapshot, Status
from ampviz.tui.client import Feed
from ampviz.tui.dialogs import BreakpointDialog, HelpDialog, KnobDialog, StopDialog
from ampviz.tui.draw import status_line
from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.graph_pane import GraphPane
from ampviz.tui.keys import KEYS, footer_entries
from ampviz.tui.pane import Pane
from ampviz.tui.panes import PANES, EventPane, FlightPane, KnobPane, LossPane, QueuePane, StopPane, WorkerPane
from ampviz.tui.stops import asked
from ampviz.tui.view import SORTS, View

WIDE = 120  # columns from which all panes fit
LOW = 20  # rows below which the knobs make room
LEAST = (60, 15)  # columns and rows below which nothing useful does
_OVERVIEW = ("queues", "loss", "knobs")  # what a narrow screen shows at once
_ASIDE = ("graph",)  # what a wide screen shows only when asked to
_PANE_HINT = " 1-8 panes"
_SMOOTHINGS = (0.9, 0.98, 0.0, 0.6)

INK = Theme(
    "ampviz",
    primary="#56b4e9",
    secondary="#e69f00",
    accent="#e69f00",
    error="#d55e00",
    success="#009e73",
    background="#101418",
    surface="#181e24",
    panel="#222a32",
    dark=True,
)
PAPER = Theme(
    "ampviz-light",
    primary="#0072b2",
    secondary="#d55e00",
    accent="#d55e00",
    error="#b03000",
    success="#00795a",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e4e1d8",
    dark=False,
)


class AmpvizApp(App[Finished | None]):
    """Shows one session. Returns its outcome, or None if left before the end."""

    CSS_PATH = "app.tcss"
    TITLE = "ampviz"
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(press, key.action, key.help, show=False, priority=press.startswith("ctrl+"))
        for key in KEYS
        for press in key.keys.split(",")
    ]

    def __init__(self, feed: Feed, *, ascii_only: bool = False):
        super().__init__()
        self.feed = feed
        self.view = View(feed.info)
        self.glyphs = ASCII if ascii_only else UNICODE
        self._chosen = ""  # the one pane shown alone, "" for all
        self._hidden: set[str] = set(_ASIDE)
        self._undo: list[tuple[str, Any]] = []
        self._requested: dict[str, Any] = {}  # knobs asked for that no snapshot shows yet
        self._unanswered = 0
        self._drawable = False
        self._leave_when_ended = False

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        with Horizontal(id="main"):
            with Vertical(id="left"):
                yield QueuePane("queues")
                yield FlightPane("flight")
                yield WorkerPane("workers")
                yield StopPane("stops")
            with Vertical(id="right"):
                yield LossPane("loss")
                yield EventPane("events")
                yield GraphPane("graph")
        yield KnobPane("knobs")
        yield Static(id="footer")
        yield Static(id="small")

    def on_mount(self) -> None:
        for theme in (INK, PAPER):
            self.register_theme(theme)
        self.theme = INK.name
        self.set_class(self.glyphs is ASCII, "ascii")
        self._drawable = True
        self._arrange()
        self.query_one(QueuePane).focus()
        self.feed.listen(self._on_snapshot, self._on_end)

    def on_unmount(self) -> None:
        self._drawable = False  # the link may outlive the screen for a moment

    def on_resize(self, event: events.Resize) -> None:
        if self._drawable:
            self.call_later(self._arrange)  # Textual notes the new size after this handler

    # What comes from the session

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self.view.add(snapshot)
        if not self._unanswered:  # replies come before the next snapshot, so this one shows all that was asked for
            self._requested.clear()
        self._draw()

    def _on_end(self, finished: Finished | None) -> None:
        self.view.finished = finished
        self.view.lost = True
        if finished is not None:
            self.view.message = finished.error or "the run has ended: q leaves"
        else:
            self.view.message = "the link to the session was lost: q leaves"
        self._draw()

    # Keys

    def action_toggle_pause(self) -> None:
        snapshot = self.view.snapshot
        paused = snapshot is not None and snapshot.status is Status.PAUSED
        self._send(lambda number: Resume(number) if paused else Pause(number))

    def action_step(self, goal: str) -> None:
        self._send(lambda number: Step(number, StepGoal(goal)))

    def action_step_node(self) -> None:
        node = self._selected()
        if node:
            self._send(lambda number: Step(number, node=node))

    def action_toggle_breakpoint(self) -> None:
        node, snapshot = self._selected(), self.view.snapshot
        if not node or snapshot is None:
            return
        text = f"{node}.F"
        there = next((entry for entry in snapshot.breakpoints if entry.text == text and not entry.watch), None)
        if there is None:
            self._send(lambda number: SetBreakpoint(number, text))
        else:
            self._send(lambda number: RemoveBreakpoint(number, there.number))

    def action_edit_breakpoint(self) -> None:
        if self.view.snapshot is not None:
            node = self._selected()
            self.push_screen(BreakpointDialog(self._set_breakpoint, f"{node}.B if " if node else ""))

    async def _set_breakpoint(self, text: str) -> str:
        try:
            return await self._asked(asked(text, self.view.snapshot.breakpoints if self.view.snapshot else ()))
        except UsageError as error:
            return str(error)

    def action_hold(self) -> None:
        node, snapshot = self._selected(), self.view.snapshot
        if node and snapshot is not None:
            held = node not in snapshot.held
            self._send(lambda number: Hold(number, node, held))

    def _selected(self) -> str:
        """The node under the cursor of the queues; "" and a word about it where that is a layer of several copies."""
        rows = self.view.nodes()
        if not rows:
            return ""
        row = rows[min(self.query_one(QueuePane).cursor, len(rows) - 1)]
        if row.copies:
            self._say(f"{row.name} has {row.copies} copies: choose one of the rows below it")
            return ""
        return row.name

    def action_change_keys(self, change: str) -> None:
        current = self._knob("max_active_keys")
        if current is None:
            return
        now = int(current)
        value = {"-1": now - 1, "+1": now + 1, "/2": now // 2, "*2": now * 2}[change]
        if value >= 1:
            self.run_worker(self._set_knob("max_active_keys", value))

    def action_edit_knob(self) -> None:
        if self.view.snapshot is not None:
            self.push_screen(KnobDialog(self._set_knob, "min_update_interval = "))

    def action_undo_knob(self) -> None:
        if self._undo:
            name, before = self._undo.pop()
            self._requested[name] = before
            self._send(lambda number: SetKnob(number, name, before))
        else:
            self._say("no knob was changed here")

    def action_pane(self, name: str) -> None:
        """Wide: show or hide the pane. Narrow: show it alone, or everything again."""
        if self._narrow:
            self._chosen = "" if self._chosen == name else name
        else:
            self._chosen = ""
            self._hidden ^= {name}
        self._arrange()
        if name in _ASIDE:  # its keys are its own
            pane = self.query_one(f"#{name}", Pane)
            (pane if pane.display else self.query_one(QueuePane)).focus()

    def action_maximise(self) -> None:
        focused = self.focused
        self._chosen = "" if self._chosen or not isinstance(focused, Pane) else str(focused.id)
        self._arrange()

    def action_overview(self) -> None:
        self._chosen = ""
        self._hidden = set(_ASIDE)
        self._arrange()

    def action_freeze(self) -> None:
        self.view.freeze(not self.view.frozen)
        self._draw()

    def action_sort(self) -> None:
        self.view.sort = SORTS[(SORTS.index(self.view.sort) + 1) % len(SORTS)]
        self._draw()

    def action_invert(self) -> None:
        self.view.inverted = not self.view.inverted
        self._draw()

    def action_cursor(self, by: int) -> None:
        self.query_one(QueuePane).cursor += by
        self._draw()

    def action_log_scale(self) -> None:
        self.view.log_scale = not self.view.log_scale
        self._draw()

    def action_smooth(self) -> None:
        self.view.smoothing = _SMOOTHINGS[(_SMOOTHINGS.index(self.view.smoothing) + 1) % len(_SMOOTHINGS)]
        self._draw()

    def action_help(self) -> None:
        self.push_screen(HelpDialog())

    def action_leave(self) -> None:
        """Ask how to stop a run; leave at once where there is none any more."""
        if self.view.lost:
            self.exit(self.view.finished)
        elif not isinstance(self.screen, StopDialog):
            self.push_screen(StopDialog(), self._stop)

    def _stop(self, how: str | None) -> None:
        if how:
            self._send(lambda number: Stop(number, StopHow(how)))
            self._leave_when_ended = True

    # Requests

    @work
    async def _send(self, make: Callable[[int], Request]) -> None:
        await self._asked(make)

    async def _asked(self, make: Callable[[int], Request]) -> str:
        """Send a request; the reason if it was refused, else ""."""
        try:
            reply = await self.feed.request(make)
        except LinkError as error:
            self._say(str(error))
            return str(error)
        self._say(reply.error)
        return reply.error

    def _set_knob(self, name: str, value: Any) -> Coroutine[Any, Any, str]:
        """Note what is asked for at once, so that a quick second key counts from it; await the result to send it."""
        before = self._knob(name)
        self._requested[name] = value
        self._unanswered += 1
        return self._send_knob(name, before, value)

    async def _send_knob(self, name: str, before: Any, value: Any) -> str:
        refused = await self._asked(lambda number: SetKnob(number, name, value))
        self._unanswered -= 1
        if refused:
            if self._requested.get(name) == value:
                self._requested[name] = before
        elif before is not None:
            self._undo.append((name, before))
        return refused

    def _knob(self, name: str) -> Any:
        """The value in force as far as known: what was asked for last, else what the session shows."""
        known = (self.view.snapshot.knobs if self.view.snapshot else {}) | self._requested
        return known.get(name, known.get(name.rpartition(".")[2]))

    def _say(self, words: str) -> None:
        self.view.message = words
        self._draw()

    # Drawing

    @property
    def _narrow(self) -> bool:
        return self.size.width < WIDE

    def _draw(self) -> None:
        if not self._drawable:
            return
        base = self.screen_stack[0]
        base.query_one("#status", Static).update(status_line(self.view, self.size.width, self.glyphs))
        base.query_one("#footer", Static).update(self._footer())
        for kind in PANES:
            pane = base.query_one(kind)
            if pane.display:
                pane.show(self.view, self.glyphs)
        if self.view.finished is not None and self._leave_when_ended:
            self.exit(self.view.finished)

    def _arrange(self) -> None:
        """Show the panes that fit: all on a wide screen, an overview on a narrow one, or the chosen one alone."""
        base = self.screen_stack[0]
        width, height = self.size
        small = width < LEAST[0] or height < LEAST[1]
        base.set_class(small, "too-small")
        base.query_one("#small", Static).update(
            f"the terminal is too small\n{LEAST[0]}x{LEAST[1]} needed, have {width}x{height}"
        )
        base.set_class(self._narrow, "narrow")
        base.set_class(bool(self._chosen), "single")
        for kind in PANES:
            pane = base.query_one(kind)
            name = str(pane.id)
            if small:
                pane.display = False
            elif self._chosen:
                pane.display = name == self._chosen
            elif self._narrow:
                pane.display = name in (_OVERVIEW if height >= LOW else _OVERVIEW[:2])
            else:
                pane.display = name not in self._hidden
        for side in ("left", "right"):
            column = base.query_one(f"#{side}", Vertical)
            shown = [pane for pane in column.query(Pane) if pane.display]
            column.display = bool(shown)
            column.set_class(bool(shown), "chosen")
        base.query_one("#main").display = any(base.query_one(f"#{side}").display for side in ("left", "right"))
        self._draw()

    def _footer(self) -> Text:
        """What went wrong or has ended, if anything; else the keys."""
        line = Text(no_wrap=True, overflow="ellipsis")
        if self.view.message:
            return line.append(f" {self.view.message}", style="bold")
        for key, name in footer_entries():
            line.append(f" {key} ", style="bold reverse")
            line.append(f" {name} ")
        if line.cell_len + len(_PANE_HINT) <= self.size.width:
            line.append(_PANE_HINT, style="dim")
        return line
