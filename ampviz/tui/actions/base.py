"""What all actions stand on: the feed, the view, the selected node, requests and the word about their outcome."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual import work
from textual.app import App

from ampviz.errors import LinkError
from ampviz.telemetry.link import READ_ONLY, Finished, Request
from ampviz.tui.client import Feed
from ampviz.tui.glyphs import Glyphs
from ampviz.tui.key import Key
from ampviz.tui.keys import shown_key
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.view import View


class SessionApp(App[Finished | None]):
    """An application that shows one session and sends it requests."""

    feed: Feed
    view: View
    glyphs: Glyphs
    key_table: ClassVar[tuple[Key, ...]]
    asked_at = -1e9  # when a request was last sent or answered

    def draw(self) -> None:
        """Bring the screen up to date with the view."""
        raise NotImplementedError

    def say(self, words: str) -> None:
        """Show these words instead of the keys at the bottom; "" shows the keys again."""
        self.view.message = words
        self.draw()

    @work
    async def send(self, make: Callable[[int], Request]) -> None:
        """Send a request and say why if it is refused."""
        await self.ask(make)

    async def ask(self, make: Callable[[int], Request]) -> str:
        """Send a request; the reason if it was refused, else ""."""
        self.asked_at = time.monotonic()
        try:
            reply = await self.feed.request(make)
        except LinkError as error:
            self.say(str(error))
            return str(error)
        self.asked_at = time.monotonic()
        refused = reply.error
        if refused == READ_ONLY:
            refused = f"read-only: press {shown_key('take_control')} to take control"
        self.say(refused)
        return refused

    def selected_node(self) -> str:
        """The node under the cursor of the queues; "" and a word about it where that is a layer of several copies."""
        pane = self.screen_stack[0].query_one(QueuePane)
        rows = pane.rows(self.view)
        if not rows:
            return ""
        row = rows[min(pane.cursor, len(rows) - 1)]
        if row.copies:
            self.say(f"{row.name} has {row.copies} copies: choose one of the rows below it")
            return ""
        return row.name
