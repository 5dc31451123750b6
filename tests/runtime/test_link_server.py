"""The link server with real sockets: catching up, broken and slow viewers, requests, and the end of a session."""

from __future__ import annotations

import asyncio
import contextlib
import stat
import tempfile

import pytest
import uvloop

from ampviz.telemetry.channel import open_channel
from ampviz.telemetry.inspection import NodeDetail
from ampviz.telemetry.link import (
    VERSION,
    Finished,
    Hello,
    InspectKey,
    InspectNode,
    Pause,
    Reply,
    SetKnob,
    TakeControl,
    Tick,
    session_decoder,
)
from tests.runtime.linked import FINISHED, PADDING, Viewer, connected, serving, tick
from tests.telemetry.endpoint import PATIENCE
from tests.telemetry.samples import INFO, event, point, report, snapshot

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


async def test_a_viewer_gets_hello_then_the_history_then_ticks(tmp_path):
    async with serving(tmp_path) as (server, _):
        server.tick(tick(1, new_events=(event(1),)))
        server.tick(tick(2, new_epochs=(report(1),)))
        viewer = await Viewer().connect(server)
        server.tick(tick(3))
        server.tick(tick(4))
        hello, first, second = await viewer.count(3)
        assert hello == Hello(VERSION, INFO)
        everything = {"new_points": tuple(map(point, (1, 2, 3))), "new_epochs": (report(1),), "new_events": (event(1),)}
        assert first == Tick(snapshot(0.3, **everything))
        assert second == Tick(tick(4, viewers=1))


async def test_a_late_viewer_sees_the_points_of_one_attached_from_the_start(tmp_path):
    async with serving(tmp_path) as (server, _):
        early = await Viewer().connect(server)
        for number in range(5):
            server.tick(tick(number))
        late = await Viewer().connect(server)
        for number in range(5, 8):
            server.tick(tick(number))
        await early.count(9)
        await late.count(4)
        assert early.points() == late.points() == [point(number) for number in range(8)]


async def test_only_this_user_may_connect(tmp_path):
    async with serving(tmp_path) as (server, _):
        mode = server.path.stat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600


async def test_a_path_too_long_for_a_socket_works_and_leaves_nothing_either(tmp_path, monkeypatch):
    short = tmp_path / "t"
    short.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    async with serving(folder) as (server, _):
        socket_file = server.path.resolve()
        assert stat.S_IMODE(socket_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_file.parent.stat().st_mode) == 0o700
        viewer = await Viewer().connect(server)
        server.tick(tick(1))
        assert (await viewer.count(2))[1] == Tick(tick(1))
    assert await viewer.end() is None
    assert list(folder.iterdir()) == list(short.iterdir()) == []


async def test_each_request_is_answered_in_order_with_its_id(tmp_path):
    async with serving(tmp_path) as (server, session):
        one, other = await Viewer().connect(server), await Viewer().connect(server)
        requests = [Pause(7), SetKnob(8, "volume", 11), SetKnob(9, "max_active_keys", 2)]
        one.channel.send(requests)
        assert (await one.count(4))[1:] == [Reply(7), Reply(8, "no knob is called 'volume'"), Reply(9)]
        assert session.requests == requests
        assert other.received == [Hello(VERSION, INFO)]


async def test_what_a_viewer_inspects_is_answered_when_the_workers_have_spoken(tmp_path):
    """Without control too; meanwhile other requests are answered, and one that has left hurts nobody."""
    async with serving(tmp_path) as (server, session):
        viewer, gone = await Viewer().connect(server, control=False), await Viewer().connect(server, control=False)
        gone.channel.send([InspectKey(1, 2), TakeControl(2)])
        viewer.channel.send([InspectNode(7, "fc1"), TakeControl(8)])
        assert (await viewer.count(2))[1] == Reply(8)
        assert (await gone.count(2))[1] == Reply(2)
        gone.channel.close()
        await gone.end()
        for request, reply in session.questions:
            reply(Reply(request.id, detail=NodeDetail("fc1", 1, version=4)))
        assert (await viewer.count(3))[2] == Reply(7, detail=NodeDetail("fc1", 1, version=4))


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x01\0\0\0\xc1", b"\xff" * 8, (1 << 20).to_bytes(4, "little") + b"x"],
    ids=["text", "not msgpack", "longest", "too long"],
)
async def test_garbage_closes_only_that_viewer_and_is_noted(tmp_path, garbage):
    async with serving(tmp_path) as (server, session):
        good, bad = await Viewer().connect(server), await connected(server)
        await asyncio.get_running_loop().sock_sendall(bad, garbage)
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionResetError):
                while await asyncio.get_running_loop().sock_recv(bad, 1 << 16):
                    continue  # its greeting
        bad.close()
        server.tick(tick(1))
        assert (await good.count(2))[1] == Tick(tick(1))
        ((kind, text),) = session.notes
        assert kind == "VIEWER"
        assert "frame" in text
        assert not good.complaints


async def test_a_viewer_that_leaves_is_forgotten_without_a_note(tmp_path):
    async with serving(tmp_path) as (server, session):
        viewer = await Viewer().connect(server)
        viewer.channel.close()
        async with asyncio.timeout(PATIENCE):
            await server.nobody.wait()
        server.tick(tick(1))
        assert not session.notes
        assert not server.viewers


async def test_a_viewer_that_never_reads_is_skipped_and_catches_up_later(tmp_path):
    async with serving(tmp_path) as (server, _):
        idle = await connected(server)
        viewer = await Viewer().connect(server)
        for number in range(40):
            server.tick(tick(number, stepped=PADDING))
            await viewer.count(2 + number)
        backlogs = [each.channel.backlog for each in server.viewers]
        assert 0 < max(backlogs) < 2 << 20
        assert len(server.viewers) == 2
        woken = Viewer()
        woken.channel = await open_channel(idle, session_decoder, woken.receive, woken.lost)
        while len(woken.points()) < 40:
            seen = len(woken.received)
            await woken.count(seen + 1)
            server.tick(snapshot(4.0))
        assert woken.points() == viewer.points() == [point(number) for number in range(40)]
        shown = sum(isinstance(message, Tick) and bool(message.snapshot.new_points) for message in woken.received)
        assert shown < 20
        assert max(message.snapshot.skipped for message in woken.received if isinstance(message, Tick)) > 20
        assert not any(message.snapshot.skipped for message in viewer.received if isinstance(message, Tick))


async def test_finish_tells_the_outcome_removes_the_socket_and_may_come_twice(tmp_path):
    async with serving(tmp_path) as (server, _):
        viewer = await Viewer().connect(server)
        server.tick(tick(1))
        failed = Finished(1, "fc1: the loss is not finite", {"exit": 1})
        await server.finish(failed)
        assert (await viewer.count(3))[2] == failed
        assert await viewer.end() is None
        assert list(tmp_path.glob("link*")) == []


@pytest.mark.parametrize("ticks", [0, 3])
async def test_a_viewer_that_came_after_the_last_tick_still_gets_everything(tmp_path, ticks):
    async with serving(tmp_path) as (server, _):
        for number in range(ticks):
            server.tick(tick(number))
        viewer = await Viewer().connect(server)
    assert await viewer.end() is None
    assert viewer.received[0] == Hello(VERSION, INFO)
    assert viewer.points() == [point(number) for number in range(ticks)]
    assert viewer.received[-1] == FINISHED


async def test_a_viewer_that_is_behind_at_the_end_still_gets_everything(tmp_path):
    async with serving(tmp_path) as (server, _):
        idle = await connected(server)
        await Viewer().connect(server)
        for number in range(40):
            server.tick(tick(number, stepped=PADDING))
        viewer = Viewer()
        viewer.channel = await open_channel(idle, session_decoder, viewer.receive, viewer.lost)
    assert await viewer.end() is None
    assert viewer.points() == [point(number) for number in range(40)]
    assert viewer.received[-1] == FINISHED


def test_a_viewer_that_hangs_does_not_keep_the_session(tmp_path, monkeypatch):
    async def abandon():
        async with serving(tmp_path) as (server, _):
            idle = await connected(server)
            viewer = await Viewer().connect(server)
            for number in range(10):
                server.tick(tick(number, stepped=PADDING))
            real = asyncio.timeout
            with monkeypatch.context() as patch:
                patch.setattr(asyncio, "timeout", lambda seconds: real(seconds / 100))
                await server.finish(FINISHED)
            assert await viewer.end() is None
            assert not server.path.exists()
            idle.close()

    uvloop.run(abandon())
