"""What a worker has at hand and in flight: who enters when there is room, who came home, who waited ahead."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ampviz.runtime.commands import Admit, CameHome
from ampviz.runtime.residents import Residents
from tests.runtime import models
from tests.runtime.test_worker import Shop


def residents(waiting: int, room: int) -> Residents:
    found = Residents(0, (list(range(100, 200)), None), itertools.count().__next__)
    found.room = room
    found.waiting += [(key, key) for key in range(waiting)]
    return found


@given(waiting=st.integers(0, 9), room=st.integers(-1, 9), homes=st.lists(st.integers(1, 3), max_size=6))
def test_as_many_enter_as_there_is_room_for_in_their_order(waiting, room, homes):
    own = residents(waiting, room)
    entered = own.enter()
    assert own.enter() == []
    flying = list(entered)
    for count in homes:
        going, flying = flying[:count], flying[count:]
        own.leave(going)
        fresh = own.enter()
        entered += fresh
        flying += fresh
        assert list(own.admitted) == flying
        assert len(flying) == (min(room, waiting) if room >= 0 else waiting) or not own.waiting
    assert entered == list(range(len(entered)))


def test_less_room_than_is_taken_lets_nobody_enter():
    own = residents(6, 4)
    assert own.enter() == [0, 1, 2, 3]
    own.room = 2
    assert own.enter() == []
    own.leave([0])
    assert own.enter() == []


def test_a_key_came_home_when_its_last_source_has_its_message():
    own = residents(3, -1)
    own.start(own.enter(), 2)
    assert own.came_home([0, 1]) == []
    assert own.came_home([2, 1, 0]) == [1, 0]
    assert own.came_home([2]) == [2]


def test_what_waited_ahead_of_keys_is_given_out_once():
    own = residents(3, -1)
    parcels = {key: [(0, key, [(key,)], None, ())] for key in (1, 2)}
    for key in (2, 1):
        own.park(key, parcels[key][0])
    assert own.parked([0, 1]) == parcels[1]
    assert own.parked([1]) == []
    assert own.parked([2, 1]) == parcels[2]


def test_instances_that_begin_together_are_one_batch_a_source_and_come_home_in_one_report():
    shop = Shop(models.pipeline(), max_batch=64, min_update_interval=3)
    (worker,) = shop.workers
    shop.tell(Admit((0, 1, 2, 3, 4), (3, 1, 4, 0, 5), 3))
    for slot in [slot for slot in worker.slots.values() if any(slot.queues)]:
        (batch,) = slot.queues[0].take(3)
        assert batch.states == [(0,), (1,), (2,)]
        slot.queues[0].append(batch)
    shop.run()
    assert [report.keys for report in shop.reports if isinstance(report, CameHome)] == [[0, 1, 2], [3, 4]]
    assert worker.remembered() == {}
