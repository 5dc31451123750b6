"""The command palette: every action of the tables of keys, and the themes."""

from __future__ import annotations

import pytest
from textual.command import DiscoveryHit, Hit

from ampviz.telemetry.link import Step, StepGoal
from ampviz.tui.keys import FOCUSED_KEYS, KEYS
from ampviz.tui.palette import KeyCommands
from ampviz.tui.panes.graph import GraphPane
from tests.tui.terminal import NARROW, WIDE, terminal


async def hits(app, query: str = "") -> list[Hit | DiscoveryHit]:
    provider = KeyCommands(app.screen)
    return [hit async for hit in (provider.search(query) if query else provider.discover())]


async def test_it_has_every_action_and_our_themes():
    async with terminal() as shown:
        listed = [str(hit.prompt) for hit in await hits(shown.app)]
        assert [
            key.help for key in (*KEYS, *FOCUSED_KEYS) if not any(words.endswith(key.help) for words in listed)
        ] == []
        assert "Theme: ampviz-light" in listed
        assert not any("nord" in words for words in listed)
        assert any("nord" in str(hit.text) for hit in await hits(shown.app, "nord"))


async def test_an_action_is_found_by_what_it_does():
    async with terminal() as shown:
        best = max(await hits(shown.app, "process one message"), key=lambda hit: hit.score)
        await best.command()
        await shown.settle()
        assert shown.feed.sent == [Step(1)]


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=str)
async def test_an_action_of_a_pane_shows_it_first(size):
    async with terminal(size) as shown:
        (hit,) = await hits(shown.app, "Graph: less in each box")
        await hit.command()
        await shown.settle()
        assert "graph" in shown.panes
        assert isinstance(shown.app.focused, GraphPane)


async def test_a_theme_is_chosen():
    async with terminal() as shown:
        (hit,) = await hits(shown.app, "Theme: ampviz-light")
        hit.command()
        assert shown.app.theme == "ampviz-light"


async def test_its_key_opens_it_and_enter_does_what_was_found():
    async with terminal() as shown:
        await shown.press("ctrl+p")
        await shown.write("next parameter update")
        await shown.until("Run: run to the")
        await shown.press("enter")
        assert shown.feed.sent == [Step(1, StepGoal.UPDATE)]
