"""The channel: frames over a real socket pair, whole whatever the chunks, and closed for good by a bad one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.errors import LinkError
from ampviz.telemetry.channel import MAX_FRAME, Channel, open_channel
from ampviz.telemetry.link import Pause, Request, Resume, SetKnob, Step, StepGoal, request_decoder
from tests.telemetry.endpoint import Endpoint, any_loop

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

MESSAGES: list[Request] = [
    Pause(1),
    SetKnob(2, "fc1.learning_rate", 0.5),
    Resume(3),
    Step(4, StepGoal.UPDATE),
]


def frame(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


BROKEN = {
    "not msgpack": frame(b"\xc1"),
    "an empty frame": frame(b""),
    "half a message": frame(msgspec.msgpack.encode([Pause(1)])[:-1]),
    "bytes left over": frame(msgspec.msgpack.encode([Pause(1)]) + b"\0"),
    "not a list": frame(msgspec.msgpack.encode(Pause(1))),
    "an unknown tag": frame(msgspec.msgpack.encode([{"type": "explode", "id": 1}])),
    "text that is not UTF-8": frame(b"\x91\x84\xa4type\xa3set\xa2id\x01\xa4name\xa2\xff\xfe\xa5value\x01"),
    "a tag that is not UTF-8": frame(b"\x91\x82\xa4type\xa2\xff\xff\xa2id\x01"),
    "nesting without end": frame(b"\x91\x83\xa4type\xa5pause\xa2id\x01\xa4junk" + b"\x91" * 20_000),
    "an oversized frame": struct.pack("<I", MAX_FRAME + 1),
    "the largest length": b"\xff" * 4,
}


@contextlib.asynccontextmanager
async def raw_and_channel():
    """A plain socket, the endpoint behind the channel at its other end, and that channel."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    end = Endpoint()
    channel = await open_channel(theirs, request_decoder, end.receive, end.lost)
    try:
        yield ours, end, channel
    finally:
        ours.close()
        channel.close()
        await end.end()
        assert not end.complaints


class Chunks:
    """A channel without a socket, fed by hand."""

    def __init__(self, max_frame: int = MAX_FRAME):
        self.frames: list[list[Request]] = []
        self.channel: Channel[Request] = Channel(
            request_decoder, self.frames.append, lambda reason: None, max_frame=max_frame
        )

    def feed(self, data: bytes) -> None:
        self.channel.data_received(data)


@given(st.lists(st.lists(st.sampled_from(MESSAGES), max_size=3), max_size=4), st.data())
@settings(max_examples=50, deadline=None)
def test_frames_arrive_whole_and_in_order_wherever_the_stream_is_split(frames, data):
    stream = b"".join(frame(msgspec.msgpack.encode(messages)) for messages in frames)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    chunks = Chunks()
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        chunks.feed(stream[start:stop])
    assert chunks.frames == frames


def test_a_frame_arrives_with_its_last_byte_and_not_before():
    stream = frame(msgspec.msgpack.encode(MESSAGES))
    chunks = Chunks()
    for index in range(len(stream) - 1):
        chunks.feed(stream[index : index + 1])
    assert chunks.frames == []
    chunks.feed(stream[-1:])
    assert chunks.frames == [MESSAGES]


@pytest.mark.parametrize(("excess", "arrives"), [(0, True), (1, False)])
def test_the_frame_limit_is_the_largest_frame_that_passes(excess, arrives):
    body = msgspec.msgpack.encode([Pause(1)])
    chunks = Chunks(max_frame=len(body) - excess)
    chunks.feed(frame(body))
    assert bool(chunks.frames) is arrives


@any_loop
def test_two_channels_talk_both_ways_over_a_socket_pair(runner):
    async def talk():
        ends, channels = (Endpoint(), Endpoint()), []
        for sock, end in zip(socket.socketpair(), ends, strict=True):
            channels.append(await open_channel(sock, request_decoder, end.receive, end.lost))
        for message in MESSAGES:
            channels[0].send([message])
        channels[1].send_encoded(msgspec.msgpack.encode(MESSAGES[::-1]))
        assert await ends[1].count(4) == MESSAGES
        assert await ends[0].count(4) == MESSAGES[::-1]
        channels[0].close()
        assert await ends[0].end() is await ends[1].end() is None
        assert channels[0].closed
        assert channels[1].closed
        assert ends[0].complaints == ends[1].complaints == []

    runner(talk())


@any_loop
@pytest.mark.parametrize("stream", BROKEN.values(), ids=BROKEN)
def test_a_bad_frame_closes_the_channel_with_a_link_error(stream, runner):
    async def attack():
        async with raw_and_channel() as (sock, end, channel):
            good, late = (frame(msgspec.msgpack.encode([message])) for message in (Pause(1), Pause(9)))
            await asyncio.get_running_loop().sock_sendall(sock, good + stream + late)
            assert isinstance(await end.end(), LinkError)
            assert end.received == [Pause(1)]
            assert channel.closed

    runner(attack())


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_random_bytes_never_raise(data):
    chunks = Chunks()
    chunks.feed(data)
    chunks.feed(data)
    assert all(isinstance(messages, list) for messages in chunks.frames)


async def test_a_clean_end_gives_no_reason():
    async with raw_and_channel() as (sock, end, _):
        sock.close()
        assert await end.end() is None


async def test_an_end_within_a_frame_delivers_nothing_of_it():
    async with raw_and_channel() as (sock, end, _):
        await asyncio.get_running_loop().sock_sendall(sock, frame(msgspec.msgpack.encode([Pause(1)]))[:-1])
        sock.close()
        await end.end()
        assert end.received == []


async def test_the_backlog_counts_what_the_peer_has_not_taken():
    async with raw_and_channel() as (sock, _, channel):
        assert channel.backlog == 0
        sent = 4 << 20
        channel.send_encoded(bytes(sent))
        waiting = channel.backlog
        assert 0 < waiting <= sent + 4
        taken = 0
        while taken < sent + 4:
            taken += len(await asyncio.get_running_loop().sock_recv(sock, 1 << 20))
        assert channel.backlog == 0


async def test_what_was_sent_before_close_arrives_and_later_sends_are_dropped():
    async with raw_and_channel() as (sock, end, channel):
        channel.send([Pause(1)])
        channel.close()
        channel.send([Pause(2)])
        await end.end()
        channel.send([Pause(3)])
        sock.setblocking(True)
        assert sock.recv(1000) == frame(msgspec.msgpack.encode([Pause(1)]))
        assert sock.recv(1000) == b""
