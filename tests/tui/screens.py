"""Pictures of the screen for the documentation: `python -m tests.tui.screens` draws them anew.

test_screens compares them with what the code draws.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from ampviz.telemetry.reading import Recording
from ampviz.telemetry.snapshot import Snapshot
from ampviz.tui.panes.graph import FRAMES, GraphPane
from ampviz.tui.replay import ReplayFeed
from ampviz.tui.replay_app import ReplayApp
from tests.telemetry.samples import write
from tests.tui.story import INFO, paused, story
from tests.tui.terminal import NARROW, WIDE, Terminal, terminal

FOLDER = Path(__file__).parents[2] / "docs" / "screens"


@dataclass(frozen=True, slots=True)
class Picture:
    """A screen after these ticks and keys."""

    size: tuple[int, int]
    ticks: Callable[[], Sequence[Snapshot]] = story
    keys: tuple[str, ...] = field(default=())
    theme: str = "ampviz"


PICTURES = {
    "narrow": Picture(NARROW),
    "wide": Picture(WIDE),
    "paused": Picture(WIDE, paused, ("8",)),
    "light": Picture(WIDE, keys=("l",), theme="ampviz-light"),
    "graph": Picture(WIDE, paused, ("8", "F")),
    "keys": Picture(WIDE, keys=("question_mark",)),
}


async def drawn(name: str) -> str:
    """One picture as SVG, or that of a replay."""
    if name == "replay":
        return await _replay()
    picture = PICTURES[name]
    async with terminal(picture.size, silent=True, info=INFO) as shown:
        shown.app.theme = picture.theme
        for tick in picture.ticks():
            shown.feed.push(tick)
        await shown.press(*picture.keys)
        return await _still(shown)


async def _replay() -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "run.ampviz", *story(), info=INFO)
        async with asyncio.timeout(10):
            with closing(ReplayFeed(Recording(path))) as feed:
                app = ReplayApp(feed)
                async with app.run_test(size=NARROW) as pilot:
                    shown = Terminal(app, feed, pilot)  # type: ignore[arg-type]
                    await shown.press("end", "comma", "comma")
                    return await _still(shown)


async def _still(shown: Terminal) -> str:
    """The screen as SVG when everything that moves has arrived; the names in it are those of every drawing."""
    for pane in shown.app.screen_stack[0].query(GraphPane):
        for _ in range(FRAMES + 1):
            pane.advance()
    await shown.settle()
    svg = shown.app.export_screenshot(title="ampviz")
    return re.sub(r"terminal-\d+-", "ampviz-", svg).rstrip() + "\n"


NAMES = [*PICTURES, "replay"]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in NAMES:
        (FOLDER / f"{name}.svg").write_text(asyncio.run(drawn(name)))


if __name__ == "__main__":
    main()
