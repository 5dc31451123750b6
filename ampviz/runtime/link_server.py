"""Serves a session to its viewers over a private Unix socket; uses asyncio.

Every viewer is greeted at once, gets the whole history with the next tick, then one snapshot a tick. One that does not
keep up is skipped until it does, with nothing lost but the ticks between; a broken one is dropped. Neither slows the
training. A viewer may only look until it has taken control; several may have it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

import msgspec
from msgspec.structs import replace

from ampviz.errors import LinkError
from ampviz.runtime.session import Session
from ampviz.telemetry.channel import Channel
from ampviz.telemetry.history import History
from ampviz.telemetry.link import (
    READ_ONLY,
    VERSION,
    Finished,
    Hello,
    Inspect,
    Reply,
    Request,
    Steering,
    TakeControl,
    Tick,
    encode,
    request_decoder,
)
from ampviz.telemetry.snapshot import Snapshot

_LONGEST_PATH = 100  # bytes; Linux takes 107, macOS 103
_MAX_REQUEST = 64 << 10  # bytes
_BACKLOG = 1 << 20  # bytes a viewer may be behind before its ticks are skipped


class _Viewer:
    """One connection and what it has not been told yet."""

    def __init__(self, server: LinkServer):
        self.server = server
        self.pending = server.history.copy()
        self.channel: Channel[Request] = Channel(
            request_decoder, self._requests, self._lost, max_frame=_MAX_REQUEST, made=self._greet
        )
        self.control = False
        self.behind = True
        self.seen = False  # it has got a snapshot: a list of sessions comes for one only, and is not counted
        self.skipped = 0  # ticks

    def tick(self, snapshot: Snapshot) -> None:
        self.pending.add(snapshot)
        self.behind = self.channel.closed or self.channel.backlog > _BACKLOG
        if self.behind:
            self.skipped += 1
        else:
            self._show(snapshot)

    def finish(self, last: Snapshot | None, finished: Finished) -> None:
        if self.behind:
            self._show(last)
        self.channel.send([finished])
        self.channel.close()

    def _greet(self) -> None:
        self.channel.send([Hello(VERSION, self.server.info)])

    def _show(self, snapshot: Snapshot | None) -> None:
        if snapshot is not None:
            self.seen = True
            full = self.pending.take(snapshot)
            self.channel.send_encoded(encode([Tick(replace(full, skipped=self.skipped) if self.skipped else full)]))

    def _requests(self, requests: list[Request]) -> None:
        if self.channel.backlog > _BACKLOG:  # it asks and never reads: the answers would fill the memory
            self.channel.refuse(LinkError("it does not read the answers to its requests"))
        else:
            for request in requests:
                if isinstance(request, Inspect):
                    self.server.session.inspect(request, lambda reply: self.channel.send([reply]))
                else:
                    self.channel.send([self._answer(request)])

    def _answer(self, request: Request) -> Reply:
        if isinstance(request, TakeControl):
            return self._take_control(request)
        if isinstance(request, Steering) and not self.control:
            return Reply(request.id, READ_ONLY)
        return self.server.session.request(request)

    def _take_control(self, request: TakeControl) -> Reply:
        if not self.control and len(self.server.viewers) > 1:
            self.server.session.controller.note("VIEWER", "one more viewer has taken control")
        self.control = True
        return Reply(request.id)

    def _lost(self, error: Exception | None) -> None:
        self.server.viewers.discard(self)
        if not self.server.viewers:
            self.server.nobody.set()
        if isinstance(error, LinkError):
            self.server.session.controller.note("VIEWER", f"a viewer was dropped: {error}")


class LinkServer:
    """The viewers of one session. Call `tick` with each snapshot and `finish` at the end."""

    def __init__(self, session: Session, path: Path):
        self.session, self.path, self.info = session, path, session.info()
        self.history = History()
        self.viewers: set[_Viewer] = set()
        self.nobody = asyncio.Event()
        self.nobody.set()
        self._server: asyncio.AbstractServer | None = None
        self._last: Snapshot | None = None
        self._elsewhere: Path | None = None

    async def start(self) -> None:
        """Listen at the path; only this user may connect.

        The system bounds the length of a socket's path: where it is too long the socket lies in a private temporary
        folder, and the path is a link to it.
        """
        loop = asyncio.get_running_loop()
        path = str(self.path)
        if len(os.fsencode(path)) > _LONGEST_PATH:
            self._elsewhere = Path(tempfile.mkdtemp(prefix="ampviz-"))
            path = str(self._elsewhere / "link")
            self.path.symlink_to(path)
        before = os.umask(0o177)
        try:
            self._server = await loop.create_unix_server(self._connect, path)
        finally:
            os.umask(before)

    def tick(self, snapshot: Snapshot) -> None:
        """Remember a snapshot and send it to every viewer that keeps up."""
        snapshot = msgspec.structs.replace(snapshot, viewers=sum(viewer.seen for viewer in self.viewers))
        self._last = snapshot
        self.history.add(snapshot)
        for viewer in list(self.viewers):
            viewer.tick(snapshot)

    async def finish(self, finished: Finished) -> None:
        """Tell every viewer the outcome and close."""
        for viewer in list(self.viewers):
            viewer.finish(self._last, finished)
        with contextlib.suppress(TimeoutError):  # a viewer that hangs does not keep the session
            async with asyncio.timeout(2):
                await self.nobody.wait()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        self.path.unlink(missing_ok=True)
        if self._elsewhere is not None:
            shutil.rmtree(self._elsewhere, ignore_errors=True)

    def _connect(self) -> Channel[Request]:
        viewer = _Viewer(self)
        self.viewers.add(viewer)
        self.nobody.clear()
        self.session.hurry()
        return viewer.channel
