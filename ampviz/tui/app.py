"""The application: composes the panes, feeds them, draws. What the keys do is in `tui.actions`."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from ampviz.telemetry.link import Finished
from ampviz.telemetry.snapshot import Snapshot, Status
from ampviz.tui.actions.inspect import InspectActions
from ampviz.tui.actions.knobs import KnobActions
from ampviz.tui.actions.link import LinkActions
from ampviz.tui.actions.lints import LintActions
from ampviz.tui.actions.panes import PaneActions
from ampviz.tui.actions.run import RunActions
from ampviz.tui.actions.stops import StopActions
from ampviz.tui.actions.view import ViewActions
from ampviz.tui.bars import Bar, footer, tabs
from ampviz.tui.client import Feed
from ampviz.tui.draw import status_line
from ampviz.tui.filter_line import FilterLine
from ampviz.tui.glyphs import ASCII, UNICODE
from ampviz.tui.key import Key, bindings
from ampviz.tui.keys import KEYS
from ampviz.tui.layout import LEAST
from ampviz.tui.motion import is_slow
from ampviz.tui.palette import KeyCommands
from ampviz.tui.pane import Column, Pane
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.places import PANES
from ampviz.tui.themes import THEMES, chosen_theme, recoloured
from ampviz.tui.view import View

_CLOSELY_S = 1.0  # after a request every snapshot is drawn for so long
_SHARE, _SLOWEST = 0.08, 2.5  # of one core for the screen; times `frame_s` between frames at most


class AmpvizApp(
    LinkActions, RunActions, StopActions, KnobActions, LintActions, InspectActions, PaneActions, ViewActions
):
    """Shows one session. Returns its outcome, or None if left before the end: `detached` tells whether it goes on.

    `frame_s` seconds at least lie between two frames while the run just goes on, and up to 2.5 times as many where the
    screen would take over 8 % of a core from the training. With 0 every snapshot is drawn.
    """

    CSS_PATH = "app.tcss"
    TITLE = "ampviz"
    COMMANDS: ClassVar = {KeyCommands}
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(KEYS)]
    key_table: ClassVar[tuple[Key, ...]] = KEYS

    def __init__(self, feed: Feed, *, ascii_only: bool = False, read_only: bool = False, frame_s: float = 0.0):
        super().__init__()
        self._drawable = False
        self._frame_s, self._pace = frame_s, frame_s
        self._drawn_at, self._cpu_then = -1e9, 0.0
        self._next_frame: Timer | None = None
        for own in THEMES:
            self.register_theme(own)
        self.theme = chosen_theme()
        self.feed = feed
        self.view = View(feed.info)
        self.view.read_only = read_only
        self.glyphs = ASCII if ascii_only else UNICODE

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        yield Bar("tabs")
        with Horizontal(id="main"):
            for column in (Column.LEFT, Column.RIGHT):
                with Vertical(id=column):
                    yield from _panes(column)
        with Vertical(id=Column.BELOW):
            yield from _panes(Column.BELOW)
        yield FilterLine()
        yield Bar("footer")
        yield Static(id="small")

    def on_mount(self) -> None:
        self.set_class(self.glyphs is ASCII, "ascii")
        self._drawable = True
        self.lay_out()
        self.query_one(QueuePane).focus()
        self.feed.listen(self._on_snapshot, self._on_end, self._on_link)

    def on_unmount(self) -> None:
        self._drawable = False  # the link may outlive the screen for a moment

    def on_resize(self, event: events.Resize) -> None:
        if self._drawable:
            self.call_later(self.lay_out)  # Textual notes the new size after this handler

    # What comes from the session

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        self.view.add(snapshot)
        self.settle_knobs()
        wait = 0.0 if self._watched_closely(snapshot) else self._drawn_at + self._pace - time.monotonic()
        if wait <= 0:
            self.draw()
        elif self._next_frame is None:
            self._next_frame = self.set_timer(wait, self.draw)

    def _watched_closely(self, snapshot: Snapshot) -> bool:
        """Whether a person waits for the effect of a key, or follows single messages."""
        running = snapshot.status is Status.RUNNING and not is_slow(snapshot)
        return not running or time.monotonic() - self.asked_at < _CLOSELY_S

    def _on_link(self, up: bool) -> None:
        self.view.lost = not up
        if up:
            self.view.restart()
        self.say("" if up else "the link to the session was lost: connecting again")

    def _on_end(self, finished: Finished | None) -> None:
        self.view.finished = finished
        self.view.lost = True
        if finished is not None:
            self.view.message = finished.error or "the run has ended: q leaves"
        else:
            self.view.message = "the link to the session was lost: q leaves"
        self.draw()

    # Drawing

    def draw(self) -> None:
        spent, self._cpu_then = time.process_time() - self._cpu_then, time.process_time()
        self._drawn_at, self._pace = time.monotonic(), min(max(self._frame_s, spent / _SHARE), _SLOWEST * self._frame_s)
        if self._next_frame is not None:
            self._next_frame.stop()
            self._next_frame = None
        base = self.screen_stack[0] if self._drawable else None
        if base is None or not base.children:  # not there yet, or no longer
            return
        header = status_line(self.view, self.size.width, self.glyphs)
        base.query_one("#status", Static).update(recoloured(header, self.current_theme), layout=False)
        base.query_one("#tabs", Bar).show(tabs(PANES, self.layout_now.shown, _name(base.focused), self.size.width))
        base.query_one("#footer", Bar).show(footer(self.view.message, self.key_table))
        for pane in base.query(Pane):
            if pane.display:
                pane.show(self.view, self.glyphs)
        if self.view.finished is not None and self.leave_when_ended:
            self.exit(self.view.finished)

    def lay_out(self) -> None:
        """Show the panes that fit: all on a wide screen, an overview on a narrow one, or the chosen one alone."""
        base, layout, size = self.screen_stack[0], self.layout_now, self.size
        base.query_one("#small", Static).update(
            f"the terminal is too small\n{LEAST[0]}x{LEAST[1]} needed, have {size.width}x{size.height}"
        )
        base.set_class(layout.small, "too-small")
        base.set_class(layout.narrow, "narrow")
        base.query_one("#tabs").display = layout.tabs
        base.set_class(len(layout.shown) == 1, "single")
        for pane in base.query(Pane):
            pane.display = pane.id in layout.shown
        for column, names in layout.columns.items():
            base.query_one(f"#{column}").display = bool(names)
        base.query_one("#main").display = bool(layout.columns[Column.LEFT] or layout.columns[Column.RIGHT])
        self.draw()

    def on_descendant_focus(self) -> None:
        self.draw()  # the tabs show where the focus is

    def watch_theme(self) -> None:
        if self._drawable:
            self.draw()


def _name(widget: Widget | None) -> str:
    return str(widget.id) if widget is not None else ""


def _panes(column: Column) -> list[Pane]:
    return [place.pane(place) for place in PANES if place.column is column]
