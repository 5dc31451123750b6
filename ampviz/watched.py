"""The UI on a session: one that it starts, one that is there already, or a recording of one; uses asyncio."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from ampviz.errors import WorkerError
from ampviz.launched import Launched
from ampviz.runtime.catalogue import is_live
from ampviz.runtime.serve import ServeRequest
from ampviz.telemetry.link import Finished
from ampviz.telemetry.reading import Recording
from ampviz.terminal import let_go, on_terminal
from ampviz.tui.app import AmpvizApp
from ampviz.tui.driver import ForgivingDriver
from ampviz.tui.lasting import LastingLink
from ampviz.tui.replay import ReplayFeed
from ampviz.tui.replay_app import ReplayApp
from ampviz.tui.themes import chosen_theme

_FRAME_S = 0.19  # every second tick: a frame of 140x45 takes 20 ms of a core that the workers could have


@dataclass(frozen=True, slots=True)
class Watched:
    """How looking at a session has ended: with its outcome, or detached, or since terminal or link were gone."""

    finished: Finished | None
    detached: bool = False
    broken: bool = False  # the UI failed, and is detached therefore


def watch(request: ServeRequest) -> Watched:
    """Start the session and show it until the user leaves. Unless detached from, it has ended then.

    Raises AmpvizError of exit code 2 for a wrong request, before the screen is touched, and WorkerError where the
    session broke.
    """
    chosen_theme()  # a wrong name is told before anything starts
    signal.signal(signal.SIGHUP, _interrupt)  # until the UI is there
    launched = Launched(request)
    try:
        watched = asyncio.run(_watched(launched))
    except BaseException:
        launched.end(asked=False)
        raise
    if watched.detached and launched.process.poll() is None:
        return watched
    launched.end(asked=watched.finished is not None)
    if watched.finished is None and launched.process.returncode not in (0, 130):
        raise launched.failure()
    return Watched(watched.finished)


def attach(folder: Path, *, control: bool) -> Watched:
    """Show a session that is under way until the user leaves or it ends."""
    return asyncio.run(_attached(folder, control))


def replay(path: Path) -> None:
    """Show a recording until the user leaves. Raises UsageError for a file that is none."""
    feed = ReplayFeed(Recording(path))
    try:
        app = ReplayApp(feed, ascii_only=_ascii_only())
        app.run()
    finally:
        feed.close()
    if app.return_code:  # Textual has shown what went wrong
        raise WorkerError("the UI failed", where=str(path))


async def _watched(launched: Launched) -> Watched:
    return await _shown(await launched.connected())


async def _attached(folder: Path, control: bool) -> Watched:
    link = LastingLink(folder / "link", alive=lambda: is_live(folder))
    await link.connect(control=control)
    return await _shown(link, read_only=not control)


async def _shown(link: LastingLink, *, read_only: bool = False) -> Watched:
    app = AmpvizApp(link, ascii_only=_ascii_only(), read_only=read_only, frame_s=_FRAME_S)
    app.driver_class = ForgivingDriver

    def hang_up() -> None:
        let_go()
        app.exit()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hang_up)
    gc.freeze()  # a full collection over Textual's modules is a frame of twice the length every few seconds
    try:
        finished = await app.run_async()
    finally:
        link.close()
    broken = bool(app.return_code) and on_terminal()  # Textual has shown what went wrong
    return Watched(finished, app.detached or broken, broken)


def _interrupt(number: int, frame: object) -> None:
    let_go()
    raise KeyboardInterrupt


def _ascii_only() -> bool:
    return bool(os.environ.get("AMPVIZ_ASCII")) or "utf" not in (sys.stdout.encoding or "").lower()
