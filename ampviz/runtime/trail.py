"""The session's side of the trace: takes what the workers wrote, and knows the ways of the instances in flight."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from ampviz.telemetry.ring import TraceRing
from ampviz.telemetry.trace import BACKWARD, Records, in_order, joined, of_key, picked, spans, thinned

TICK_RECORDS = 8192  # that one snapshot carries at most
HOPS = 48  # that a path has at most
_FOLLOWED = 128  # instances whose paths are kept: the oldest ones
_LOG_RECORDS = 1 << 17  # that are kept for questions about one instance

Paths = dict[int, tuple[int, ...]]


class Trail:
    """Reads the rings. Call `look` once a tick; `began` is the start of the session by the clock, in nanoseconds."""

    def __init__(self, rings: Sequence[TraceRing], began: int):
        self._rings, self._began = rings, began
        self._thinned = self._thinned_units = 0
        self._paths = _Paths()
        self._log: deque[Records] = deque()
        self._logged = 0
        self.whole_since = 0  # nanoseconds since the session began; from there on the log has every record
        self.trace = b""  # what the last tick brought, as in a snapshot

    @property
    def lost(self) -> int:
        """Records that no tick could carry, in all."""
        return self._thinned + self._overwritten() + self._left_out()

    @property
    def units_lost(self) -> int:
        """The same without those that only add a key to a unit: with many instances a unit they are most."""
        return self._thinned_units + self._overwritten()

    def look(self, in_flight: Iterable[int]) -> Paths:
        """Take what is new, as `trace`; the paths of these instances, oldest first."""
        lost, left_out = self._overwritten(), self._left_out()
        fresh = in_order(joined([ring.take() for ring in self._rings]))
        fresh["start"] -= self._began
        if self._overwritten() > lost and len(fresh):
            self.whole_since = int(fresh["start"][0])
        if self._left_out() > left_out and len(fresh):
            self.whole_since = int(fresh["start"][-1]) + 1
        self._keep(fresh)
        carried = thinned(fresh, TICK_RECORDS)
        if len(carried) < len(fresh):
            self._thinned += len(fresh) - len(carried)
            self._thinned_units += len(spans(fresh)) - len(spans(carried))
        self.trace = carried.tobytes()
        return self._paths.follow(fresh, list(islice(in_flight, _FOLLOWED)))

    def of_key(self, key: int) -> Records:
        """What was done for an instance, in order, as far back as the log goes (see `whole_since`)."""
        return in_order(joined([of_key(part, key) for part in self._log]))

    def close(self) -> None:
        """Let the rings go."""
        for ring in self._rings:
            ring.close()

    def _overwritten(self) -> int:
        """Records that were overwritten before a tick took them: the oldest ones."""
        return sum(ring.lost for ring in self._rings)

    def _left_out(self) -> int:
        """Records that only add a key to a unit, and were not written at all."""
        return sum(ring.left_out for ring in self._rings)

    def _keep(self, fresh: Records) -> None:
        self._log.append(fresh)
        self._logged += len(fresh)
        while self._logged > _LOG_RECORDS:
            old = self._log.popleft()
            self._logged -= len(old)
            if len(old):
                self.whole_since = max(self.whole_since, int(old["start"][-1]) + 1)


class _Paths:
    """The last hops of every followed instance, in one table sorted by key and time."""

    def __init__(self) -> None:
        self._keys: NDArray[np.int64] = np.empty(0, np.int64)
        self._starts: NDArray[np.int64] = np.empty(0, np.int64)
        self._hops: NDArray[np.int64] = np.empty(0, np.int64)

    def follow(self, fresh: Records, keys: list[int]) -> Paths:
        """Add what is new and forget all other instances; the paths of these."""
        done = picked(fresh, (fresh["action"] <= BACKWARD) & np.isin(fresh["key"], keys))
        self._keys = np.concatenate([self._keys, done["key"]])
        self._starts = np.concatenate([self._starts, done["start"]])
        self._hops = np.concatenate([self._hops, done["node"] * np.int64(2) + done["action"]])
        self._select(np.isin(self._keys, keys))
        self._select(np.lexsort((self._starts, self._keys)))
        ends = np.searchsorted(self._keys, self._keys, side="right")
        self._select(ends - np.arange(len(ends)) <= HOPS)
        firsts = np.searchsorted(self._keys, keys).tolist()
        lasts = np.searchsorted(self._keys, keys, side="right").tolist()
        return {
            key: tuple(self._hops[first:last].tolist()) for key, first, last in zip(keys, firsts, lasts, strict=True)
        }

    def _select(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> None:
        self._keys, self._starts, self._hops = self._keys[which], self._starts[which], self._hops[which]
