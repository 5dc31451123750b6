"""A stream of length-prefixed msgpack frames over a Unix socket; uses asyncio.

Carries commands between controller and workers, and the link between a session and its viewers.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import msgspec

from ampviz.errors import LinkError

Received = TypeVar("Received")

_LENGTH = struct.Struct("<I")
MAX_FRAME = 16 << 20  # bytes


class Channel(asyncio.Protocol, Generic[Received]):
    """One end. A frame holds a list of messages; `receive` gets it decoded, strictly.

    `lost` is called once, with None after a clean end of the stream, else with the reason; a frame that is oversized
    or does not decode closes the channel and is such a reason, never an exception in the event loop. `made` is called
    once it is connected, before anything is received.
    """

    def __init__(
        self,
        decoder: msgspec.msgpack.Decoder[list[Received]],
        receive: Callable[[list[Received]], None],
        lost: Callable[[Exception | None], None],
        *,
        max_frame: int = MAX_FRAME,
        made: Callable[[], None] = lambda: None,
    ):
        self._decoder, self._receive, self._lost, self._max_frame = decoder, receive, lost, max_frame
        self._made = made
        self._encoder = msgspec.msgpack.Encoder()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._error: Exception | None = None

    def send(self, messages: list[Any]) -> None:
        """Send messages as one frame; dropped in silence when the channel is closed."""
        self.send_encoded(self._encoder.encode(messages))

    def send_encoded(self, frame: bytes) -> None:
        """Send a list of messages that was encoded before, for the same frame to several viewers."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_LENGTH.pack(len(frame)) + frame)

    @property
    def backlog(self) -> int:
        """Bytes the peer has not taken yet: a slow viewer is one whose backlog does not fall."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def closed(self) -> bool:
        return self._transport is None

    def close(self) -> None:
        """Close after what was sent has been written."""
        if self._transport is not None:
            self._transport.close()

    def refuse(self, error: LinkError) -> None:
        """Close at once, whatever has not been written; `lost` gets the error."""
        self._error = error
        self._buffer.clear()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without being a subclass
        self._made()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _LENGTH.size and self._error is None:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > self._max_frame:
                self.refuse(
                    LinkError("the frame is too large", expected=f"at most {self._max_frame} bytes", got=length)
                )
                return
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            frame = bytes(buffer[start + _LENGTH.size : end])
            start = end
            try:
                messages = self._decoder.decode(frame)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                self.refuse(LinkError(f"the frame does not decode: {error}"))
                return
            self._receive(messages)
        del buffer[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost(self._error or exc)


async def open_channel(
    sock: socket.socket,
    decoder: msgspec.msgpack.Decoder[list[Received]],
    receive: Callable[[list[Received]], None],
    lost: Callable[[Exception | None], None],
) -> Channel[Received]:
    """A channel over an already connected Unix socket."""
    loop = asyncio.get_running_loop()
    _, channel = await loop.create_unix_connection(lambda: Channel(decoder, receive, lost), sock=sock)
    return channel
