"""The viewer's end of the link, against a session written here on a real Unix socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TypeVar

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
    SetKnob,
    Step,
    StepGoal,
    Tick,
    request_decoder,
)
from ampviz.tui.client import LinkClient
from tests.tui.feed import session_info, snapshot

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

Result = TypeVar("Result")


async def soon(waited_for: Awaitable[Result]) -> Result:
    """The result, which must come within a deadline."""
    async with asyncio.timeout(5):
        return await waited_for


class Session:
    """A session for one viewer: greets it with `greeting`, collects its requests, sends what it is told to."""

    def __init__(self) -> None:
        self.greeting: list = [Hello(VERSION, session_info())]
        self.requests: asyncio.Queue[Request] = asyncio.Queue()
        self.left = asyncio.Event()
        self.channel: Channel[Request] | None = None

    def accept(self) -> Channel[Request]:
        session = self

        class Greeter(Channel[Request]):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                if session.greeting:
                    self.send(session.greeting)

        self.channel = Greeter(request_decoder, self._receive, lambda error: self.left.set())
        return self.channel

    def send(self, *messages) -> None:
        assert self.channel is not None
        self.channel.send(list(messages))

    def hang_up(self) -> None:
        assert self.channel is not None
        self.channel.close()

    def _receive(self, requests: list[Request]) -> None:
        for request in requests:
            self.requests.put_nowait(request)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "link"


@pytest.fixture
async def session(path: Path, nothing_left_behind: None) -> AsyncIterator[Session]:
    session = Session()
    server = await asyncio.get_running_loop().create_unix_server(session.accept, str(path))
    yield session
    server.close()
    if session.channel is not None:
        session.hang_up()
        await soon(session.left.wait())


class Viewer:
    """A connected client that keeps what it hears."""

    def __init__(self) -> None:
        self.client = LinkClient()
        self.snapshots: asyncio.Queue = asyncio.Queue()
        self.ends: asyncio.Queue = asyncio.Queue()

    def listen(self) -> None:
        self.client.listen(self.snapshots.put_nowait, self.ends.put_nowait)


@pytest.fixture
async def viewer(session: Session, path: Path) -> AsyncIterator[Viewer]:
    viewer = Viewer()
    await soon(viewer.client.connect(path))
    yield viewer
    viewer.client.close()
    await soon(session.left.wait())


async def test_connecting_learns_what_session_it_is(viewer):
    assert viewer.client.info == session_info()
    assert viewer.client.finished is None


async def test_another_version_is_refused_with_both_numbers(session, path):
    session.greeting = [Hello(VERSION + 1, session_info())]
    with pytest.raises(LinkError, match=rf"another version \(expected {VERSION}, got {VERSION + 1}\)"):
        await soon(LinkClient().connect(path))
    await soon(session.left.wait())


async def test_no_session_at_the_path_is_said_with_the_path(path):
    with pytest.raises(LinkError, match=f"{path}: no session answers"):
        await soon(LinkClient().connect(path))


async def test_a_session_that_says_nothing_is_left_at_the_deadline(session, path):
    session.greeting = []
    with pytest.raises(LinkError, match="no session answers: timeout"):
        await soon(LinkClient().connect(path, deadline_s=0.01))
    await soon(session.left.wait())


async def test_a_session_that_hangs_up_before_its_hello_is_an_error(session, path):
    session.greeting = []
    connecting = asyncio.ensure_future(LinkClient().connect(path))
    while session.channel is None or session.channel.closed:
        await soon(asyncio.sleep(0))
    session.hang_up()
    with pytest.raises(LinkError, match="hung up"):
        await soon(connecting)


async def test_a_frame_that_is_no_hello_is_an_error(session, path):
    session.greeting = [{"type": "nonsense"}]
    with pytest.raises(LinkError, match="does not decode"):
        await soon(LinkClient().connect(path))


async def test_snapshots_that_come_before_listening_are_kept_in_order(session, viewer):
    session.send(Tick(snapshot(at=1.0)), Tick(snapshot(at=2.0)), Reply(99))
    asked = asyncio.ensure_future(viewer.client.request(Pause))
    session.send(Reply((await soon(session.requests.get())).id))
    await soon(asked)
    viewer.listen()
    session.send(Tick(snapshot(at=3.0)))
    assert [(await soon(viewer.snapshots.get())).at for _ in range(3)] == [1.0, 2.0, 3.0]
    assert viewer.ends.empty()


async def test_a_snapshot_arrives_as_it_was_sent(session, viewer):
    viewer.listen()
    sent = snapshot(stepped="cell.F key=7", next=("cell.F key=8", ""))
    session.send(Tick(sent))
    assert await soon(viewer.snapshots.get()) == sent


async def test_each_request_gets_the_reply_with_its_id(session, viewer):
    first = asyncio.ensure_future(viewer.client.request(lambda number: SetKnob(number, "max_active_keys", 9)))
    second = asyncio.ensure_future(viewer.client.request(lambda number: Step(number, StepGoal.UPDATE)))
    knob, step = await soon(session.requests.get()), await soon(session.requests.get())
    assert (knob, step) == (SetKnob(knob.id, "max_active_keys", 9), Step(step.id, StepGoal.UPDATE))
    assert knob.id != step.id
    session.send(Reply(step.id, text="stepped"), Reply(knob.id, error="too many"), Reply(knob.id, error="again"))
    assert await soon(second) == Reply(step.id, text="stepped")
    assert await soon(first) == Reply(knob.id, error="too many")


async def test_a_hang_up_while_waiting_for_a_reply_is_an_error(session, viewer):
    viewer.listen()
    asked = asyncio.ensure_future(viewer.client.request(Pause))
    await soon(session.requests.get())
    session.hang_up()
    with pytest.raises(LinkError, match="the link was lost"):
        await soon(asked)
    assert await soon(viewer.ends.get()) is None


async def test_a_request_after_the_end_is_an_error_at_once(session, viewer):
    viewer.listen()
    session.hang_up()
    await soon(viewer.ends.get())
    with pytest.raises(LinkError, match="the link was lost"):
        await asyncio.wait_for(viewer.client.request(Pause), 0.1)


async def test_a_request_after_the_outcome_says_that_the_run_has_ended(session, viewer):
    viewer.listen()
    session.send(Finished(0, "", {}))
    session.hang_up()
    await soon(viewer.ends.get())
    with pytest.raises(LinkError, match="the run has ended"):
        await asyncio.wait_for(viewer.client.request(Pause), 0.1)


async def test_a_reply_that_never_comes_is_an_error(session, viewer, monkeypatch):
    monkeypatch.setattr("ampviz.tui.client._REPLY_S", 0.01)
    with pytest.raises(LinkError, match="did not answer"):
        await soon(viewer.client.request(Pause))
    session.send(Reply((await soon(session.requests.get())).id))
    monkeypatch.undo()
    asked = asyncio.ensure_future(viewer.client.request(Pause))
    session.send(Reply((await soon(session.requests.get())).id, text="paused"))
    assert (await soon(asked)).text == "paused"


@pytest.mark.parametrize("outcome", [None, Finished(3, "diverged", {"epochs": []})])
@pytest.mark.parametrize("early", [True, False])
async def test_the_end_is_told_once_with_the_outcome(session, viewer, outcome, early):
    if early:
        viewer.listen()
    if outcome is not None:
        session.send(outcome)
    session.hang_up()
    await soon(session.left.wait())
    with pytest.raises(LinkError):
        await soon(viewer.client.request(Pause))
    if not early:
        viewer.listen()
    assert await soon(viewer.ends.get()) == outcome
    assert viewer.ends.empty()
    assert viewer.client.finished == outcome


async def test_a_frame_that_does_not_decode_ends_the_link(session, viewer):
    viewer.listen()
    session.send({"type": "nonsense"})
    assert await soon(viewer.ends.get()) is None


async def test_closing_leaves_the_session(session, viewer):
    viewer.client.close()
    await soon(session.left.wait())
