"""The wire format: any message survives it in chunks of any size, and a broken stream is a WorkerError."""

from __future__ import annotations

import itertools
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ampviz.errors import WorkerError
from ampviz.message import BACKWARD, FORWARD
from ampviz.runtime.wire import FrameReader, encode

DTYPES = ["f4", "f8", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]
LARGE = np.arange(200_000, dtype=np.float32).reshape(100, 2000)


@st.composite
def frames_of_messages(draw) -> tuple:
    """What one frame may hold: (direction, edge, states, payload, row counts)."""
    fields, rows = draw(st.integers(1, 5)), draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    values = st.integers(-(2**63), 2**63 - 1)
    states = [draw(st.tuples(*[values] * fields)) for _ in rows]
    arrays = [
        draw(hnp.arrays(dtype, (sum(rows), *shape)))
        for dtype, shape in draw(
            st.lists(
                st.tuples(st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)),
                max_size=3,
            )
        )
    ]
    payload = tuple(arrays) if len(arrays) > 1 else arrays[0] if arrays else None
    counts = rows if arrays else ()
    return draw(st.sampled_from([FORWARD, BACKWARD])), draw(st.integers(0, 2**32 - 1)), states, payload, counts


def stream_of(*messages) -> bytes:
    """Frames of (direction, edge, states, payload, counts)."""
    return b"".join(bytes(buffer) for message in messages for buffer in encode(*message))


def single(direction, edge, state, payload) -> tuple:
    return direction, edge, [state], payload, [len(payload[0] if isinstance(payload, tuple) else payload)]


def read(stream: bytes, *sizes: int, reader: FrameReader | None = None) -> list:
    """The frames that a reader makes of a stream that comes in chunks of these sizes, over and over."""
    reader = reader or FrameReader()
    frames, at, turns = [], 0, itertools.cycle(sizes or (1 << 20,))
    while at < len(stream):
        room = reader.get_buffer()
        piece = stream[at : at + min(next(turns), len(room))]
        room[: len(piece)] = piece
        frames += reader.received(len(piece))
        at += len(piece)
    return frames


def parts(payload) -> tuple:
    return payload if isinstance(payload, tuple) else (payload,)


def same(frames, messages) -> None:
    assert len(frames) == len(messages)
    for frame, message in zip(frames, messages, strict=True):
        assert frame[:3] == tuple(message[:3])
        assert list(frame[4]) == list(message[4])
        received, payload = frame[3], message[3]
        assert type(received) is type(payload)
        for got, sent in zip(parts(received), parts(payload), strict=True):
            np.testing.assert_array_equal(got, sent)
            if sent is not None:
                assert (got.dtype, got.shape) == (sent.dtype, sent.shape)
                assert not got.flags.writeable


@given(st.lists(frames_of_messages(), max_size=4), st.lists(st.integers(1, 100), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_messages_come_back_in_order_in_chunks_of_any_size(messages, sizes):
    same(read(stream_of(*messages), *sizes), messages)


@pytest.mark.parametrize("size", [1, 7, 16, 4096])
def test_each_message_comes_with_its_last_byte(size):
    messages = [single(FORWARD, index, (index, -index), np.full((index, 3), index, np.float32)) for index in range(5)]
    ends = np.cumsum([len(stream_of(message)) for message in messages])
    stream, reader, frames = stream_of(*messages), FrameReader(), []
    for start in range(0, len(stream), size):
        frames += read(stream[start : start + size], reader=reader)
        assert len(frames) == np.count_nonzero(ends <= start + size)
    same(frames, messages)


@pytest.mark.parametrize("size", [999, 65_536, 1 << 20])
def test_arrays_larger_than_the_buffer_come_whole_between_small_ones(size):
    small = single(BACKWARD, 1, (7,), np.arange(3))
    wide = single(FORWARD, 3, (9,), (LARGE[:1], LARGE[:1, :5], LARGE[:1, :0]))
    messages = [small, single(FORWARD, 2, (8, 1), LARGE), small, wide, small]
    same(read(stream_of(*messages), size), messages)


@pytest.mark.parametrize("shape", [(1, 2), (1, 600), (3, 20_000)], ids=["copied", "borrowed", "large"])
def test_arrays_handed_out_stay_intact_while_the_reader_goes_on(shape):
    messages = [single(FORWARD, 0, (index,), np.full(shape, index, np.float32)) for index in range(40)]
    reader, frames = FrameReader(), []
    for message in messages:
        frames += read(stream_of(message), 30_000, reader=reader)
    noise = stream_of(single(FORWARD, 0, (0,), np.full((1000, 100), -1, np.float32)))
    for _ in range(8):
        read(noise, 50_000, reader=reader)
    same(frames, messages)


@pytest.mark.parametrize(
    "array",
    [LARGE[:, ::2], LARGE.T, LARGE[::-1][:5], np.broadcast_to(np.float32(3), (4, 1000)), np.asfortranarray(LARGE[:9])],
    ids=["strided", "transposed", "reversed", "broadcast", "column order"],
)
def test_arrays_that_are_not_contiguous_are_sent_by_value(array):
    same(read(stream_of(single(FORWARD, 0, (1,), array))), [single(FORWARD, 0, (1,), array)])


def test_a_large_array_is_not_copied_to_be_sent():
    buffers = encode(FORWARD, 0, [(1,), (2,)], LARGE, [40, 60])
    assert any(np.shares_memory(np.frombuffer(part, np.uint8), LARGE) for part in buffers)


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0, 2)])
def test_arrays_without_elements_keep_their_shape(shape):
    message = single(FORWARD, 0, (1,), np.zeros(shape, np.float32))
    same(read(stream_of(message, message), 5), [message, message])


@pytest.mark.parametrize("dtype", [">f4", "c8", "U3", "M8[s]", object])
def test_a_dtype_that_cannot_be_sent_is_a_worker_error(dtype):
    with pytest.raises(WorkerError, match="dtype"):
        encode(FORWARD, 0, [(1,)], np.zeros(2, dtype), [2])


@given(st.binary(min_size=24, max_size=300))
@settings(max_examples=50, deadline=None)
def test_garbage_is_a_worker_error(garbage):
    with pytest.raises(WorkerError, match="not a frame"):
        read(garbage, 40)


WHOLE = stream_of((FORWARD, 3, [(7, 2), (8, 2)], (np.ones((3, 3)), np.arange(3)), [2, 1]))
MAGIC, SIZE = struct.unpack_from("<II", WHOLE)


def frame(body: bytes, fields: int = 1, arrays: int = 0, kind: int = 0, direction: int = 0, messages: int = 1) -> bytes:
    """A frame of this version around any body."""
    return struct.pack("<IIIBBBBI4x", MAGIC, len(body), 1, direction, fields, arrays, kind, messages) + body


def one(rows: int) -> bytes:
    """A state of one field, and the row count of its message."""
    return struct.pack("<2q", 7, rows)


def described(code: int, *shape: int, rank: int | None = None) -> bytes:
    return struct.pack(f"<BB6x{len(shape)}q", code, len(shape) if rank is None else rank, *shape)


@given(st.lists(st.tuples(st.integers(8, len(WHOLE) - 1), st.integers(1, 255)), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_a_damaged_frame_is_other_frames_or_a_worker_error(changes):
    stream = bytearray(WHOLE)
    for position, flip in changes:
        stream[position] ^= flip
    try:
        frames = read(bytes(stream) + WHOLE)
    except WorkerError:
        return
    assert len(frames) == 2
    same(frames[1:], read(WHOLE))


@given(
    st.binary(max_size=120), st.integers(0, 5), st.integers(0, 5), st.integers(0, 2), st.integers(0, 2**32 - 1),
    st.sampled_from([1, 13, 1000]),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_any_body_in_a_good_header_is_a_frame_or_a_worker_error(body, fields, arrays, kind, messages, size):
    try:
        frames = read(frame(body, fields, arrays, kind, messages=messages), size)
    except WorkerError:
        return
    ((direction, edge, states, payload, counts),) = frames
    assert (direction, edge, len(states[0])) == (FORWARD, 1, fields)
    assert len(states) == messages
    assert len(counts) == (messages if kind else 0)
    assert (payload is None) == (kind == 0)


@pytest.mark.parametrize(
    "stream",
    [
        struct.pack("<I", MAGIC + 1) + WHOLE[4:],
        struct.pack("<II", MAGIC, 2**31) + WHOLE[8:],
        struct.pack("<II", MAGIC, SIZE - 8) + WHOLE[8:],
        struct.pack("<II", MAGIC, SIZE + 8) + WHOLE[8:] + bytes(8),
        frame(bytes(8), direction=2),
        frame(bytes(8), kind=3),
        frame(bytes(8), fields=2),
        frame(b"", fields=0),
        frame(b"", messages=0),
        frame(bytes(8), messages=2**32 - 1),
        frame(bytes(16)),
        frame(bytes(8), arrays=1),
        frame(one(0), kind=1),
        frame(one(0), kind=2),
        frame(one(1), arrays=1, kind=1),
        frame(one(1), arrays=200, kind=2),
        frame(one(1) + described(0, 1) + described(0, 1) + bytes(16), arrays=2, kind=1),
        frame(one(1) + described(99, 1) + bytes(8), arrays=1, kind=1),
        frame(one(1) + described(0), arrays=1, kind=1),
        frame(one(-1) + described(0, -1, -2) + bytes(8), arrays=1, kind=1),
        frame(one(3) + described(0, 3) + bytes(8), arrays=1, kind=1),
        frame(one(1) + described(0, 1) + bytes(16), arrays=1, kind=1),
        frame(one(2) + described(0, 1) + bytes(8), arrays=1, kind=1),
        frame(struct.pack("<4q", 7, 8, -1, 2) + described(0, 1) + bytes(8), arrays=1, kind=1, messages=2),
        frame(one(1) + described(0, 2**62, 2**62), arrays=1, kind=1),
        frame(one(0) + described(0, 0, 2**62, 2**62), arrays=1, kind=1),
        frame(one(1) + described(0, 1, rank=255), arrays=1, kind=1),
        frame(one(1) + described(0, *[1] * 70) + bytes(8), arrays=1, kind=1),
    ],
    ids=[
        "magic", "beyond the limit", "size too small", "size too large", "direction", "kind", "state beyond the end",
        "no fields", "no messages", "more messages than bytes", "None with a rest", "None with arrays", "no array",
        "array of none", "a missing array", "missing arrays", "two for one", "dtype", "no rows", "negative",
        "short data", "left over", "other row count", "negative row count", "overflow", "overflow beside 0",
        "rank beyond the end", "rank 70",
    ],
)  # fmt: skip
def test_a_frame_that_does_not_add_up_is_a_worker_error(stream):
    with pytest.raises(WorkerError):
        read(stream)


def test_frames_before_the_broken_one_have_been_handed_out():
    reader = FrameReader()
    assert len(read(WHOLE, reader=reader)) == 1
    with pytest.raises(WorkerError):
        read(bytes(24), reader=reader)
