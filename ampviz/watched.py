"""Running a session in a process of its own with the UI attached to it; uses asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec

from ampviz.errors import LinkError, WorkerError
from ampviz.runtime.serve import ServeRequest, make_session
from ampviz.telemetry.link import Finished
from ampviz.tui.app import AmpvizApp
from ampviz.tui.client import LinkClient

_START_S = 60.0
_END_S = 10.0
_POLL_S = 0.02


def watch(request: ServeRequest) -> tuple[Finished | None, str]:
    """Start the session, show it until the user leaves; returns its outcome and the checkpoint it left, "" for none.

    Raises AmpvizError of exit code 2 for a wrong request, before the screen is touched.
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
    try:
        finished = asyncio.run(_view(process, folder))
    finally:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_END_S)
        if process.poll() is None:
            process.terminate()
            process.wait()
    checkpoint = folder / "checkpoint.safetensors"
    return finished, str(checkpoint) if checkpoint.exists() else ""


async def _view(process: subprocess.Popen[bytes], folder: Path) -> Finished | None:
    client = await _connected(process, folder)
    ascii_only = bool(os.environ.get("AMPVIZ_ASCII")) or "utf" not in (sys.stdout.encoding or "").lower()
    try:
        return await AmpvizApp(client, ascii_only=ascii_only).run_async()
    finally:
        client.close()


async def _connected(process: subprocess.Popen[bytes], folder: Path) -> LinkClient:
    """Wait for the session's socket, then for its hello. Raises WorkerError with its last words if it dies."""
    try:
        async with asyncio.timeout(_START_S):
            while not (folder / "link").exists():
                if process.poll() is not None:
                    words = (folder / "log").read_text(errors="replace").strip().splitlines()
                    raise WorkerError(words[-1] if words else "the session did not start", where=str(folder / "log"))
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise LinkError("the session did not start in time", where=str(folder / "log")) from None
    client = LinkClient()
    await client.connect(folder / "link")
    return client
