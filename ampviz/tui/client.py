"""The viewer's end of the link; uses asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ampviz.errors import LinkError
from ampviz.telemetry.channel import Channel
from ampviz.telemetry.link import VERSION, Finished, FromSession, Hello, Reply, Request, Tick, session_decoder
from ampviz.telemetry.snapshot import SessionInfo, Snapshot

_MAX_FRAME = 64 << 20  # bytes: the first snapshot carries the whole history
_REPLY_S = 5.0


class Feed(Protocol):
    """Where a UI gets its snapshots from and sends its requests to."""

    info: SessionInfo

    def listen(
        self,
        on_snapshot: Callable[[Snapshot], None],
        on_end: Callable[[Finished | None], None],
        on_link: Callable[[bool], None],
    ) -> None:
        """Call `on_snapshot` with each snapshot, and `on_end` once: with the outcome, or None if the link was lost.

        `on_link` is called with False while a lost link is tried again, with True when it is back: then the next
        snapshot brings the whole history once more.
        """
        ...

    async def request(self, make: Callable[[int], Request]) -> Reply:
        """Send the request made for an id; its reply. Raises LinkError if none comes."""
        ...

    def close(self) -> None:
        """Leave."""
        ...


class LinkClient:
    """One connection to the Unix socket of a session."""

    def __init__(self) -> None:
        self.finished: Finished | None = None
        self._channel: Channel[FromSession] = Channel(session_decoder, self._received, self._lost, max_frame=_MAX_FRAME)
        self._hello: asyncio.Future[Hello] = asyncio.get_running_loop().create_future()
        self._replies: dict[int, asyncio.Future[Reply]] = {}
        self._early: list[Snapshot] = []
        self._on_snapshot: Callable[[Snapshot], None] = self._early.append
        self._on_end: Callable[[Finished | None], None] = lambda finished: None
        self._next_id = 0
        self._ended = False

    async def connect(self, path: Path, *, deadline_s: float = 10.0) -> None:
        """Connect and wait for the session's hello. Raises LinkError, also for another protocol version."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_unix_connection(lambda: self._channel, _followed(path))
            async with asyncio.timeout(deadline_s):
                hello = await self._hello
        except (OSError, TimeoutError) as error:
            self._hello.cancel()
            self.close()
            raise LinkError(f"no session answers: {str(error) or 'timeout'}", where=str(path)) from error
        if hello.version != VERSION:
            self.close()
            raise LinkError("the session speaks another version", expected=VERSION, got=hello.version)
        self.info = hello.session

    def listen(self, on_snapshot: Callable[[Snapshot], None], on_end: Callable[[Finished | None], None]) -> None:
        """Hand over what came already and from now on."""
        self._on_snapshot, self._on_end = on_snapshot, on_end
        for snapshot in self._early:
            on_snapshot(snapshot)
        self._early.clear()
        if self._ended:
            on_end(self.finished)

    async def first_snapshot(self) -> Snapshot:
        """The first that comes, instead of listening. Raises LinkError if the session ends without one."""
        first: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()

        def ended(finished: Finished | None) -> None:
            if not first.done():
                first.set_exception(LinkError("the session has ended"))

        self.listen(lambda snapshot: None if first.done() else first.set_result(snapshot), ended)
        return await first

    async def request(self, make: Callable[[int], Request]) -> Reply:
        """Send and wait for the reply. Raises LinkError if none comes in time."""
        if self._ended:
            raise self._gone()
        self._next_id += 1
        number = self._next_id
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        self._channel.send([make(number)])
        try:
            async with asyncio.timeout(_REPLY_S):
                return await reply
        except TimeoutError:
            raise LinkError("the session did not answer") from None
        finally:
            self._replies.pop(number, None)

    def close(self) -> None:
        self._channel.close()

    def _received(self, messages: list[FromSession]) -> None:
        for message in messages:
            match message:
                case Hello() if not self._hello.done():
                    self._hello.set_result(message)
                case Tick(snapshot):
                    self._on_snapshot(snapshot)
                case Reply(number) if number in self._replies and not self._replies[number].done():
                    self._replies[number].set_result(message)
                case Finished():
                    self.finished = message

    def _lost(self, error: Exception | None) -> None:
        self._ended = True
        if not self._hello.done():
            self._hello.set_exception(LinkError(f"the session hung up: {error or 'end of stream'}"))
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(self._gone())
        self._on_end(self.finished)

    def _gone(self) -> LinkError:
        """What a request is told when nobody is there any more to answer it."""
        return LinkError("the link was lost" if self.finished is None else "the run has ended")


def _followed(path: Path) -> str:
    """Where the socket lies: a session whose folder has too long a path links to it."""
    return str(path.resolve())
