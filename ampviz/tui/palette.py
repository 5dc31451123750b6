"""The command palette: every action of the table of keys, and every theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from ampviz.tui.actions.base import SessionApp
from ampviz.tui.places import PANES
from ampviz.tui.themes import THEMES


class KeyCommands(Provider):
    """Searches them by what they do."""

    async def discover(self) -> Hits:
        for words, note, run in self._commands(own_themes_only=True):
            yield DiscoveryHit(words, run, help=note)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for words, note, run in self._commands():
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, matcher.highlight(words), run, help=note)

    def _commands(self, *, own_themes_only: bool = False) -> Iterator[tuple[str, str, Callable[[], object]]]:
        """What each does, its key, and how to do it."""
        app = cast("SessionApp", self.app)
        for key in app.key_table:
            yield f"{key.group}: {key.help}", key.shown, partial(app.run_action, key.action)
        for place in PANES:
            for key in place.pane.keys:
                yield (
                    f"{place.title}: {key.help}",
                    f"{key.shown} in the pane",
                    partial(self._in_pane, place.name, key.action),
                )
        themes = [theme.name for theme in THEMES]
        for name in themes if own_themes_only else dict.fromkeys([*themes, *app.available_themes]):
            yield f"Theme: {name}", "", partial(setattr, app, "theme", name)

    async def _in_pane(self, name: str, action: str) -> None:
        """Show the pane, go there, and do it."""
        pane = self.app.query_one(f"#{name}")
        if not pane.display:
            await self.app.run_action(f"pane('{name}')")
        pane.focus()
        await pane.run_action(action)
