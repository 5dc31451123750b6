"""The board: rows written through one mapping and read through another, in units for people."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.board import STALENESS_BINS, Board, staleness_percentile
from ampviz.telemetry.snapshot import NodeStats, WorkerStats

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.fixture
def boards():
    """A board of three nodes and two workers as its session sees it, and as a worker maps it."""
    session = Board(3, 2)
    worker = Board(3, 2, os.dup(session.block.fd))
    yield session, worker
    worker.close()
    session.close()


def test_a_fresh_board_counts_nothing(boards):
    session, _ = boards
    assert session.node_stats() == (NodeStats(),) * 3
    assert session.worker_stats() == (WorkerStats(),) * 2


def test_a_row_written_through_a_second_mapping_is_read_in_units_for_people(boards):
    session, worker = boards
    row = worker.nodes[0, 1]
    for number, name in enumerate(("queued_forward", "queued_backward", "max_queue", "forward", "backward", "updates")):
        row[name] = 10 + number
    row["busy_ns"], row["waiting_ns"], row["cached"], row["pending"] = 1_500_000_000, 250_000_000, 7, 8
    row["staleness"][:4] = [3, 0, 2, 0]
    row["staleness_sum"], row["staleness_max"] = 4, 2
    row["gradient_norm"] = 0.5
    assert session.node_stats() == (
        NodeStats(),
        NodeStats(10, 11, 12, 13, 14, 15, 1.5, 0.25, 7, 8, (3, 0, 2), 4 / 5, 2, 0.5),
        NodeStats(),
    )


def test_worker_rows_stand_apart_from_node_rows(boards):
    session, worker = boards
    row = worker.workers[1]
    row["pid"], row["busy_ns"], row["kernel_ns"], row["messages"], row["unsent"] = 4321, 2 * 10**9, 5 * 10**8, 99, 3
    assert session.worker_stats() == (WorkerStats(), WorkerStats(4321, 2.0, 0.5, 99, 3))
    assert session.node_stats() == (NodeStats(),) * 3


def test_what_a_reader_got_does_not_change_with_the_board(boards):
    session, worker = boards
    before = session.node_stats()
    worker.nodes["forward"] = 5
    assert [stats.forward for stats in before] == [0, 0, 0]
    assert [stats.forward for stats in session.node_stats()] == [10, 10, 10]  # of two workers


def test_what_several_workers_count_for_a_node_is_added_up_and_the_largest_kept(boards):
    session, worker = boards
    for index, (forward, largest, stale) in enumerate([(3, 7, [1, 0, 2]), (4, 5, [0, 3, 1])]):
        row = worker.nodes[index, 2]
        row["forward"], row["max_queue"], row["staleness_max"], row["gradient_norm"] = forward, largest, 2, largest
        row["staleness"][:3], row["staleness_sum"] = stale, stale[1] + 2 * stale[2]
    assert session.node_stats()[2] == NodeStats(
        forward=7, max_queue=7, staleness=(1, 3, 3), staleness_mean=9 / 7, staleness_max=2, gradient_norm=7.0
    )


def test_the_last_bin_of_the_histogram_is_kept(boards):
    session, worker = boards
    worker.nodes[0, 0]["staleness"][-1] = 1
    assert session.node_stats()[0].staleness == (0,) * (STALENESS_BINS - 1) + (1,)


def test_a_closed_board_gives_its_descriptor_back_and_shows_nothing():
    board = Board(1, 1)
    fd = board.block.fd
    board.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    assert board.node_stats() == board.worker_stats() == ()


@given(st.lists(st.integers(0, 20), max_size=12), st.sampled_from([0.0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0]))
@settings(max_examples=50, deadline=None)
def test_staleness_percentile_is_the_smallest_that_the_share_does_not_exceed(histogram, share):
    values = np.repeat(np.arange(len(histogram)), histogram)
    fitting = [int(value) for value in values if np.count_nonzero(values <= value) >= share * len(values)]
    assert staleness_percentile(histogram, share) == min(fitting, default=0)
