"""A connection between two workers over a Unix stream socket; uses asyncio."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import cast

from ampviz.errors import WorkerError
from ampviz.message import Direction
from ampviz.nodes.payload import Payload
from ampviz.runtime.wire import Frame, FrameReader, encode
from ampviz.state import State

_SOCKET_BUFFER = 4 << 20  # bytes
_HIGH_WATER = 8 << 20  # bytes the transport may hold before frames wait here


class Peer(asyncio.BufferedProtocol):
    """One end. `deliver` gets the frames that came; `lost` is called once, with None after a clean end.

    Sending never blocks: `send` lines frames up, `flush` hands all of them to the transport in one call. While the
    peer does not keep up they wait here, and `unsent` counts them.
    """

    def __init__(self, deliver: Callable[[list[Frame]], None], lost: Callable[[Exception | None], None]):
        self._deliver, self._lost = deliver, lost
        self._reader = FrameReader()
        self._outgoing: list[bytes | memoryview] = []
        self.unsent = 0
        self._writable = True
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None

    def send(
        self,
        direction: Direction,
        edge: int,
        states: Sequence[State],
        payload: Payload | None,
        counts: Sequence[int],
    ) -> None:
        """Line up messages of one edge: the rows of all payloads, and how many each has."""
        self._outgoing += encode(direction, edge, states, payload, counts)
        self.unsent += len(states)

    def flush(self) -> None:
        """Hand everything lined up to the transport, unless the peer is behind."""
        if self._outgoing and self._writable and self._transport is not None:
            self._transport.writelines(self._outgoing)
            self._outgoing = []
            self.unsent = 0

    def close(self) -> None:
        """Close after what was flushed has been written."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_HIGH_WATER)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._reader.get_buffer()

    def buffer_updated(self, nbytes: int) -> None:
        try:
            frames = self._reader.received(nbytes)
        except WorkerError as error:
            self._error = error
            if self._transport is not None:
                self._transport.abort()
            return
        if frames:
            self._deliver(frames)

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost(self._error or exc)


async def connect_peer(
    sock: socket.socket, deliver: Callable[[list[Frame]], None], lost: Callable[[Exception | None], None]
) -> Peer:
    """A peer over an already connected socket, with large socket buffers."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BUFFER)
    loop = asyncio.get_running_loop()
    _, peer = await loop.create_unix_connection(lambda: Peer(deliver, lost), sock=sock)
    return peer
