"""The screen of a replay as an SVG picture, without a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ampviz.telemetry.reading import Recording
from ampviz.tui.replay import ReplayFeed
from ampviz.tui.replay_app import ReplayApp

if TYPE_CHECKING:
    from textual.pilot import Pilot

SIZE = (140, 45)
"""Columns and rows."""


def picture(recording: Recording, at: float, size: tuple[int, int] = SIZE) -> str:
    """The session as it was then."""
    feed = ReplayFeed(recording)
    feed.playing = False
    app, pictures = ReplayApp(feed), []

    async def take(pilot: Pilot[Any]) -> None:
        feed.seek(at)
        await pilot.pause()
        pictures.append(app.export_screenshot(title=f"ampviz {recording.info.target}"))
        app.exit()

    app.run(headless=True, size=size, auto_pilot=take)
    return "".join(pictures)
