"""The ring in which one worker leaves its trace: anonymous shared memory, one writer, one reader, no locks."""

from __future__ import annotations

import struct

import numpy as np

from ampviz.shared import SharedBlock
from ampviz.telemetry.trace import RECORD, Records

CAPACITY = 1 << 17  # records: 4 MB, and more than a worker writes between two ticks
_COUNTS = struct.Struct("QQQ")  # records begun, whole, and left out; native, so that each is stored at once
_SIZE = RECORD.itemsize


class TraceRing:
    """The newest `capacity` records of a worker. Without `fd` it makes the shared block, with one it maps it.

    The writer says first how far it is going to overwrite, then how far it has written; the reader copies and then
    drops what may have been overwritten meanwhile. `lost` counts what it never saw, `left_out` what was not written.
    """

    def __init__(self, capacity: int = CAPACITY, fd: int | None = None):
        self.capacity, self.lost, self.left_out = capacity, 0, 0
        self.block = SharedBlock(_COUNTS.size + capacity * _SIZE, fd)
        self._read = 0
        _, self._written, self._left_out = _COUNTS.unpack_from(self.block.memory)

    def write(self, data: bytes, left_out: int = 0) -> None:
        """Add the records that these bytes are, and tell of so many that are not among them."""
        count = len(data) // _SIZE
        self._left_out += left_out
        if count > self.capacity:  # the older ones would be overwritten at once
            self._written += count - self.capacity
            data, count = data[-self.capacity * _SIZE :], self.capacity
        memory, first = self.block.memory, self._written % self.capacity
        fitting = min(count, self.capacity - first) * _SIZE
        _COUNTS.pack_into(memory, 0, self._written + count, self._written, self._left_out)
        start = _COUNTS.size + first * _SIZE
        memory[start : start + fitting] = data[:fitting]
        memory[_COUNTS.size : _COUNTS.size + len(data) - fitting] = data[fitting:]
        self._written += count
        _COUNTS.pack_into(memory, 0, self._written, self._written, self._left_out)

    def take(self) -> Records:
        """The records written since the last call, oldest first."""
        memory = self.block.memory
        _, written, _ = _COUNTS.unpack_from(memory)
        first = max(self._read, written - self.capacity)
        start, end = (_COUNTS.size + number % self.capacity * _SIZE for number in (first, written))
        if first == written:
            data = b""
        elif start < end:
            data = memory[start:end]
        else:
            data = memory[start : _COUNTS.size + self.capacity * _SIZE] + memory[_COUNTS.size : end]
        taken, _, self.left_out = _COUNTS.unpack_from(memory)
        whole = min(max(first, taken - self.capacity), written)
        self.lost += whole - self._read
        self._read = written
        return np.frombuffer(data, RECORD)[whole - first :]

    def close(self) -> None:
        """Let the block go."""
        self.block.close()
