"""Half a minute of a made-up session of list reduction, for pictures: the same in every run."""

from __future__ import annotations

import math
import random

import numpy as np

from ampviz.telemetry.inspection import Breakpoint
from ampviz.telemetry.snapshot import (
    EpochReport,
    Event,
    InFlight,
    LossPoint,
    NodeStats,
    Snapshot,
    Status,
    WorkerStats,
)
from ampviz.telemetry.trace import BACKWARD, FORWARD, RECORD, UPDATE
from tests.tui.feed import KNOBS, node_stats, snapshot
from tests.tui.shapes import LISTRED, graph, names

INFO = graph(LISTRED)
TICKS, EVERY_S = 60, 0.5
_SHARES = {"cell": 0.42, "embed": 0.16, "out": 0.22, "loss": 0.08, "step": 0.06, "while": 0.04}
_DEPTHS = {"cell": 9, "embed": 3, "out": 2, "phi": 2, "while": 1}
_NODE = names(INFO)
_LOOP = ("phi", "cell", "step", "while")
_EVENTS = {
    8: (Event(4.1, "EPOCH", "1 done: train 1.912 valid 1.604 accuracy 0.412", 1000),),
    20: (Event(9.9, "KNOB", "max_active_keys 8→16 by the viewer", 2500, "mak 8→16"),),
    30: (Event(14.9, "EFFECT", "max_active_keys 8→16: 201→312 inst/s, staleness 1.4→3.1, slope -0.20→-0.31", 3750),),
    34: (Event(16.8, "EPOCH", "2 done: train 1.021 valid 0.863 accuracy 0.705", 4250),),
    41: (Event(20.4, "LINT", "cell: staleness 4.6 is over the limit of 4", 5125),),
    48: (Event(23.9, "KNOB", "cell.min_update_interval 50→20 by the viewer", 6000, "cell mui 50→20"),),
}
_EPOCHS = {8: (1, 1.912, 1.604, 0.412), 34: (2, 1.021, 0.863, 0.705)}


def story(**last) -> list[Snapshot]:
    """All ticks; the last one with these changes."""
    chance = random.Random(7)
    ticks = [_tick(number, chance) for number in range(1, TICKS + 1)]
    ticks[-1] = _changed(ticks[-1], **last)
    return ticks


def paused() -> list[Snapshot]:
    """The same, stopped by a breakpoint at the end."""
    return story(
        status=Status.PAUSED,
        next=("embed.F key=9012 n=7 t=2", "cell.B key=9007 n=5 t=3"),
        stepped="step.B key=9007 n=5 t=3",
        stopped_by="breakpoint 1 at cell.B key=9007 n=5 t=3",
        held=("out",),
        breakpoints=(
            Breakpoint(1, "cell.B if staleness > 8", hits=1),
            Breakpoint(2, "embed.U", pause=False, enabled=False),
            Breakpoint(3, "valid_loss < 0.4", watch=True),
        ),
        in_flight=tuple(_flying(slot, 9000 + slot, random.Random(slot)) for slot in range(16)),
    )


def _changed(tick: Snapshot, **changes) -> Snapshot:
    return snapshot(**{name: getattr(tick, name) for name in tick.__struct_fields__} | changes)


def _tick(number: int, chance: random.Random) -> Snapshot:
    at = number * EVERY_S
    done = round(250 * at)
    return snapshot(
        at=at,
        epoch=1 if number < 8 else 2 if number < 34 else 3,
        epoch_done=done % 3000,
        epoch_size=3000,
        instances=done,
        nodes=tuple(_node(node.name, number, chance) for node in INFO.nodes),
        workers=(
            WorkerStats(4121, 0.55 * at, 0.4 * at, round(4100 * at)),
            WorkerStats(4122, 0.93 * at, 0.8 * at, round(5200 * at)),
        ),
        in_flight=tuple(_flying(slot, done + 15 - slot, chance) for slot in range(16)),
        in_flight_count=16,
        knobs=KNOBS | {"max_active_keys": 16},
        instances_per_s=312.0 if number > 20 else 201.0,
        new_points=tuple(_point(done - 125 + 31 * part, chance) for part in range(1, 5)),
        new_epochs=tuple(_epoch(*_EPOCHS[number], done) for _ in range(number in _EPOCHS)),
        new_events=_EVENTS.get(number, ()),
        trace=_trace(at - EVERY_S, at, chance),
    )


def _node(name: str, number: int, chance: random.Random) -> NodeStats:
    at = number * EVERY_S
    depth = _DEPTHS.get(name, 0)
    waiting = max(0, round(depth * (1 + 0.5 * math.sin(number / 5)) + chance.uniform(-1, 1))) if depth else 0
    learns = name in ("embed", "cell", "out")
    return node_stats(
        queued_forward=waiting - waiting // 3,
        queued_backward=waiting // 3,
        forward=round(700 * at),
        backward=round(690 * at),
        updates=round(14 * at) if learns else 0,
        busy_s=_SHARES.get(name, 0.01) * at,
        waiting_s=0.25 * at if depth > 1 else 0.0,
        staleness_mean={"embed": 2.6, "cell": 4.6, "out": 0.4}.get(name, 0.0),
        staleness=(4, 9, 12, 8, 3, 1) if learns else (),
        pending=7 if learns else 0,
        gradient_norm=0.8 if learns else 0.0,
    )


def _flying(slot: int, key: int, chance: random.Random) -> InFlight:
    hops = [_NODE[name] * 2 for name in ("tokens", "fork", "columns", "embed")]
    hops += [_NODE[name] * 2 for _ in range(chance.randint(1, 2)) for name in _LOOP][: chance.randint(1, 12)]
    if slot < 5:
        hops += [_NODE[name] * 2 for name in ("out", "loss")] + [
            _NODE[name] * 2 + 1 for name in ("out", "while", "step")
        ]
    return InFlight(key, 0.64 / (1 + slot) + 0.012, tuple(hops[-16:]))


def _point(instances: int, chance: random.Random) -> LossPoint:
    return LossPoint(instances, 0.35 + 1.95 * math.exp(-instances / 2600) + chance.gauss(0, 0.06), 15)


def _epoch(epoch: int, train: float, valid: float, accuracy: float, done: int) -> EpochReport:
    return EpochReport(
        epoch, train, valid, {"accuracy": accuracy}, 3000, 300_000, 12.0, 307.0, 30_700.0, 900.0, 16, done
    )


def _trace(start: float, end: float, chance: random.Random) -> bytes:
    """What two workers did: the second one is at work nearly all the time."""
    hosted = [("embed", "columns", "phi", "while"), ("cell", "step", "out", "loss")]
    records = []
    for worker, nodes in enumerate(hosted):
        now = round(start * 1e9)
        while now < end * 1e9:
            duration = chance.randint(8, 60) * 1_000_000
            action = chance.choice([FORWARD, FORWARD, BACKWARD])
            node = _NODE[chance.choice(nodes)]
            records.append((now, 1, duration, 8, node, 8, worker, action, 0))
            if action == BACKWARD and chance.random() < 0.3:
                records.append((now + duration * 3 // 4, 0, duration // 4, 0, node, 0, worker, UPDATE, 0))
            now += duration + (chance.randint(2, 50) * 1_000_000 if worker == 0 else chance.randint(0, 3) * 1_000_000)
    return np.array(records, RECORD).tobytes()
