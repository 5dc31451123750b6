"""Peers over a real socket pair: order, back-pressure without loss, and how a connection ends."""

from __future__ import annotations

import contextlib
import socket

import numpy as np
import pytest

from ampviz.errors import WorkerError
from ampviz.message import BACKWARD, FORWARD
from ampviz.runtime.peer import Peer, connect_peer
from ampviz.runtime.wire import encode
from tests.telemetry.endpoint import Endpoint, any_loop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

BLOCK = np.arange(1 << 18, dtype=np.float32).reshape(1024, 256)  # 1 MiB
ENOUGH = 64  # blocks: more than the transport and any socket hold


@contextlib.asynccontextmanager
async def joined(sock: socket.socket):
    """A peer on a socket and the endpoint behind it; closed at the end, for which the other side must read or close."""
    end = Endpoint()
    peer = await connect_peer(sock, end.receive, end.lost)
    try:
        yield peer, end
    finally:
        peer.close()
        await end.end()
        assert not end.complaints


def send_block(peer: Peer, number: int) -> None:
    peer.send(FORWARD, 1, [(number,)], BLOCK, [len(BLOCK)])
    peer.flush()


def send_until_behind(peer: Peer) -> int:
    """Send blocks that nobody reads until three wait in the peer; returns how many were sent."""
    for number in range(ENOUGH):
        if peer.unsent == 3:
            return number
        send_block(peer, number)
    raise AssertionError("the peer took every block")


def numbers(frames) -> list[int]:
    return [state[0] for _, _, states, *_ in frames for state in states]


@any_loop
def test_two_peers_deliver_in_order_both_ways(runner):
    async def talk():
        ours, theirs = socket.socketpair()
        async with joined(ours) as (left, left_end), joined(theirs) as (right, right_end):
            for number in range(200):
                left.send(
                    FORWARD, number, [(number, -number)], np.full((number % 5, 3), number, np.float32), [number % 5]
                )
                right.send(
                    BACKWARD, number, [(number,)], *((None, ()) if number % 2 else ((BLOCK[:9], BLOCK[9:18]), [9]))
                )
                if number % 7 == 0:
                    left.flush()
                    right.flush()
            left.flush()
            right.flush()
            assert left.unsent == right.unsent == 0
            for number, (direction, edge, (state,), payload, _) in enumerate(await right_end.count(200)):
                assert (direction, edge, state) == (FORWARD, number, (number, -number))
                np.testing.assert_array_equal(payload, np.full((number % 5, 3), number))
            for number, (direction, edge, (state,), payload, _) in enumerate(await left_end.count(200)):
                assert (direction, edge, state) == (BACKWARD, number, (number,))
                assert (payload is None) == bool(number % 2)
            assert len(left_end.received) == len(right_end.received) == 200

    runner(talk())


async def test_a_message_waits_for_the_flush():
    ours, theirs = socket.socketpair()
    async with joined(ours) as (left, _), joined(theirs) as (right, right_end):
        for number in range(3):
            left.send(FORWARD, 1, [(number,)], None, ())
            assert left.unsent == number + 1
        right.send(FORWARD, 1, [(9,)], None, ())
        right.flush()
        assert right_end.received == []
        left.flush()
        assert left.unsent == 0
        assert numbers(await right_end.count(3)) == [0, 1, 2]


@any_loop
def test_nothing_is_lost_while_the_other_side_does_not_read(runner):
    async def talk():
        ours, theirs = socket.socketpair()
        async with joined(ours) as (left, left_end):
            sent = send_until_behind(left)
            assert sent > 3
            for more in range(1, 4):
                left.send(BACKWARD, 2, [(-more,)], None, ())
                left.flush()
                assert left.unsent == 3 + more
            async with joined(theirs) as (right, right_end):
                frames = await right_end.count(sent + 3)
                assert numbers(frames) == [*range(sent), -1, -2, -3]
                for *_, payload, _ in frames[:sent]:
                    np.testing.assert_array_equal(payload, BLOCK)
                assert left.unsent == 0
                send_block(left, 100)
                assert numbers(await right_end.count(sent + 4))[-1] == 100
                right.send(FORWARD, 1, [(5,)], None, ())
                right.flush()
                assert numbers(await left_end.count(1)) == [5]

    runner(talk())


async def test_a_peer_that_is_behind_still_receives():
    ours, theirs = socket.socketpair()
    async with joined(ours) as (left, left_end):
        send_until_behind(left)
        theirs.sendall(b"".join(bytes(part) for part in encode(BACKWARD, 4, [(1, 2)], None, ())))
        ((direction, edge, (state,), payload, _),) = await left_end.count(1)
        assert (direction, edge, state, payload) == (BACKWARD, 4, (1, 2), None)
        theirs.close()


@any_loop
@pytest.mark.parametrize("garbage", [b"\0" * 24, b"GET /index.html HTTP/1.1\r\n\r\n"], ids=["zeros", "text"])
def test_garbage_ends_the_connection_with_the_reason(runner, garbage):
    async def attack():
        ours, theirs = socket.socketpair()
        async with joined(ours) as (_, end):
            good = b"".join(bytes(part) for part in encode(FORWARD, 1, [(7,)], None, ()))
            theirs.sendall(good)
            await end.count(1)
            theirs.sendall(garbage + good)
            reason = await end.end()
            assert isinstance(reason, WorkerError)
            assert "not a frame" in str(reason)
            assert numbers(end.received) == [7]
        theirs.close()

    runner(attack())


@any_loop
def test_a_closed_peer_has_sent_what_was_flushed_and_ends_cleanly_on_both_sides(runner):
    async def talk():
        ours, theirs = socket.socketpair()
        async with joined(ours) as (left, left_end), joined(theirs) as (_, right_end):
            for number in range(5):
                send_block(left, number)
            left.close()
            assert numbers(await right_end.count(5)) == list(range(5))
            assert await right_end.end() is None
            assert await left_end.end() is None

    runner(talk())


async def test_sending_to_a_lost_peer_does_not_raise():
    ours, theirs = socket.socketpair()
    async with joined(ours) as (left, end):
        theirs.close()
        await end.end()
        send_block(left, 1)
        left.close()
        assert left.unsent == 1
