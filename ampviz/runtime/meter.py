"""What of a session is training: its seconds, instances and staleness between successive snapshots. Pure."""

from __future__ import annotations

from ampviz.telemetry.snapshot import RatePoint, Snapshot, Status


class Meter:
    """Give it every snapshot in order. Pauses and validation are left out of everything it says."""

    def __init__(self) -> None:
        self._before: Snapshot | None = None
        self._sums = (0.0, 0)

    def look(self, snapshot: Snapshot) -> RatePoint | None:
        """The training since the previous snapshot; None where there was none, or only as a part."""
        before, self._before = self._before, snapshot
        sums, self._sums = self._sums, staleness_sums(snapshot)
        if before is None or before.phase != "train" or snapshot.phase != "train":
            return None
        seconds = active(snapshot) - active(before)
        if seconds <= 0 or before.status is snapshot.status is Status.PAUSED:
            return None
        stale, gradients = self._sums[0] - sums[0], self._sums[1] - sums[1]
        done = snapshot.instances - before.instances
        return RatePoint(snapshot.instances, seconds, done, stale / gradients if gradients else 0.0, gradients)


def active(snapshot: Snapshot) -> float:
    """Seconds since the start, pauses cut out."""
    return snapshot.at - snapshot.paused_s


def staleness_sums(snapshot: Snapshot) -> tuple[float, int]:
    """The staleness of all gradients so far, added up, and how many there were."""
    counts = [sum(node.staleness) for node in snapshot.nodes]
    total = sum(node.staleness_mean * count for node, count in zip(snapshot.nodes, counts, strict=True))
    return total, sum(counts)
