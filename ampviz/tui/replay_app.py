"""The application on a recording: the same screen with a scrubber above the keys, and no run to steer."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType

from ampviz.tui.app import AmpvizApp
from ampviz.tui.glyphs import drawable
from ampviz.tui.key import Key, bindings
from ampviz.tui.keys import REPLAY_KEYS, REPLAY_TABLE
from ampviz.tui.replay import ReplayFeed
from ampviz.tui.scrubber import Scrubber

_FRAME_S = 0.1


class ReplayApp(AmpvizApp):
    """Shows a recording until the user leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings(REPLAY_KEYS)]
    key_table: ClassVar[tuple[Key, ...]] = REPLAY_TABLE

    def __init__(self, feed: ReplayFeed, *, ascii_only: bool = False):
        super().__init__(feed, ascii_only=ascii_only)
        self.replay = feed
        self.view.replayed = True

    def on_mount(self) -> None:
        self.replay.on_rewind = self.view.rewind
        self.mount(Scrubber(self._seek), before="#footer")
        self.set_interval(_FRAME_S, lambda: self.play_on(_FRAME_S))

    def play_on(self, seconds: float) -> None:
        """Let so much time of the viewer go by."""
        if self.replay.playing:
            self.replay.advance(seconds)
            self._draw_scrubber()

    def draw(self) -> None:
        if not self.replay.catching_up:
            super().draw()
            self._draw_scrubber()

    def _draw_scrubber(self) -> None:
        for scrubber in self.screen_stack[0].query(Scrubber):
            scrubber.show(self.replay.position, self.glyphs)

    def _seek(self, at: float) -> None:
        self.replay.seek(at)
        self._draw_scrubber()

    # Keys

    def action_toggle_play(self) -> None:
        self.replay.toggle()
        self.say("")

    def action_change_speed(self, by: int) -> None:
        self.replay.change_speed(by)
        self.say("")

    def action_step_snapshot(self, by: int) -> None:
        self.replay.step(by)
        self.say("")

    def action_to_landmark(self, by: int) -> None:
        event = self.replay.to_landmark(by)
        if event is not None:
            self.say(drawable(f"{event.kind} {event.text}", self.glyphs))
        else:
            self.say(f"no {self.replay.landmark} {'after' if by > 0 else 'before'} this")

    def action_landmark_kind(self) -> None:
        self.replay.next_landmark_kind()
        self.say(f", and . go to the {self.replay.landmark} before and after")

    def action_to_start(self) -> None:
        self.replay.seek(0.0)
        self.say("")

    def action_to_end(self) -> None:
        self.replay.to_end()
        self.say("")

    def action_freeze(self) -> None:
        """What is past stands still by itself."""
        self.action_toggle_play()

    def action_leave(self) -> None:
        self.exit(None)

    def action_detach(self) -> None:
        self.exit(None)
