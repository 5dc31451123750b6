"""One instance that is followed on its way, until it is home and as long as a person wants to look at it after that."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ampviz.telemetry.snapshot import InFlight, Snapshot
from ampviz.telemetry.trace import decode, of_key

_MOST_HOPS = 512  # of a path that is shown


@dataclass(frozen=True, slots=True)
class Followed:
    """An instance: its path so far, and whether it has come home."""

    key: int
    age_s: float
    path: tuple[int, ...]
    home: bool = False
    lost: int = 0  # records of the trace that were lost when this was seen

    @classmethod
    def of(cls, entry: InFlight, snapshot: Snapshot) -> Followed:
        return cls(entry.key, entry.age_s, entry.path, lost=snapshot.trace_lost)

    def after(self, snapshot: Snapshot) -> Followed:
        """The same instance one snapshot later.

        Its new hops are in the trace, the last ones before it came home too; where the trace has lost something, the
        snapshot has at least the newest.
        """
        if self.home:
            return self
        entry = next((entry for entry in snapshot.in_flight if entry.key == self.key), None)
        done = of_key(decode(snapshot.trace), self.key)
        path = (self.path + tuple((2 * done["node"].astype(int) + done["action"]).tolist()))[-_MOST_HOPS:]
        if entry is None:
            return replace(self, path=path, home=True)
        if not len(done) or snapshot.trace_lost != self.lost:
            path = entry.path
        return replace(self, age_s=entry.age_s, path=path, lost=snapshot.trace_lost)
