"""A terminal for tests: the application with a fake feed and a keyboard, and what is on its screen."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from textual.events import Key, MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot
from textual.widget import Widget

from ampviz.telemetry.snapshot import SessionInfo
from ampviz.tui.app import AmpvizApp
from ampviz.tui.pane import Pane
from tests.tui.feed import NODES, FakeFeed, snapshot

NARROW, WIDE, HUGE = (80, 24), (140, 45), (200, 60)
ROUNDS = 6  # in each, every widget empties its queue; a key bubbles from a widget to the application


@dataclass
class Terminal:
    """A running application with a feed and a keyboard."""

    app: AmpvizApp
    feed: FakeFeed
    pilot: Pilot

    async def press(self, *keys: str) -> None:
        for key in keys:
            self.type(key)
            await self.settle()

    async def write(self, words: str) -> None:
        for character in words:
            self.type(character)
        await self.settle()

    def type(self, key: str) -> None:
        self.app.post_message(Key(key, key if len(key) == 1 else None))

    async def until(self, words: str) -> None:
        """Wait until these words are on the screen; the terminal has a deadline."""
        while words not in self.text:
            await self.settle()

    async def click(self, pane: Widget, x: int, y: int, times: int = 1) -> None:
        """Click at a place of the pane, its border included."""
        await self.pilot.click(pane, offset=(x, y), times=times)
        await self.settle()

    async def wheel(self, pane: Pane, notches: int) -> None:
        """Turn the wheel over the pane, down where positive."""
        kind = MouseScrollDown if notches > 0 else MouseScrollUp
        for _ in range(abs(notches)):
            pane.post_message(kind(pane, 2, 2, 0, 0, 0, False, False, False))
        await self.settle()

    async def push(self, **changes) -> None:
        self.feed.push(snapshot(**changes))
        await self.settle()

    async def settle(self) -> None:
        for _ in range(ROUNDS):
            await self.pilot.pause(0)
        await self.app.workers.wait_for_complete()
        await self.pilot.pause(0)

    @property
    def text(self) -> str:
        """What is on the screen, line by line."""
        svg = self.app.export_screenshot()
        lines: dict[int, str] = {}
        for line, words in re.findall(r'clip-path="url\(#[^)]*-line-(\d+)\)">([^<]*)</text>', svg):
            lines[int(line)] = lines.get(int(line), "") + html.unescape(words).replace("\xa0", " ")
        return "\n".join(lines[line] for line in sorted(lines))

    @property
    def panes(self) -> set[str]:
        """The panes with a place on the screen."""
        screen = self.app.screen_stack[0]
        return {pane.id for pane in screen.query(Pane) if pane.region.area and pane.region in screen.region}

    @property
    def nodes(self) -> list[str]:
        """The names in the queue pane, from above."""
        names = "|".join(node.name for node in NODES)
        return re.findall(rf"^│ *▸?({names}) +w\d", self.text, re.MULTILINE)


@asynccontextmanager
async def terminal(
    size: tuple[int, int] = NARROW,
    *,
    ascii_only: bool = False,
    silent: bool = False,
    read_only: bool = False,
    info: SessionInfo | None = None,
    feed: FakeFeed | None = None,
    frame_s: float = 0.0,
    **changes,
) -> AsyncIterator[Terminal]:
    """An application that has got one snapshot, or none of a silent session."""
    async with asyncio.timeout(30):
        feed = feed or FakeFeed(info)
        app = AmpvizApp(feed, ascii_only=ascii_only, read_only=read_only, frame_s=frame_s)
        async with app.run_test(size=size) as pilot:
            shown = Terminal(app, feed, pilot)
            if not silent:
                await shown.push(**changes)
            yield shown
