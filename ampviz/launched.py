"""A session in a process of its own, independent of the terminal that starts it; uses asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from pathlib import Path

import msgspec

from ampviz.errors import AmpvizError, LinkError, UsageError, WorkerError
from ampviz.runtime.catalogue import look_up
from ampviz.runtime.serve import ServeRequest, make_session
from ampviz.telemetry.snapshot import SessionInfo, Status
from ampviz.tui.client import LinkClient
from ampviz.tui.lasting import LastingLink

_START_S = 60.0
_END_S = 30.0
_LEAVING_S = 2.0
_POLL_S = 0.02


def detached(request: ServeRequest) -> SessionInfo:
    """Start a session and leave it, once its workers are there. Raises AmpvizError where it does not come to that."""
    launched = Launched(request)
    try:
        return asyncio.run(launched.running())
    except BaseException:
        launched.end(asked=False)
        raise


class Launched:
    """Starts the session of a request. Raises AmpvizError of exit code 2 for a wrong one, before it starts anything."""

    def __init__(self, request: ServeRequest):
        make_session(request).discard()
        self.folder = Path(request.folder)
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ampviz.runtime.serve", msgspec.json.encode(request).decode()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # the terminal's ctrl-c and hang-up are not for it
            )

    async def connected(self) -> LastingLink:
        """A link with control, once the session listens. Raises AmpvizError with its last words if it dies."""
        await self._listening()
        link = LastingLink(self.folder / "link", alive=lambda: self.process.poll() is None)
        await link.connect(control=True)
        return link

    async def running(self) -> SessionInfo:
        """Wait until the workers are there and the first figures come, or all is done already.

        Raises AmpvizError with its last words.
        """
        client = LinkClient()
        try:
            await self._listening()
            await client.connect(self.folder / "link")
            async with asyncio.timeout(_START_S):
                first = await client.first_snapshot()
            if first.status is not Status.FAILED:
                return client.info
        except (AmpvizError, TimeoutError):
            with contextlib.suppress(subprocess.TimeoutExpired):  # it may be done with all, and about to leave
                self.process.wait(_LEAVING_S)
        finally:
            client.close()
        self.end(asked=False)
        entry = look_up(self.folder)
        if entry is not None and entry.outcome is not None and entry.outcome.exit == 0:
            return entry.info
        raise self.failure()

    def failure(self) -> AmpvizError:
        """Why the process is gone, in its last words; as a wrong request where it said so."""
        entry = look_up(self.folder)
        words = self.log.read_text(errors="replace").strip().splitlines() or ["the session ended without a word"]
        text = (entry.outcome.error if entry and entry.outcome else "") or words[-1]
        return UsageError(text) if self.process.poll() == 2 else WorkerError(text, where=str(self.log))

    def end(self, *, asked: bool) -> None:
        """Wait for it to leave; one that was not asked to is told to save and stop, and killed if it does not."""
        if not asked:
            self.process.terminate()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    async def _listening(self) -> None:
        try:
            async with asyncio.timeout(_START_S):
                while not (self.folder / "link").exists():
                    if self.process.poll() is not None:
                        raise self.failure()
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise LinkError("the session did not start in time", where=str(self.log)) from None
