"""The trail: what a tick carries, the paths of the instances in flight, and what is remembered of one instance."""

from __future__ import annotations

import numpy as np
import pytest

from ampviz.runtime import trail as trails
from ampviz.runtime.trail import HOPS, Trail
from ampviz.telemetry.ring import TraceRing
from ampviz.telemetry.trace import BACKWARD, FORWARD, RECORD, UPDATE, decode

pytestmark = pytest.mark.usefixtures("nothing_left_behind")
BEGAN = 1_000_000


@pytest.fixture
def rings():
    rings = [TraceRing(256), TraceRing(256)]
    yield rings
    for ring in rings:
        ring.close()


@pytest.fixture
def trail(rings):
    return Trail(rings, BEGAN)


def write(ring: TraceRing, *rows) -> None:
    """Rows are (start, key, node, action)."""
    records = np.zeros(len(rows), RECORD)
    for record, (start, key, node, action) in zip(records, rows, strict=True):
        record["start"], record["key"], record["node"], record["action"] = BEGAN + start, key, node, action
        record["duration"], record["messages"] = 1, action != UPDATE
    ring.write(records.tobytes())


def test_a_tick_carries_what_all_workers_did_in_order_and_since_the_session_began(rings, trail):
    write(rings[0], (10, 1, 0, FORWARD), (30, 1, 1, FORWARD))
    write(rings[1], (20, 2, 5, FORWARD))
    trail.look([])
    assert decode(trail.trace)["start"].tolist() == [10, 20, 30]
    trail.look([])
    assert trail.trace == b""
    assert trail.lost == 0


def test_a_path_grows_from_tick_to_tick_over_all_workers(rings, trail):
    write(rings[0], (10, 1, 0, FORWARD), (30, 1, 2, FORWARD), (31, 0, 2, UPDATE))
    write(rings[1], (20, 1, 1, FORWARD), (21, -2, 1, FORWARD))
    assert trail.look([1, -2]) == {1: (0, 2, 4), -2: (2,)}
    write(rings[0], (40, 1, 2, BACKWARD))
    assert trail.look([1, -2, 7]) == {1: (0, 2, 4, 5), -2: (2,), 7: ()}


def test_what_a_slow_worker_writes_late_takes_its_place_in_the_path(rings, trail):
    write(rings[0], (10, 1, 0, FORWARD), (30, 1, 2, FORWARD))
    trail.look([1])
    write(rings[1], (20, 1, 1, FORWARD))
    assert trail.look([1]) == {1: (0, 2, 4)}


def test_a_path_keeps_its_newest_hops_and_ends_with_its_instance(rings, trail):
    write(rings[0], *((n, 1, n, FORWARD) for n in range(HOPS + 5)))
    assert trail.look([1]) == {1: tuple(2 * n for n in range(5, HOPS + 5))}
    assert trail.look([]) == {}
    assert trail.look([1]) == {1: ()}


def test_only_the_oldest_instances_have_a_path(rings, trail, monkeypatch):
    monkeypatch.setattr(trails, "_FOLLOWED", 2)
    write(rings[0], *((n, n, n, FORWARD) for n in range(4)))
    assert trail.look([3, 1, 2]) == {3: (6,), 1: (2,)}


def test_what_a_tick_cannot_carry_is_counted_and_is_in_the_paths_all_the_same(rings, trail, monkeypatch):
    monkeypatch.setattr(trails, "TICK_RECORDS", 2)
    write(rings[0], *((n, 1, n, FORWARD) for n in range(5)))
    assert trail.look([1]) == {1: (0, 2, 4, 6, 8)}
    assert (len(decode(trail.trace)), trail.lost, trail.units_lost) == (2, 3, 3)
    assert len(trail.of_key(1)) == 5


def test_what_only_adds_a_key_to_a_unit_goes_first_and_is_no_lost_unit(rings, trail, monkeypatch):
    monkeypatch.setattr(trails, "TICK_RECORDS", 2)
    units = np.zeros(5, RECORD)
    units["start"], units["key"], units["messages"] = [1, 1, 2, 2, 2], [7, 8, 7, 8, 9], [2, 0, 3, 0, 0]
    rings[0].write(units.tobytes())
    trail.look([])
    assert decode(trail.trace)["messages"].tolist() == [2, 3]
    assert (trail.lost, trail.units_lost) == (3, 0)


def test_what_a_worker_left_out_is_counted_and_the_log_is_whole_only_after_it(rings, trail):
    units = np.zeros(2, RECORD)
    units["start"], units["key"], units["messages"] = [BEGAN + 5, BEGAN + 9], [7, 8], [2, 3]
    rings[1].write(units.tobytes(), 3)
    trail.look([])
    assert (len(decode(trail.trace)), trail.lost, trail.units_lost, trail.whole_since) == (2, 3, 0, 10)
    write(rings[1], (20, 7, 0, FORWARD))
    trail.look([])
    assert (trail.lost, trail.whole_since) == (3, 10)


def test_what_was_overwritten_before_the_tick_is_counted_and_the_log_says_from_when_on_it_is_whole(rings, trail):
    write(rings[0], *((n, 1, 0, FORWARD) for n in range(300)))
    trail.look([1])
    assert trail.lost == 300 - 256
    assert trail.whole_since == 44
    assert trail.of_key(1)["start"].tolist() == list(range(44, 300))


def test_the_log_tells_what_was_done_for_one_instance_and_forgets_the_oldest_ticks(rings, trail, monkeypatch):
    monkeypatch.setattr(trails, "_LOG_RECORDS", 4)
    write(rings[0], (10, 1, 0, FORWARD), (20, 2, 0, FORWARD))
    trail.look([])
    assert trail.whole_since == 0
    write(rings[1], (31, 1, 1, FORWARD), (15, 1, 3, FORWARD))
    trail.look([])
    assert trail.of_key(1)["start"].tolist() == [10, 15, 31]
    write(rings[1], (40, 1, 1, BACKWARD))
    trail.look([])
    assert trail.of_key(1)["start"].tolist() == [15, 31, 40]
    assert trail.whole_since == 21
    assert len(trail.of_key(99)) == 0
