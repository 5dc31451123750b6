"""Frames of node messages between workers: a packed header, the state, the shapes, then the raw arrays. No IO here.

Layout, little endian, every part padded to 8 bytes:
header  uint32 magic and version, uint32 bytes that follow the header, uint32 edge, uint8 direction, uint8 number of
        state integers, uint8 number of arrays, uint8 kind of payload (0 None, 1 array, 2 tuple)
state   int64 each
arrays  per array: uint8 dtype code, uint8 rank, 6 bytes padding, int64 each size; then all raw buffers in order
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.errors import WorkerError
from ampviz.message import Direction
from ampviz.nodes.payload import Payload
from ampviz.state import State

Frame = tuple[Direction, int, State, Payload]
"""(direction, edge, state, payload)"""

_HEADER = struct.Struct("<IIIBBBB")
_ARRAY = struct.Struct("<BB6x")
_MAGIC = 0x01504D41  # "AMP", version 1
MAX_FRAME = 1 << 30  # bytes
_CHUNK = 256 << 10  # bytes read at once while frames are smaller
_SMALL = 2048  # bytes: a smaller array is copied, so that it does not keep a whole chunk alive

_DTYPES = [np.dtype(name) for name in ("f4", "f8", "i8", "i4", "u1", "?", "i2", "u2", "u4", "i1", "u8", "f2")]
_CODES = {dtype: code for code, dtype in enumerate(_DTYPES)}
_STATES = [struct.Struct(f"<{count}q") for count in range(256)]
_DIRECTIONS = tuple(Direction)


def encode(direction: int, edge: int, state: State, payload: Payload | None) -> list[bytes | memoryview]:
    """The buffers of one frame, for `writelines`. Large arrays are not copied; they must not change until sent."""
    if payload is None:
        return [
            _HEADER.pack(_MAGIC, 8 * len(state), edge, direction, len(state), 0, 0) + _STATES[len(state)].pack(*state)
        ]
    arrays, kind = (payload, 2) if type(payload) is tuple else ((payload,), 1)
    described: list[bytes] = []
    raw: list[bytes | memoryview] = []
    size = 8 * len(state)
    for array in arrays:
        described.append(_described(array))
        nbytes = array.nbytes
        size += len(described[-1]) + nbytes + -nbytes % 8
        if nbytes:
            raw.append(np.ascontiguousarray(array).data.cast("B"))
            if nbytes % 8:
                raw.append(bytes(-nbytes % 8))
    head = b"".join(
        [
            _HEADER.pack(_MAGIC, size, edge, direction, len(state), len(arrays), kind),
            _STATES[len(state)].pack(*state),
            *described,
        ]
    )
    if size <= _SMALL:
        return [b"".join([head, *raw])]
    return [head, *raw]


def _described(array: NDArray[Any]) -> bytes:
    try:
        code = _CODES[array.dtype]
    except KeyError:
        raise WorkerError("a payload of this dtype cannot be sent", got=array.dtype) from None
    return _ARRAY.pack(code, array.ndim) + _STATES[array.ndim].pack(*array.shape)


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
            magic, size, edge, direction, fields, arrays, kind = _HEADER.unpack_from(self._buffer, self._start)
            if magic != _MAGIC or size > MAX_FRAME or direction > 1 or kind > 2:
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
                frames.append(self._frame(edge, direction, fields, arrays, kind, size))
            except (ValueError, IndexError, struct.error) as error:
                raise WorkerError(f"a frame does not add up: {error}") from error
            self._start += whole
        if self._start == self._end and not self._lent:
            self._start = self._end = 0
        return frames

    def _frame(self, edge: int, direction: int, fields: int, arrays: int, kind: int, size: int) -> Frame:
        at = self._start + _HEADER.size
        stop = at + size
        if at + 8 * fields > stop:
            raise ValueError("the state is longer than the frame")
        state = _STATES[fields].unpack_from(self._buffer, at)
        at += 8 * fields
        if kind < 2 and arrays != kind:
            raise ValueError(f"{arrays} arrays in a payload of kind {kind}")
        if kind == 0:
            if at != stop:
                raise ValueError(f"{stop - at} bytes are left over")
            return _DIRECTIONS[direction], edge, state, None
        described = []
        for _ in range(arrays):
            code, rank = _ARRAY.unpack_from(self._buffer, at)
            shape = _STATES[rank].unpack_from(self._buffer, at + _ARRAY.size)
            if min(shape, default=0) < 0:
                raise ValueError(f"negative size in {shape}")
            described.append((_DTYPES[code], shape))
            at += _ARRAY.size + 8 * rank
        payload = []
        for dtype, shape in described:
            nbytes = dtype.itemsize * math.prod(shape)
            if at + nbytes > stop:
                raise ValueError("an array is longer than the frame")
            payload.append(self._array(at, nbytes, dtype, shape))
            at += nbytes + -nbytes % 8
        if at != stop:
            raise ValueError(f"{stop - at} bytes are left over")
        return _DIRECTIONS[direction], edge, state, payload[0] if kind == 1 else tuple(payload)

    def _array(self, at: int, nbytes: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        if nbytes <= _SMALL:
            return np.frombuffer(bytes(self._view[at : at + nbytes]), dtype).reshape(shape)
        self._lent = True
        array = np.frombuffer(self._buffer, dtype, math.prod(shape), at).reshape(shape)
        array.flags.writeable = False
        return array

    def _renew(self, size: int) -> None:
        """Go on in a fresh buffer of at least `size`; arrays handed out keep the old one alive."""
        rest = self._view[self._start : self._end]
        fresh = bytearray(max(size, _CHUNK))
        fresh[: len(rest)] = rest
        self._buffer, self._view = fresh, memoryview(fresh)
        self._start, self._end, self._lent = 0, len(rest), False
