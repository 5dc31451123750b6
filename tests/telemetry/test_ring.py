"""The ring: what is written through one mapping is read once through another, and what was overwritten is counted."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.ring import TraceRing
from ampviz.telemetry.trace import RECORD

pytestmark = pytest.mark.usefixtures("nothing_left_behind")
CAPACITY = 8


def numbered(first: int, count: int) -> bytes:
    records = np.zeros(count, RECORD)
    records["start"] = np.arange(first, first + count)
    return records.tobytes()


@pytest.fixture
def ends():
    """The session's end of a ring of eight records, and the worker's."""
    reader = TraceRing(CAPACITY)
    writer = TraceRing(CAPACITY, os.dup(reader.block.fd))
    yield reader, writer
    writer.close()
    reader.close()


def test_what_was_written_is_taken_once_and_in_order(ends):
    reader, writer = ends
    assert reader.take().tolist() == []
    writer.write(numbered(0, 3))
    writer.write(numbered(3, 2))
    assert reader.take()["start"].tolist() == [0, 1, 2, 3, 4]
    assert reader.take()["start"].tolist() == []
    assert reader.lost == 0


def test_what_was_taken_does_not_change_with_the_ring(ends):
    reader, writer = ends
    writer.write(numbered(0, 2))
    taken = reader.take()
    writer.write(numbered(100, CAPACITY))
    assert taken["start"].tolist() == [0, 1]


def test_what_the_reader_was_too_late_for_is_counted(ends):
    reader, writer = ends
    writer.write(numbered(0, 6))
    writer.write(numbered(6, 5))
    assert reader.take()["start"].tolist() == [3, 4, 5, 6, 7, 8, 9, 10]
    assert reader.lost == 3
    writer.write(numbered(11, 20))  # more than fits at once
    assert reader.take()["start"].tolist() == list(range(23, 31))
    assert reader.lost == 3 + 12


def test_what_is_overwritten_while_it_is_read_is_dropped_and_counted(ends):
    reader, writer = ends
    writer.write(numbered(0, CAPACITY))
    writer._written += 3  # as the writer announces that it overwrites the three oldest
    writer.write(b"")
    writer.block.memory[8:16] = (CAPACITY).to_bytes(8, "little")  # and has not finished
    assert reader.take()["start"].tolist() == [3, 4, 5, 6, 7]
    assert reader.lost == 3


def test_a_second_writer_goes_on_where_the_first_one_left(ends):
    reader, writer = ends
    writer.write(numbered(0, 5))
    after = TraceRing(CAPACITY, os.dup(reader.block.fd))
    after.write(numbered(5, 2))
    assert reader.take()["start"].tolist() == [0, 1, 2, 3, 4, 5, 6]
    after.close()


@given(st.lists(st.integers(0, 20), max_size=30), st.sets(st.integers(0, 29)))
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_is_either_taken_or_counted(counts, reads):
    ring, taken, first = TraceRing(CAPACITY), [], 0
    for turn, count in enumerate(counts):
        ring.write(numbered(first, count))
        first += count
        if turn in reads:
            taken += ring.take()["start"].tolist()
    taken += ring.take()["start"].tolist()
    ring.close()
    assert taken == sorted(set(taken))
    assert len(taken) + ring.lost == first
    assert taken[-min(first, CAPACITY) :] == list(range(max(0, first - CAPACITY), first))
