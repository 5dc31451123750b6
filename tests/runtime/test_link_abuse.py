"""Peers that talk nonsense, half sentences, too much or not at all: no session and no other viewer suffers from it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.channel import open_channel
from ampviz.telemetry.link import (
    Hello,
    InspectKey,
    Pause,
    Request,
    SetKnob,
    Step,
    Stop,
    TakeControl,
    Tick,
    encode,
    session_decoder,
)
from tests.runtime.linked import FINISHED, Viewer, connected, serving, tick
from tests.telemetry.endpoint import PATIENCE
from tests.telemetry.samples import point

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

PEERS = 3
TICK, LEAVE = "tick", "leave"
REQUESTS: list[Request] = [Pause(1), Step(2), SetKnob(3, "volume", 11), Stop(4), TakeControl(5), InspectKey(6, 1)]


def frame(*messages: object) -> bytes:
    body = encode(messages)
    return len(body).to_bytes(4, "little") + body


requests = st.lists(st.sampled_from(REQUESTS), max_size=3).map(lambda some: frame(*some))
halves = st.tuples(requests, st.integers(1, 8)).map(lambda pair: pair[0][: -pair[1]] or b"\0")
oversized = st.integers((64 << 10) + 1, 2**32 - 1).map(lambda length: length.to_bytes(4, "little"))
answers = st.just(frame({"type": "reply", "id": 1}))  # a frame of the other direction
words = st.one_of(st.binary(min_size=1, max_size=40), requests, halves, oversized, answers, st.just(LEAVE))
deeds = st.lists(st.one_of(st.just(TICK), st.tuples(st.integers(0, PEERS - 1), words)), max_size=25)


class Peers:
    """Raw connections that do as told; one that was closed by the server is opened anew for its next deed."""

    def __init__(self, server):
        self.server, self.open = server, {}

    async def do(self, peer: int, what: bytes | str) -> None:
        if peer not in self.open:
            self.open[peer] = await connected(self.server)
        try:
            if what == LEAVE:
                self.open.pop(peer).close()
            else:
                await asyncio.get_running_loop().sock_sendall(self.open[peer], what)
        except (BrokenPipeError, ConnectionResetError):
            self.open.pop(peer).close()

    def close(self) -> None:
        for sock in self.open.values():
            sock.close()


async def abused(folder: Path, story) -> None:
    async with asyncio.timeout(PATIENCE), serving(folder) as (server, session):
        good, peers, ticks = await Viewer().connect(server), Peers(server), count(1)
        with contextlib.closing(peers):
            for deed in story:
                if deed == TICK:
                    server.tick(tick(next(ticks)))
                else:
                    await peers.do(*deed)
            sent = next(ticks) - 1
            await good.count(1 + sent)  # all ticks
            good.channel.send([Pause(77)])
            assert (await good.count(2 + sent))[-1].id == 77
            assert good.points() == [point(number) for number in range(1, 1 + sent)]
            assert Pause(77) in session.requests
            assert {kind for kind, _ in session.notes} <= {"VIEWER"}
    assert await good.end() is None
    assert good.received[-1] == FINISHED
    assert not good.complaints


@given(deeds)
@settings(max_examples=60, deadline=None)
def test_whatever_peers_do_a_viewer_sees_every_tick_and_is_obeyed(story):
    with TemporaryDirectory(prefix="ampviz-") as folder:
        uvloop.run(abused(Path(folder), story))


async def test_half_a_frame_and_then_silence_is_a_viewer_that_only_looks(tmp_path):
    async with serving(tmp_path) as (server, session):
        silent = await connected(server)
        await asyncio.get_running_loop().sock_sendall(silent, frame(Pause(1))[:-1])
        viewer = Viewer()
        viewer.channel = await open_channel(silent, session_decoder, viewer.receive, viewer.lost)
        assert isinstance((await viewer.count(1))[0], Hello)
        server.tick(tick(1))
        assert isinstance((await viewer.count(2))[1], Tick)
        assert session.requests == []
    assert await viewer.end() is None
    assert viewer.received[-1] == FINISHED


async def test_one_that_asks_and_never_reads_is_dropped_before_the_answers_fill_the_memory(tmp_path):
    async with serving(tmp_path) as (server, session):
        good, flood = await Viewer().connect(server), await connected(server)
        many = frame(*[Pause(2**63 - 1)] * 2000)
        backlogs = []
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                while True:
                    await asyncio.get_running_loop().sock_sendall(flood, many)
                    backlogs += [each.channel.backlog for each in server.viewers]
        flood.close()
        assert max(backlogs) < 2 << 20
        assert session.requests == []
        assert session.notes == [("VIEWER", "a viewer was dropped: it does not read the answers to its requests")]
        server.tick(tick(1))
        assert (await good.count(2))[1] == Tick(tick(1))


@pytest.mark.parametrize("after", range(4))
async def test_a_viewer_may_vanish_at_any_time(tmp_path, after):
    """After connecting, a request, half of one, or without having read its ticks."""
    async with serving(tmp_path) as (server, session):
        good, other = await Viewer().connect(server), await connected(server)
        deeds = [frame(TakeControl(1)), frame(Pause(2)), frame(Step(3))[:-2]]
        for data in deeds[:after]:
            await asyncio.get_running_loop().sock_sendall(other, data)
            server.tick(tick(1))
        other.shutdown(socket.SHUT_RDWR)
        other.close()
        for number in range(2, 5):
            server.tick(tick(number))
        async with asyncio.timeout(PATIENCE):
            while len(server.viewers) > 1:
                good.channel.send([Pause(9)])
                await good.count(len(good.received) + 1)
        assert session.notes[1:] == []
        while len(good.points()) < after + 3:
            await good.count(len(good.received) + 1)
        assert good.points() == [point(1)] * after + [point(number) for number in range(2, 5)]
