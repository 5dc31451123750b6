"""What a worker has done, noted unit by unit, and written into its ring with the board, or every few hundred units."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np

from ampviz.nodes.batch import Batch
from ampviz.telemetry.ring import TraceRing
from ampviz.telemetry.trace import BACKWARD, NOWHERE, PAUSE, RECORD, UPDATE

WAITING = 256  # units after which a backend writes, if the board is not published before
_LONGEST = 0xFFFFFFFF  # nanoseconds that fit a record
_pack = struct.Struct("<qqIIHHBBH").pack


_Unit = tuple[int, int, int, int, Sequence[Batch]]


class Tracer:
    """The trace of one worker. `note` takes (start, end, node, action, batches) and costs next to nothing.

    The backend must call `write` often: until then the messages of the batches are kept alive. Not too often: it costs
    some 40 us besides what it costs a unit, which at every 200 us were 13 % of a worker's time.
    """

    def __init__(self, worker: int, ring: TraceRing):
        self.worker, self.ring = worker, ring
        self.units: list[_Unit] = []
        self.note: Callable[[_Unit], None] = self.units.append
        self._paused_since: int | None = None

    def listen(self, on: bool) -> None:
        """Take notes from now on, or none: even so a trace costs some percent of a worker whose units are short."""
        self.note = self.units.append if on else _ignore

    def pause(self, now: int, paused: bool) -> None:
        """The worker stands still from now on, or goes on."""
        if self._paused_since is not None:
            self._tell_pause(now)
        self._paused_since = now if paused else None

    def update(self, start: int, end: int, node: int) -> None:
        """A node has updated."""
        self.note((start, end, node, UPDATE, ()))

    def write(self, now: int | None = None) -> None:
        """Write what was noted; given the time, also how long a pause has lasted so far."""
        if self._paused_since is not None:
            self._tell_pause(now)
        if self.units:
            self.ring.write(self._records())
            self.units.clear()

    def _tell_pause(self, now: int | None) -> None:
        """Note the pause up to now, or to the last step, in the pieces around what was stepped."""
        since = self._paused_since
        assert since is not None  # asked before
        stepped = [(start, end) for start, end, _, action, _ in self.units if action <= BACKWARD]
        for start, end in [*stepped, *([(now, now)] if now is not None else [])]:
            if start > since:
                self.note((since, start, NOWHERE, PAUSE, ()))
            since = max(since, end)
        self._paused_since = since

    def _records(self) -> bytes:
        """One record for each unit, copied for its further keys."""
        packed: list[bytes] = []
        further: list[tuple[int, set[int]]] = []  # (number of a record, the keys that need a copy of it)
        worker, add = self.worker, packed.append
        for start, end, node, action, batches in self.units:
            if not batches:
                add(_pack(start, 0, min(end - start, _LONGEST), 0, node, 0, worker, action, 0))
                continue
            head = batches[0]
            key, rows = head.states[0][0], head.counts[0] if head.counts else 0
            count = sum([len(batch.states) for batch in batches])
            if count > 1:
                others = {state[0] for batch in batches for state in batch.states}
                others.discard(key)
                further.append((len(packed), others))
            if end - start > _LONGEST:
                end = start + _LONGEST
            add(_pack(start, key, end - start, rows, node, count, worker, action, 0))
        data = b"".join(packed)
        return _copied(data, further) if further else data


def _ignore(unit: _Unit) -> None:
    """What becomes of notes that nobody will read."""


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
