"""A link that is made again when it drops, against a session written here that drops it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ampviz.errors import LinkError
from ampviz.telemetry.channel import Channel
from ampviz.telemetry.link import (
    VERSION,
    Finished,
    Hello,
    Pause,
    Reply,
    Request,
    TakeControl,
    Tick,
    request_decoder,
)
from ampviz.tui import lasting
from ampviz.tui.lasting import LastingLink
from tests.tui.feed import session_info, snapshot

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

DONE = Finished(0, "", {})


class Session:
    """Greets every viewer with its number as the time of a snapshot; answers all requests and notes whose they were."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.channels: list[Channel[Request]] = []
        self.gone: list[asyncio.Event] = []
        self.requests: list[tuple[int, Request]] = []

    async def __aenter__(self) -> Session:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.close()
        for channel in self.channels:
            channel.close()
        async with asyncio.timeout(5):
            for gone in self.gone:
                await gone.wait()

    async def open(self) -> None:
        self._server = await asyncio.get_running_loop().create_unix_server(self._accept, str(self.path))

    def close(self) -> None:
        self._server.close()
        self.path.unlink(missing_ok=True)

    def drop(self) -> None:
        self.channels[-1].close()

    def _accept(self) -> Channel[Request]:
        number, gone = len(self.channels), asyncio.Event()

        def answer(requests: list[Request]) -> None:
            self.requests += [(number, request) for request in requests]
            channel.send([Reply(request.id) for request in requests])

        def greet() -> None:
            channel.send([Hello(VERSION, session_info())])
            channel.send([Tick(snapshot(at=float(number)))])

        channel: Channel[Request] = Channel(request_decoder, answer, lambda error: gone.set(), made=greet)
        self.channels.append(channel)
        self.gone.append(gone)
        return channel


class Viewer:
    """A link that listens, and what it hears: the times of snapshots, the ups and downs, the end."""

    def __init__(self, path: Path, **options) -> None:
        self.link = LastingLink(path, **options)
        self.heard: list[object] = []
        self._news = asyncio.Event()

    async def __aenter__(self) -> Viewer:
        await self.link.connect(control=True)
        self.link.listen(lambda shown: self._hear(shown.at), self._hear, self._hear)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.link.close()

    def _hear(self, what: object) -> None:
        self.heard.append(what)
        self._news.set()

    async def hears(self, *expected: object) -> None:
        async with asyncio.timeout(5):
            while len(self.heard) < len(expected):
                self._news.clear()
                await self._news.wait()
        assert self.heard == list(expected)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(lasting, "_FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(lasting, "_LONGEST_PAUSE_S", 0.001)


async def test_a_dropped_link_is_made_again_with_the_control_it_had(tmp_path):
    async with Session(tmp_path / "link") as session, Viewer(session.path) as viewer:
        await viewer.hears(0.0)
        for number in (1, 2):
            session.drop()
            await viewer.hears(*[0.0, False, True, 1.0, False, True, 2.0][: 1 + 3 * number])
        assert not (await viewer.link.request(Pause)).error
        assert [(number, type(request)) for number, request in session.requests] == [
            (0, TakeControl), (1, TakeControl), (2, TakeControl), (2, Pause),
        ]  # fmt: skip


async def test_control_that_was_taken_later_is_taken_again(tmp_path):
    async with Session(tmp_path / "link") as session:
        link = LastingLink(session.path)
        await link.connect()
        assert session.requests == []
        back = asyncio.Event()
        link.listen(lambda shown: None, lambda finished: None, lambda up: back.set() if up else None)
        await link.request(TakeControl)
        session.drop()
        async with asyncio.timeout(5):
            await back.wait()
        assert [(number, type(request)) for number, request in session.requests] == [(0, TakeControl), (1, TakeControl)]
        link.close()


async def test_a_session_that_listens_again_later_is_found(tmp_path):
    async with Session(tmp_path / "link") as session, Viewer(session.path) as viewer:
        await viewer.hears(0.0)
        session.close()
        session.drop()
        await viewer.hears(0.0, False)
        with pytest.raises(LinkError, match="the link was lost, connecting again"):
            await viewer.link.request(Pause)
        await session.open()
        await viewer.hears(0.0, False, True, 1.0)


async def test_it_gives_up_when_its_patience_is_over(tmp_path):
    async with Session(tmp_path / "link") as session, Viewer(session.path, patience_s=0.02) as viewer:
        session.close()
        session.drop()
        await viewer.hears(0.0, False, None)


async def test_it_gives_up_at_once_when_the_session_is_dead(tmp_path):
    async with Session(tmp_path / "link") as session:
        async with Viewer(session.path, alive=lambda: False) as viewer:
            session.drop()
            await viewer.hears(0.0, False, None)
        assert len(session.channels) == 1


async def test_an_outcome_is_the_end(tmp_path):
    async with Session(tmp_path / "link") as session, Viewer(session.path) as viewer:
        session.channels[0].send([DONE])
        session.drop()
        await viewer.hears(0.0, DONE)


@pytest.mark.parametrize("lost", [False, True])
async def test_leaving_ends_it_even_while_it_tries(tmp_path, lost):
    async with Session(tmp_path / "link") as session, Viewer(session.path) as viewer:
        await viewer.hears(0.0)
        if lost:
            session.close()
            session.drop()
            await viewer.hears(0.0, False)
        viewer.link.close()
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(session.channels) == 1
        assert True not in viewer.heard


async def test_a_session_that_is_not_there_is_an_error_at_first(tmp_path):
    with pytest.raises(LinkError, match="no session answers"):
        await LastingLink(tmp_path / "link").connect()
