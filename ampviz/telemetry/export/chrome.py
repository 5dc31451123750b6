"""A recording as Chrome trace events in JSON, which Perfetto (ui.perfetto.dev) and chrome://tracing open.

Workers are threads and their units of work slices, with updates inside the backward unit that made them and pauses in
between; an arrow leads from the last unit of an instance on one worker to its next on another; counters are queues and
what is in flight; events are instants. Thread 0 is the session: its phases and events. Slices of a thread come in the
order of their starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import IO, Any

import msgspec
import numpy as np

from ampviz.telemetry.export.lanes import Lane, Piece, pieces
from ampviz.telemetry.reading import Recording
from ampviz.telemetry.snapshot import NodeStats, SessionInfo, Snapshot
from ampviz.telemetry.trace import PAUSE, RECORD, UPDATE, Records, joined, picked

TraceEvent = dict[str, Any]

_WINDOW_S = 5.0  # of trace in memory at once
_REMEMBERED_S = 60.0  # how long an instance may be away between two units and still get its arrow
_MOST_KEYS = 16  # listed at a slice
_VERBS = ("forward", "backward", "update", "pause")
_SESSION = 0  # the thread of the session; worker w is thread w + 1


def write_chrome_trace(recording: Recording, out: IO[str], progress: Callable[[float], None]) -> int:
    """Write it all; returns the number of slices of work. `progress` is told the share that is done."""
    encode = msgspec.json.Encoder().encode
    work = 0
    out.write('{"displayTimeUnit":"ms","otherData":')
    out.write(encode({"session": recording.info.id, "target": recording.info.target}).decode())
    out.write(',"traceEvents":[\n')
    separator = ""
    for event in _all_events(recording, progress):
        work += event["ph"] == "X" and event["tid"] != _SESSION
        out.write(separator + encode(event).decode())
        separator = ",\n"
    out.write("\n]}\n")
    return work


def _all_events(recording: Recording, progress: Callable[[float], None]) -> Iterator[TraceEvent]:
    yield from _names(recording.info)
    yield from _instants(recording)
    end = max(recording.end, recording.trace_span()[1], 1e-9)
    workers, session = _Workers(recording.info), _Session(recording.info)
    for window in range(math.ceil(end / _WINDOW_S) + 1):
        start, stop = window * _WINDOW_S - (window == 0), (window + 1) * _WINDOW_S
        yield from workers.take(recording.trace(start, stop))
        for snapshot in recording.snapshots(start, stop):
            yield from session.take(snapshot)
        progress(min(1.0, stop / end))
    yield from workers.rest()
    yield from session.rest(end)


def _names(info: SessionInfo) -> Iterator[TraceEvent]:
    """What processes and threads are called, and their order."""
    yield {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": f"ampviz {info.target}"}}
    threads = ["session", *(f"worker {worker}" for worker in range(info.workers))]
    for thread, name in enumerate(threads):
        yield {"ph": "M", "pid": 1, "tid": thread, "name": "thread_name", "args": {"name": name}}
        yield {"ph": "M", "pid": 1, "tid": thread, "name": "thread_sort_index", "args": {"sort_index": thread}}


def _instants(recording: Recording) -> Iterator[TraceEvent]:
    """The events, across the whole height."""
    for event in recording.events():
        args = {"text": event.text, "instances": event.instances}
        yield {
            "ph": "i", "s": "g", "pid": 1, "tid": _SESSION, "ts": _us(event.at * 1e9), "name": event.kind,
            "cat": "event", "args": args,
        }  # fmt: skip


class _Workers:
    """Slices, update instants and arrows from the records of all workers, window by window."""

    def __init__(self, info: SessionInfo):
        self._names = [node.name for node in info.nodes]
        self._lanes = [Lane() for _ in range(info.workers)]
        self._held = [np.empty(0, RECORD)] * info.workers  # updates whose unit has not ended yet
        self._seen: dict[int, tuple[int, float, float]] = {}  # key -> worker, start and end of its last unit
        self._flows = 0

    def take(self, records: Records) -> Iterator[TraceEvent]:
        """What these records show."""
        found: list[Piece] = []
        for worker, lane in enumerate(self._lanes):
            mine = joined([self._held[worker], picked(records, records["worker"] == worker)])
            after = np.flatnonzero(mine["action"] != UPDATE)
            cut = int(after[-1]) + 1 if len(after) else 0
            self._held[worker] = mine[cut:]
            found += pieces(mine[:cut], worker, lane)
        yield from self._shown(found)

    def rest(self) -> Iterator[TraceEvent]:
        """Updates whose unit was never told."""
        for worker, lane in enumerate(self._lanes):
            yield from self._shown(list(pieces(self._held[worker], worker, lane)))

    def _shown(self, found: list[Piece]) -> Iterator[TraceEvent]:
        found.sort(key=lambda piece: piece.start)  # those of one worker stay as they were placed
        for piece in found:
            yield self._slice(piece)
            if piece.action == UPDATE:
                yield {
                    "ph": "i", "s": "t", "pid": 1, "tid": piece.worker + 1, "ts": piece.start, "cat": "update",
                    "name": f"update {self._name(piece)}",
                }  # fmt: skip
            yield from self._arrows(piece)
        if found:
            oldest = found[-1].start - _REMEMBERED_S * 1e6
            self._seen = {key: seen for key, seen in self._seen.items() if seen[2] >= oldest}

    def _slice(self, piece: Piece) -> TraceEvent:
        verb = _VERBS[piece.action] if piece.action <= PAUSE else "work"
        event: TraceEvent = {
            "ph": "X", "pid": 1, "tid": piece.worker + 1, "ts": piece.start, "dur": round(piece.end - piece.start, 3),
            "name": verb if piece.action == PAUSE else f"{self._name(piece)} {verb}", "cat": verb,
        }  # fmt: skip
        if piece.action < UPDATE:
            event["args"] = {
                "node": self._name(piece), "direction": verb, "key": piece.keys[0], "keys": piece.keys[:_MOST_KEYS],
                "messages": piece.messages, "rows_of_first": piece.rows,
            }  # fmt: skip
        return event

    def _arrows(self, piece: Piece) -> Iterator[TraceEvent]:
        for key in piece.keys if piece.action < UPDATE else ():
            before = self._seen.get(key)
            if before is not None and before[0] != piece.worker and before[2] <= piece.start:
                self._flows += 1
                same = {"cat": "message", "name": f"key {key}", "id": self._flows, "pid": 1}
                yield {"ph": "s", **same, "tid": before[0] + 1, "ts": before[1]}
                yield {"ph": "f", "bp": "e", **same, "tid": piece.worker + 1, "ts": piece.start}
            self._seen[key] = (piece.worker, piece.start, piece.end)

    def _name(self, piece: Piece) -> str:
        return self._names[piece.node] if piece.node < len(self._names) else f"node {piece.node}"


class _Session:
    """Counters and phases from the snapshots; a counter is told when it changes."""

    def __init__(self, info: SessionInfo):
        self._info = info
        self._queues: list[tuple[int, int]] = [(-1, -1)] * len(info.nodes)
        self._in_flight = -1
        self._phase = ("", 0.0)

    def take(self, snapshot: Snapshot) -> Iterator[TraceEvent]:
        """What this snapshot shows."""
        at = _us(snapshot.at * 1e9)
        phase = f"epoch {snapshot.epoch} {snapshot.phase}"
        if phase != self._phase[0]:
            yield from self.rest(snapshot.at)
            self._phase = (phase, at)
        if snapshot.in_flight_count != self._in_flight:
            self._in_flight = snapshot.in_flight_count
            yield _counter("in flight", at, {"instances": self._in_flight})
        for index, stats in enumerate(snapshot.nodes):
            depths = _depths(stats)
            if depths != self._queues[index]:
                self._queues[index] = depths
                name = f"queue {self._info.nodes[index].name}"
                yield _counter(name, at, {"forward": depths[0], "backward": depths[1]})

    def rest(self, at_s: float) -> Iterator[TraceEvent]:
        """The end of the phase under way."""
        name, began = self._phase
        if name:
            took = round(max(0.0, _us(at_s * 1e9) - began), 3)
            yield {
                "ph": "X", "pid": 1, "tid": _SESSION, "ts": began, "dur": took, "name": name, "cat": "phase",
            }  # fmt: skip


def _counter(name: str, at: float, values: dict[str, int]) -> TraceEvent:
    return {"ph": "C", "pid": 1, "tid": _SESSION, "ts": at, "name": name, "cat": "counter", "args": values}


def _depths(stats: NodeStats) -> tuple[int, int]:
    return stats.queued_forward, stats.queued_backward


def _us(nanoseconds: float) -> float:
    return round(nanoseconds / 1e3, 3)
