"""The task stream: what each worker did in the last seconds, one character a slot of time.

Pure functions from records of the trace to characters. Slots lie on a fixed grid of time, so that a strip only ever
moves to the left. A slot that one kind of work fills shows that kind. Where several share it, as they do while a slot
is longer than a unit, it shows one of them, chosen so that over any stretch of a strip each kind has as many characters
as it had time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ampviz.graph import EVERY
from ampviz.telemetry.trace import BACKWARD, FORWARD, PAUSE, UPDATE, Records
from ampviz.tui.glyphs import DIM, HOT, MARK, TRAIN, VALID, Glyphs, number
from ampviz.tui.view import View

_GOLDEN = (5**0.5 - 1) / 2
_STYLES = (TRAIN, VALID, MARK, DIM, "")
IDLE, GAP = 3, 4  # in a strip besides the actions of the trace: waiting, and standing still

Kinds = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """The slots that are seen: from number `first` on, `count` of them, of `slot` nanoseconds each."""

    first: int
    count: int
    slot: int

    @classmethod
    def before(cls, end: int, span: int, count: int) -> Window:
        """The last `count` whole slots before `end`, which make up about `span` nanoseconds."""
        slot = max(1, span // max(1, count))
        return cls(end // slot - count, count, slot)


@dataclass(frozen=True, slots=True)
class Lane:
    """One strip: that of a worker, or of one of its nodes."""

    name: str
    worker: int
    node: int  # -1: the worker
    busy: float  # share of time


def lanes(view: View, room: int) -> list[Lane]:
    """The workers, and below each its nodes as far as there is room: the busiest, in the order of the graph."""
    busy = {row.name: row.busy for row in view.nodes() if not row.copies}
    names = sorted(busy, key=lambda name: -busy[name])[: max(0, room)]
    found = []
    for worker, (share, _, _) in enumerate(view.recent.worker_shares()):
        found.append(Lane(f"w{worker}", worker, -1, share))
        for index, node in enumerate(view.info.nodes):
            if node.on(worker) and node.name in names:
                found.append(Lane(f"  {node.name}", worker, index, busy[node.name]))
    return found


def strips(records: Records, wanted: Sequence[Lane], window: Window, *, slow: bool = False) -> list[Kinds]:
    """What was done in the slots of the window, for each lane: an action, IDLE or GAP a slot.

    In slow motion and while paused (`slow`) every unit is seen, however short it was.
    """
    workers = 1 + max((lane.worker for lane in wanted), default=0)
    worker = records["worker"].astype(np.intp)
    mine = strips_of(records, worker, workers, window, slow)
    hosted = [(lane.worker, lane.node) for lane in wanted if lane.node >= 0]
    nodes = 1 + max((node for _, node in hosted), default=0)
    row_of = np.full((workers + 1, nodes + 1), -1)  # several workers may host a node; the last ones: no lane of ours
    for row, place in enumerate(hosted):
        row_of[place] = row
    rows = row_of[np.minimum(worker, workers), np.minimum(records["node"], nodes)]
    theirs = iter(strips_of(records, rows, len(hosted), window, slow))
    found = []
    for lane in wanted:
        kinds = mine[lane.worker]
        if lane.node >= 0:
            pause, kinds = kinds == GAP, next(theirs)
            kinds[pause & (kinds == IDLE)] = GAP
        found.append(kinds)
    return found


def strips_of(records: Records, rows: NDArray[np.intp], count: int, window: Window, slow: bool) -> Kinds:
    """As `strips`, for so many rows; `rows` says for every record in which one it is, -1 for none."""
    forward, backward, update, pause = _times(records, rows, count, window)
    numbers = window.first + np.arange(window.count) + 7 * np.arange(count)[:, None]
    threshold = numbers * _GOLDEN % 1.0 * (window.slot - pause)
    kinds = np.full((count, window.count), IDLE)
    kinds[threshold < forward + backward] = UPDATE
    kinds[threshold < forward + backward - update] = BACKWARD
    kinds[threshold < forward] = FORWARD
    still = 2 * pause > window.slot
    kinds[still] = GAP
    steps = np.stack([forward, backward - update, update])
    seen = steps.any(axis=0) & (still | slow)
    kinds[seen] = steps.argmax(axis=0)[seen]
    return kinds


def strip_text(kinds: Kinds, glyphs: Glyphs) -> Text:
    """A strip as characters."""
    text, marks = Text(no_wrap=True), (*glyphs.work, glyphs.idle, " ")
    for kind, run in groupby(kinds.tolist()):
        text.append(marks[kind] * len(list(run)), style=_STYLES[kind])
    return text


def summary(view: View, glyphs: Glyphs) -> Text:
    """How well the workers are used: time that all of them together waited, and the one that all others wait for."""
    shares = [busy for busy, _, _ in view.recent.worker_shares()]
    text = Text(no_wrap=True)
    if view.snapshot is None or not shares or not max(shares):
        return text
    critical = shares.index(max(shares))
    text.append(f"bubble {1 - sum(shares) / len(shares):.0%}", style="bold")
    rows = [row for row in view.nodes() if row.worker in (critical, EVERY) and not row.copies]
    node = max(rows, key=lambda row: row.busy).name if rows else ""
    text.append(f"  critical w{critical} {node}")
    if view.snapshot.instances_per_s:
        most = number(view.snapshot.instances_per_s / shares[critical])
        text.append(f" (never idle: {most} inst/s)", style=DIM)
    if view.recent.units_lost:
        text.append(f"  {number(view.recent.units_lost)} units lost", style=HOT)
    return text


def legend(glyphs: Glyphs) -> str:
    """What the characters mean."""
    words = zip(glyphs.work, ("forward", "backward", "update"), strict=True)
    return "".join(f"{mark} {word} " for mark, word in words) + f"{glyphs.idle} idle"


def _times(records: Records, rows: NDArray[np.intp], height: int, window: Window) -> NDArray[np.float64]:
    """Nanoseconds of each slot that each action took in each row: (actions, rows, slots)."""
    count, slot = window.count, window.slot
    start = records["start"] - window.first * slot
    end = np.minimum(start + records["duration"], count * slot)
    start = np.maximum(start, 0)
    inside = np.flatnonzero((end > start) & (rows >= 0) & (rows < height))
    start, end = start[inside], end[inside]
    row = (records["action"][inside].astype(np.intp) * height + rows[inside]) * count
    one, last, size = start // slot, (end - 1) // slot, (PAUSE + 1) * height * count
    times: NDArray[np.float64] = np.zeros(size)
    times += np.bincount(row + one, np.minimum(end, (one + 1) * slot) - start, size)
    longer = last > one
    times += np.bincount((row + last)[longer], (end - last * slot)[longer], size)
    for begin, stop in zip((row + one)[last > one + 1] + 1, (row + last)[last > one + 1], strict=True):
        times[begin:stop] += slot  # few are as long as three slots
    return times.reshape(PAUSE + 1, height, count)
