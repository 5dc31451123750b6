"""Frames of node messages between workers: a packed header, the states, the shapes, then the raw arrays. No IO here.

A frame holds messages of one edge and direction, one or more, whose payloads are consecutive row ranges of its arrays.

Layout, little endian, every part padded to 8 bytes:
header  uint32 magic and version, uint32 bytes that follow the header, uint32 edge, uint8 direction, uint8 number of
        state integers, uint8 number of arrays, uint8 kind of payload (0 None, 1 array, 2 tuple), uint32 messages
states  int64 each, message after message
counts  int64 each: the rows of every message, unless the payloads are None
arrays  per array: uint8 dtype code, uint8 rank, 6 bytes padding, int64 each size; then all raw buffers in order
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.errors import WorkerError
from ampviz.message import Direction
from ampviz.nodes.payload import Payload
from ampviz.state import State

Frame = tuple[Direction, int, list[State], Payload | None, Sequence[int]]
"""(direction, edge, states, the rows of all payloads, how many each has)"""

_HEADER = struct.Struct("<IIIBBBBI4x")
_ARRAY = struct.Struct("<BB6x")
_MAGIC = 0x02504D41  # "AMP", version 2
MAX_FRAME = 1 << 30  # bytes
_CHUNK = 256 << 10  # bytes read at once while frames are smaller
_SMALL = 2048  # bytes: a smaller array is copied, so that it does not keep a whole chunk alive

_DTYPES = [np.dtype(name) for name in ("f4", "f8", "i8", "i4", "u1", "?", "i2", "u2", "u4", "i1", "u8", "f2")]
_CODES = {dtype: code for code, dtype in enumerate(_DTYPES)}
_STATES = [struct.Struct(f"<{count}q") for count in range(256)]
_DIRECTIONS = tuple(Direction)


def encode(
    direction: int, edge: int, states: Sequence[State], payload: Payload | None, counts: Sequence[int]
) -> list[bytes | memoryview]:
    """The buffers of one frame, for `writelines`. Large arrays are not copied; they must not change until sent.

    The frame holds a message a state; their payloads are consecutive row ranges of `payload`, `counts` of each, or None
    for all of them.
    """
    fields, messages = len(states[0]), len(states)
    head = array("q", chain.from_iterable(states))
    arrays, kind = ((), 0) if payload is None else (payload, 2) if type(payload) is tuple else ((payload,), 1)
    described: list[bytes] = []
    raw: list[bytes | memoryview] = []
    if kind:
        head.extend(counts)
    size = head.itemsize * len(head)
    for values in arrays:
        described.append(_described(values))
        nbytes = values.nbytes
        size += len(described[-1]) + nbytes + -nbytes % 8
        if nbytes:
            raw.append(np.ascontiguousarray(values).data.cast("B"))
            if nbytes % 8:
                raw.append(bytes(-nbytes % 8))
    start = b"".join(
        [_HEADER.pack(_MAGIC, size, edge, direction, fields, len(arrays), kind, messages), head.tobytes(), *described]
    )
    if size <= _SMALL:
        return [b"".join([start, *raw])]
    return [start, *raw]


def _described(values: NDArray[Any]) -> bytes:
    try:
        code = _CODES[values.dtype]
    except KeyError:
        raise WorkerError("a payload of this dtype cannot be sent", got=values.dtype) from None
    return _ARRAY.pack(code, values.ndim) + _STATES[values.ndim].pack(*values.shape)


class FrameReader:
    """Turns a byte stream into frames without a second copy: the socket reads straight into its buffer.

    Ask `get_buffer` where to put bytes, then tell `received` how many came. Arrays are read-only views of the buffer;
    small ones are copies.
    """

    def __init__(self) -> None:
        self._buffer = bytearray(_CHUNK)
        self._view = memoryview(self._buffer)
        self._start = 0  # of the first frame not handed out
        self._end = 0  # of the bytes received
        self._lent = False  # whether arrays handed out look into the buffer
        self._usual = _CHUNK  # size of the buffers to come: large frames are likely to come again

    def get_buffer(self) -> memoryview:
        """Room for the next bytes of the stream; never empty."""
        if self._end == len(self._buffer):
            self._renew(self._usual)
        return self._view[self._end :]

    def received(self, nbytes: int) -> list[Frame]:
        """The frames that are complete now that `nbytes` more have come. Raises WorkerError for a broken stream."""
        self._end += nbytes
        frames: list[Frame] = []
        header = _HEADER.size
        while self._end - self._start >= header:
            magic, size, edge, direction, *counts = _HEADER.unpack_from(self._buffer, self._start)
            if magic != _MAGIC or size > MAX_FRAME or direction > 1 or counts[2] > 2:
                raise WorkerError(
                    "not a frame of this version", got=self._buffer[self._start : self._start + header].hex()
                )
            whole = header + size
            if self._end - self._start < whole:
                if self._start + whole > len(self._buffer):
                    self._usual = max(self._usual, whole)
                    self._renew(whole)
                break
            try:
                frames.append(self._frame(edge, direction, size, *counts))
            except (ValueError, IndexError, struct.error) as error:
                raise WorkerError(f"a frame does not add up: {error}") from error
            self._start += whole
        if self._start == self._end and not self._lent:
            self._start = self._end = 0
        return frames

    def _frame(self, edge: int, direction: int, size: int, fields: int, arrays: int, kind: int, messages: int) -> Frame:
        at = self._start + _HEADER.size
        stop = at + size
        end = at + 8 * messages * (fields + (kind > 0))
        if not fields or not messages or end > stop:
            raise ValueError("no states, or longer ones than the frame")
        states: list[State] = list(_STATES[fields].iter_unpack(self._view[at : at + 8 * messages * fields]))
        if kind < 2 and arrays != kind:
            raise ValueError(f"{arrays} arrays in a payload of kind {kind}")
        if kind == 0:
            if end != stop:
                raise ValueError(f"{stop - end} bytes are left over")
            return _DIRECTIONS[direction], edge, states, None, ()
        counts = array("q", self._view[end - 8 * messages : end].tobytes())
        payload = self._arrays(arrays, end, stop)
        if min(counts) < 0 or any(len(values) != sum(counts) for values in payload) or not payload:
            raise ValueError("the row counts of the messages do not fit the arrays")
        return _DIRECTIONS[direction], edge, states, payload[0] if kind == 1 else tuple(payload), counts.tolist()

    def _arrays(self, count: int, at: int, stop: int) -> list[NDArray[Any]]:
        described = []
        for _ in range(count):
            code, rank = _ARRAY.unpack_from(self._buffer, at)
            shape = _STATES[rank].unpack_from(self._buffer, at + _ARRAY.size)
            if not shape or min(shape) < 0:
                raise ValueError(f"no rows, or a negative size in {shape}")
            described.append((_DTYPES[code], shape))
            at += _ARRAY.size + 8 * rank
        arrays = []
        for dtype, shape in described:
            nbytes = dtype.itemsize * math.prod(shape)
            if at + nbytes > stop:
                raise ValueError("an array is longer than the frame")
            arrays.append(self._array(at, nbytes, dtype, shape))
            at += nbytes + -nbytes % 8
        if at != stop:
            raise ValueError(f"{stop - at} bytes are left over")
        return arrays

    def _array(self, at: int, nbytes: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        if nbytes <= _SMALL:
            return np.frombuffer(bytes(self._view[at : at + nbytes]), dtype).reshape(shape)
        self._lent = True
        values = np.frombuffer(self._buffer, dtype, math.prod(shape), at).reshape(shape)
        values.flags.writeable = False
        return values

    def _renew(self, size: int) -> None:
        """Go on in a fresh buffer of at least `size`; arrays handed out keep the old one alive."""
        rest = self._view[self._start : self._end]
        fresh = bytearray(max(size, _CHUNK))
        fresh[: len(rest)] = rest
        self._buffer, self._view = fresh, memoryview(fresh)
        self._start, self._end, self._lent = 0, len(rest), False
