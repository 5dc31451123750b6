"""Records: from bytes and back, by key, each unit once, and what goes first when there are too many."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.trace import BACKWARD, FORWARD, PAUSE, RECORD, UPDATE, decode, in_order, of_key, spans, thinned


def record(start: int, key: int = 0, duration: int = 1, messages: int = 1, action: int = FORWARD, node: int = 0):
    return (start, key, duration, 0, node, messages, 0, action, 0)


def records(*rows):
    return np.array(list(rows), RECORD)


UNIT = records(record(10, key=7, messages=3), record(10, key=8, messages=0), record(10, key=9, messages=0))
OTHERS = records(
    record(20, key=8, action=BACKWARD), record(21, messages=0, action=UPDATE), record(30, messages=0, action=PAUSE)
)
ALL = np.concatenate([UNIT, OTHERS])


def test_a_record_has_32_bytes_so_that_a_full_tick_is_small():
    assert RECORD.itemsize == 32


def test_bytes_decode_to_the_records_and_what_is_cut_off_is_left_out():
    assert decode(ALL.tobytes()).tolist() == ALL.tolist()
    assert decode(ALL.tobytes()[:-1]).tolist() == ALL[:-1].tolist()
    assert len(decode(b"")) == 0


def test_the_work_for_an_instance_is_found_in_units_of_several():
    assert of_key(ALL, 8)["start"].tolist() == [10, 20]
    assert of_key(ALL, 7)["start"].tolist() == [10]
    assert of_key(ALL, 0)["start"].tolist() == []  # neither the update nor the pause was for instance 0


def test_every_unit_update_and_pause_is_one_span():
    assert spans(ALL)["start"].tolist() == [10, 20, 21, 30]


def test_in_order_the_records_of_a_unit_stay_together():
    assert in_order(np.concatenate([OTHERS, UNIT])).tolist() == ALL.tolist()


def test_what_adds_a_key_goes_first_then_the_shortest():
    many = records(*(record(n, key=n, duration=d) for n, d in enumerate((5, 1, 9, 2))))
    both = in_order(np.concatenate([many, records(record(2, key=77, duration=9, messages=0))]))
    assert thinned(both, 5).tolist() == both.tolist()
    assert thinned(both, 4).tolist() == many.tolist()
    assert thinned(both, 2)["duration"].tolist() == [5, 9]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), max_size=40), st.integers(1, 45))
@settings(max_examples=60, deadline=None)
def test_thinning_keeps_the_order_and_the_bound(rows, limit):
    whole = records(*(record(n, duration=d, messages=m) for n, (d, m) in enumerate(rows)))
    kept = thinned(whole, limit)
    assert len(kept) == (len(whole) if len(whole) <= limit else min(limit, sum(m > 0 for _, m in rows)))
    assert kept["start"].tolist() == sorted(kept["start"].tolist())
    assert {row.tobytes() for row in kept} <= {row.tobytes() for row in whole}
