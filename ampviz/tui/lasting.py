"""A link to a session that is made again when it drops; uses asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from ampviz.errors import LinkError
from ampviz.telemetry.link import Finished, Reply, Request, TakeControl
from ampviz.telemetry.snapshot import SessionInfo, Snapshot
from ampviz.tui.client import LinkClient

PATIENCE_S = 20.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


class LastingLink:
    """A Feed over the Unix socket of a session.

    Where the connection drops before the session has told its outcome, it tries to connect again, for a bounded time
    and while the session is `alive`; the new connection has the control that the old one had, and begins with the
    whole history.
    """

    info: SessionInfo

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S, alive: Callable[[], bool] = lambda: True):
        self._path, self._patience_s, self._alive = path, patience_s, alive
        self._client: LinkClient | None = None
        self._control = False
        self._closed = False
        self._again: asyncio.Task[None] | None = None

    async def connect(self, *, control: bool = False) -> None:
        """Connect for the first time. Raises LinkError."""
        self._control = control
        self._client = await self._connected()
        self.info = self._client.info

    def listen(
        self,
        on_snapshot: Callable[[Snapshot], None],
        on_end: Callable[[Finished | None], None],
        on_link: Callable[[bool], None] = lambda up: None,
    ) -> None:
        """See Feed; `on_end` gets None once nothing more is tried."""
        self._on_snapshot, self._on_end, self._on_link = on_snapshot, on_end, on_link
        if self._client is not None:
            self._client.listen(on_snapshot, self._dropped)

    async def request(self, make: Callable[[int], Request]) -> Reply:
        """See Feed."""
        if self._client is None:
            raise LinkError("the link was lost, connecting again")
        reply = await self._client.request(make)
        if not reply.error and isinstance(make(0), TakeControl):
            self._control = True
        return reply

    def close(self) -> None:
        """Leave, and try no more."""
        self._closed = True
        if self._again is not None:
            self._again.cancel()
        if self._client is not None:
            self._client.close()

    def _dropped(self, finished: Finished | None) -> None:
        if finished is not None or self._closed:
            self._on_end(finished)
            return
        self._client = None
        self._on_link(False)
        self._again = asyncio.get_running_loop().create_task(self._reconnect(), name="connect again")

    async def _reconnect(self) -> None:
        client = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience_s):
                client = await self._retried()
        if client is None:
            self._on_end(None)
            return
        self._client = client
        self._on_link(True)
        client.listen(self._on_snapshot, self._dropped)

    async def _retried(self) -> LinkClient | None:
        pause = _FIRST_PAUSE_S
        while self._alive():
            try:
                return await self._connected()
            except LinkError:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
        return None

    async def _connected(self) -> LinkClient:
        client = LinkClient()
        await client.connect(self._path)
        if self._control:
            try:
                await client.request(TakeControl)
            except BaseException:
                client.close()
                raise
        return client
