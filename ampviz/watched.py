"""Running a session in a process of its own with the UI attached to it; uses asyncio."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from ampviz.errors import LinkError, WorkerError
from ampviz.runtime.serve import ServeRequest, make_session
from ampviz.telemetry.link import Finished, TakeControl
from ampviz.tui.app import AmpvizApp
from ampviz.tui.client import LinkClient

_START_S = 60.0
_END_S = 30.0
_POLL_S = 0.02


def watch(request: ServeRequest) -> tuple[Finished | None, str]:
    """Start the session, show it until the user leaves; returns its outcome and the checkpoint it left, "" for none.

    Raises AmpvizError of exit code 2 for a wrong request, before the screen is touched, and WorkerError where the
    session or the UI broke.
    """
    make_session(request).discard()
    folder = Path(request.folder)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ampviz.runtime.serve", msgspec.json.encode(request).decode()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # the terminal's ctrl-c and hang-up are not for it
        )
    finished = None
    try:
        finished = asyncio.run(_view(process, folder))
    finally:
        _end(process, asked=finished is not None)
    if finished is None and process.returncode not in (0, 130):
        raise WorkerError(_last_words(folder), where=str(folder / "log"))
    checkpoint = folder / "checkpoint.safetensors"
    return finished, str(checkpoint) if checkpoint.exists() else ""


def _end(process: subprocess.Popen[bytes], *, asked: bool) -> None:
    """Wait for the session to leave; one that was not asked to is told to save and stop, and killed if it does not."""
    if not asked:
        process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def _view(process: subprocess.Popen[bytes], folder: Path) -> Finished | None:
    client = await _connected(process, folder)
    ascii_only = bool(os.environ.get("AMPVIZ_ASCII")) or "utf" not in (sys.stdout.encoding or "").lower()
    app = AmpvizApp(client, ascii_only=ascii_only)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, app.exit)  # the terminal is gone: save and stop
    try:
        finished = await app.run_async()
    finally:
        client.close()
    if app.return_code:  # Textual has shown what went wrong
        raise WorkerError("the UI failed; the session was asked to stop and save", where=str(folder / "log"))
    return finished


async def _connected(process: subprocess.Popen[bytes], folder: Path) -> LinkClient:
    """Wait for the session's socket, then for its hello. Raises WorkerError with its last words if it dies."""
    try:
        async with asyncio.timeout(_START_S):
            while not (folder / "link").exists():
                if process.poll() is not None:
                    raise WorkerError(_last_words(folder), where=str(folder / "log"))
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise LinkError("the session did not start in time", where=str(folder / "log")) from None
    client = LinkClient()
    await client.connect(folder / "link")
    await client.request(TakeControl)
    return client


def _last_words(folder: Path) -> str:
    words = (folder / "log").read_text(errors="replace").strip().splitlines()
    return words[-1] if words else "the session ended without a word"
