"""A link server without a session behind it, and viewers on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from types import SimpleNamespace

from ampviz.runtime.link_server import LinkServer
from ampviz.telemetry.channel import open_channel
from ampviz.telemetry.link import (
    VERSION,
    Finished,
    Hello,
    Inspect,
    Reply,
    Request,
    SetKnob,
    TakeControl,
    Tick,
    session_decoder,
)
from ampviz.telemetry.snapshot import Snapshot
from tests.telemetry.endpoint import Endpoint
from tests.telemetry.samples import INFO, point, snapshot

FINISHED = Finished(0, "", {"exit": 0, "epochs": []})
PADDING = "x" * (256 << 10)  # makes a tick larger than a socket takes


class FakeSession:
    """What the server needs of a session: notes what it is asked and refuses unknown knobs."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.questions: list[tuple[Inspect, Callable[[Reply], None]]] = []
        self.notes: list[tuple[str, str]] = []
        self.controller = SimpleNamespace(note=lambda kind, text: self.notes.append((kind, text)))

    def info(self):
        return INFO

    def request(self, request: Request) -> Reply:
        self.requests.append(request)
        refused = isinstance(request, SetKnob) and request.name == "volume"
        return Reply(request.id, "no knob is called 'volume'" if refused else "")

    def hurry(self) -> None:
        """There are no ticks but those of the test."""

    def inspect(self, request: Inspect, reply: Callable[[Reply], None]) -> None:
        self.questions.append((request, reply))


class Viewer(Endpoint):
    """A viewer, connected once it has had an answer."""

    async def connect(self, server: LinkServer, *, control: bool = True) -> Viewer:
        """Connect, be greeted, and take control."""
        self.channel = await open_channel(await connected(server), session_decoder, self.receive, self.lost)
        assert await self.count(1) == [Hello(VERSION, INFO)]
        if control:
            self.channel.send([TakeControl(0)])
            assert (await self.count(2))[1] == Reply(0)
            self.received.pop()
        return self

    def points(self) -> list:
        return [each for message in self.received if isinstance(message, Tick) for each in message.snapshot.new_points]


async def connected(server: LinkServer) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, str(server.path.resolve()))
    return sock


@contextlib.asynccontextmanager
async def serving(folder):
    """A server that listens, and the session behind it."""
    session = FakeSession()
    server = LinkServer(session, folder / "link")
    await server.start()
    try:
        yield server, session
    finally:
        await server.finish(FINISHED)


def tick(number: int, **changes) -> Snapshot:
    return snapshot(number / 10, new_points=(point(number),), **changes)
