"""What a worker has done, noted unit by unit, and written into its ring with the board, or every few hundred units."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from ampviz.message import Direction
from ampviz.nodes.batch import Batch
from ampviz.state import State
from ampviz.telemetry.ring import TraceRing
from ampviz.telemetry.trace import BACKWARD, NOWHERE, PAUSE, RECORD, UPDATE

WAITING = 256  # units after which a backend writes, if the board is not published before
_FURTHER = 1024  # records of further keys that are written at once if no viewer asks for their ways
_LONGEST = 0xFFFFFFFF  # nanoseconds that fit a record
_pack = struct.Struct("<qqIIHHBBH").pack


_Note = tuple[int, int, int, int, int, Sequence[State]]
"""(start, end, node, action, rows of the first message, states of all); none of an update or a pause"""


class Tracer:
    """The trace of one worker.

    The backend must call `write` often, but not too often: it costs some 40 us besides what it costs a unit, which at
    every 200 us were 13 % of a worker's time.
    """

    def __init__(self, worker: int, ring: TraceRing):
        self.worker, self.ring = worker, ring
        self.on = True  # else nobody will read it, and nothing is noted
        self.every_key = True  # else further keys of units are left out where they are many
        self.notes: list[_Note] = []
        self._paused_since: int | None = None

    def unit(self, start: int, end: int, node: int, direction: Direction, batches: Sequence[Batch]) -> None:
        """A node has processed these messages. No payload is kept: the memory of the next one would be another."""
        if self.on:
            head = batches[0]
            rows = head.counts[0] if head.counts else 0
            states = head.states if len(batches) == 1 else [state for batch in batches for state in batch.states]
            self.notes.append((start, end, node, direction, rows, states))

    def pause(self, now: int, paused: bool) -> None:
        """The worker stands still from now on, or goes on."""
        if self._paused_since is not None:
            self._tell_pause(now)
        self._paused_since = now if paused else None

    def update(self, start: int, end: int, node: int) -> None:
        """A node has updated."""
        if self.on:
            self.notes.append((start, end, node, UPDATE, 0, ()))

    def write(self, now: int | None = None) -> None:
        """Write what was noted; given the time, also how long a pause has lasted so far."""
        if self._paused_since is not None:
            self._tell_pause(now)
        if self.notes:
            self.ring.write(*self._records())
            self.notes.clear()

    def _tell_pause(self, now: int | None) -> None:
        """Note the pause up to now, or to the last step, in the pieces around what was stepped."""
        since = self._paused_since
        assert since is not None  # asked before
        stepped = [(start, end) for start, end, _, action, *_ in self.notes if action <= BACKWARD]
        for start, end in [*stepped, *([(now, now)] if now is not None else [])]:
            if start > since and self.on:
                self.notes.append((since, start, NOWHERE, PAUSE, 0, ()))
            since = max(since, end)
        self._paused_since = since

    def _records(self) -> tuple[bytes, int]:
        """One record for each unit, copied for its further keys; or how many of these copies are left out."""
        packed: list[bytes] = []
        further: list[tuple[int, set[int]]] = []  # (number of a record, the keys that need a copy of it)
        worker, add = self.worker, packed.append
        for start, end, node, action, rows, states in self.notes:
            duration, count = min(end - start, _LONGEST), len(states)
            key = states[0][0] if states else 0
            if count > 1:
                others = {state[0] for state in states}
                others.discard(key)
                if others:
                    further.append((len(packed), others))
            add(_pack(start, key, duration, rows, node, count, worker, action, 0))
        data = b"".join(packed)
        copies = sum([len(keys) for _, keys in further])
        if copies > _FURTHER and not self.every_key:
            return data, copies
        return _copied(data, further) if further else data, 0


def _copied(data: bytes, further: Sequence[tuple[int, set[int]]]) -> bytes:
    """The records, each followed by copies for further keys, which have no messages."""
    records = np.frombuffer(data, RECORD)
    copies = np.zeros(len(records), np.intp)
    copies[[number for number, _ in further]] = [len(keys) for _, keys in further]
    whole = np.repeat(records, copies + 1)
    added = np.ones(len(whole), np.bool_)
    added[np.cumsum(copies + 1) - copies - 1] = False
    whole["messages"][added] = 0
    whole["key"][added] = [key for _, keys in further for key in keys]
    return whole.tobytes()
