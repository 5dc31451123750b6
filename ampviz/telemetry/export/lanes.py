"""Units of work from records of the trace, so that those of one worker never overlap but for an update in its unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from ampviz.telemetry.trace import UPDATE, Records, picked


@dataclass(slots=True)
class Piece:
    """One unit, update or pause of a worker; times in microseconds with three decimals."""

    worker: int
    start: float
    end: float
    node: int
    action: int
    messages: int
    rows: int  # of the first message
    keys: list[int]


@dataclass(slots=True)
class Lane:
    """How far a worker's slices have come."""

    free: float = field(default=-np.inf)  # the end of the last unit or pause
    inside: float = field(default=-np.inf)  # the end of the last update within it


def pieces(records: Records, worker: int, lane: Lane) -> Iterator[Piece]:
    """The units of one worker by their starts. Where clocks or a lost record make two overlap, the later one is cut."""
    order = np.lexsort((-records["duration"].astype(np.int64), records["start"]))
    last: Piece | None = None
    for start_ns, key, duration, rows, node, messages, _, action, _ in picked(records, order).tolist():
        start, end = round(start_ns / 1e3, 3), round((start_ns + duration) / 1e3, 3)
        more = not messages and action < UPDATE
        if more and last is not None and (last.start, last.node, last.action) == (start, node, action):
            last.keys.append(key)  # another instance of the same unit
            continue
        if last is not None:
            yield _placed(last, lane)
        last = Piece(worker, start, end, node, action, messages, rows, [key])
    if last is not None:
        yield _placed(last, lane)


def _placed(piece: Piece, lane: Lane) -> Piece:
    if piece.action == UPDATE and piece.start < lane.free:
        piece.end = max(min(piece.end, lane.free), lane.inside)
        piece.start = min(max(piece.start, lane.inside), piece.end)
        lane.inside = piece.end
    else:
        piece.start = max(piece.start, lane.free)
        piece.end = max(piece.end, piece.start)
        lane.free = piece.end
        lane.inside = piece.start
    return piece
