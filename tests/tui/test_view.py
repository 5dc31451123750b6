"""The view: rates, shares, histories, sorting and curves from successive snapshots."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.graph import EVERY
from ampviz.telemetry.link import Finished
from ampviz.telemetry.snapshot import Event, LossPoint, NodeInfo, Snapshot, Status, WorkerStats
from ampviz.tui.recent import HISTORY
from ampviz.tui.view import SORTS, View
from tests.tui.feed import epoch_report, knob_event, node_stats, points, session_info, snapshot

ONE_NODE = session_info(nodes=(NodeInfo("cell", "Linear", 0, parameters=10),), workers=1)


def one_node(at: float, *, paused_s: float = 0.0, worker: WorkerStats | None = None, **stats) -> Snapshot:
    """A snapshot of a graph with one node."""
    return snapshot(at=at, paused_s=paused_s, nodes=(node_stats(**stats),), workers=(worker or WorkerStats(),))


def view_of(*snapshots: Snapshot, info=ONE_NODE) -> View:
    view = View(info)
    for each in snapshots:
        view.add(each)
    return view


def test_without_a_snapshot_there_is_nothing_to_show():
    view = View(session_info())
    assert view.nodes() == []
    assert view.recent.worker_shares() == []
    assert view.train_curve() == view.plot().points == ([], [])
    assert view.plot().markers == []


def test_one_snapshot_gives_depths_but_no_rates():
    (row,) = view_of(one_node(3.0, queued_forward=4, queued_backward=2, busy_s=1.0, updates=7)).nodes()
    assert (row.depth, row.backward, row.history, row.updates) == (6, 2, (6,), 7)
    assert (row.busy, row.waiting, row.updates_per_s) == (0.0, 0.0, 0.0)


def test_rates_and_shares_are_differences_over_time():
    before = one_node(1.0, busy_s=0.2, waiting_s=0.1, updates=10)
    after = one_node(2.0, busy_s=0.6, waiting_s=0.4, updates=16, staleness_mean=2.5)
    (row,) = view_of(before, after).nodes()
    assert row.busy == pytest.approx(0.4)
    assert row.waiting == pytest.approx(0.3)
    assert row.updates_per_s == pytest.approx(6.0)
    assert (row.updates, row.staleness) == (16, 2.5)


def test_a_node_that_every_worker_hosts_has_its_share_of_all_their_time():
    info = session_info(nodes=(NodeInfo("cell", "Linear", EVERY),), edges=(), workers=2)
    before, after = one_node(1.0), one_node(2.0, busy_s=1.2, waiting_s=0.4)
    (row,) = view_of(before, after, info=info).nodes()
    assert (row.busy, row.waiting) == (pytest.approx(0.6), pytest.approx(0.2))


def test_worker_shares_are_differences_over_time():
    before = one_node(1.0, worker=WorkerStats(busy_s=1.0, kernel_s=0.5, messages=100))
    after = one_node(3.0, worker=WorkerStats(busy_s=2.5, kernel_s=1.5, messages=700))
    assert view_of(before, after).recent.worker_shares() == [pytest.approx((0.75, 0.5, 300.0))]


def test_pauses_are_cut_out_of_rates():
    before = one_node(1.0, updates=10, busy_s=0.5)
    paused = one_node(61.0, paused_s=60.0, updates=10, busy_s=0.5)
    after = one_node(62.0, paused_s=60.0, updates=14, busy_s=1.0)
    (row,) = view_of(before, paused, after).nodes()
    assert row.updates_per_s == pytest.approx(4.0)
    assert row.busy == pytest.approx(0.5)


def test_rates_forget_what_is_long_ago():
    ticks = [one_node(tick / 10, updates=1000 if tick >= 10 else 100 * tick) for tick in range(61)]
    view = view_of(*ticks[:11])
    assert view.nodes()[0].updates_per_s == pytest.approx(1000)
    for tick in ticks[11:]:
        view.add(tick)
    assert view.nodes()[0].updates_per_s == 0


def test_a_long_pause_keeps_no_more_snapshots_than_a_running_session():
    ticks = [one_node(1 + tick / 10, paused_s=tick / 10, updates=tick) for tick in range(500)]
    loose = [sys.getrefcount(tick) for tick in ticks]
    view = view_of(*ticks)
    held = [sys.getrefcount(tick) for tick in ticks]
    assert view.snapshot is ticks[-1]
    assert sum(after > before for after, before in zip(held, loose, strict=True)) < 50


@settings(max_examples=50, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.floats(0, 3), st.floats(0, 1), st.floats(0, 5), st.floats(0, 5)), min_size=1, max_size=12
    )
)
def test_shares_are_never_negative_and_never_more_than_the_whole(steps):
    view = View(ONE_NODE)
    at = paused = busy = waiting = 0.0
    for elapsed, pause, worked, waited in steps:
        at, paused, busy, waiting = at + elapsed + pause, paused + pause, busy + worked, waiting + waited
        view.add(one_node(at, paused_s=paused, busy_s=busy, waiting_s=waiting, worker=WorkerStats(busy_s=busy)))
        (row,) = view.nodes()
        assert row.busy >= 0
        assert row.waiting >= 0
        assert row.busy + row.waiting <= 1 + 1e-12
        assert row.updates_per_s == 0
        assert all(0 <= share <= 1 for share in view.recent.worker_shares()[0][:2])


def test_histories_keep_the_newest_depths():
    view = view_of(*[one_node(tick / 10, queued_forward=tick) for tick in range(HISTORY + 30)])
    assert view.nodes()[0].history == tuple(range(30, HISTORY + 30))


def test_a_missed_tick_loses_no_points():
    early = snapshot(new_points=points(3.0), new_epochs=(epoch_report(1),), new_events=(knob_event(),))
    late = snapshot(at=11.0, new_points=(LossPoint(500, 2.0),), new_epochs=(epoch_report(2),))
    view = view_of(early, late, info=session_info())
    assert [point.instances for point in view.past.points] == [100, 500]
    assert [report.epoch for report in view.past.epochs] == [1, 2]
    assert view.past.events == [knob_event()]


SORTED = {
    "graph": ["words", "embed", "phi", "cell", "loss"],
    "depth": ["loss", "cell", "phi", "embed", "words"],
    "busy": ["phi", "embed", "words", "cell", "loss"],
    "updates": ["cell", "embed", "words", "phi", "loss"],
    "staleness": ["embed", "cell", "words", "phi", "loss"],
}


@pytest.fixture
def busy_view() -> View:
    idle = snapshot(at=1.0)
    stats = [
        node_stats(queued_forward=1),
        node_stats(queued_forward=2, busy_s=0.2, updates=3, staleness_mean=6.0),
        node_stats(queued_backward=3, busy_s=0.9),
        node_stats(queued_forward=2, queued_backward=2, updates=9, staleness_mean=1.0),
        node_stats(queued_forward=5),
    ]
    return view_of(idle, snapshot(at=2.0, nodes=tuple(stats)), info=session_info())


@pytest.mark.parametrize("sort", SORTS)
def test_rows_are_sorted_by_the_chosen_column(busy_view, sort):
    busy_view.sort = sort
    assert [row.name for row in busy_view.nodes()] == SORTED[sort]
    busy_view.inverted = True
    assert [row.name for row in busy_view.nodes()] == SORTED[sort][::-1]


def test_rows_know_which_nodes_learn(busy_view):
    assert [row.name for row in busy_view.nodes() if row.learns] == ["embed", "cell"]


@settings(max_examples=50, deadline=None)
@given(losses=st.lists(st.floats(0, 10), min_size=1, max_size=30), smoothing=st.sampled_from([0.0, 0.6, 0.9, 0.98]))
def test_the_training_curve_is_a_mean_that_weights_the_past_less(losses, smoothing):
    view = view_of(snapshot(new_points=points(*losses)), info=session_info())
    view.smoothing = smoothing
    xs, ys = view.train_curve()
    assert xs == [100 * index for index in range(1, len(losses) + 1)]
    for end in range(1, len(losses) + 1):
        weights = [smoothing**age for age in reversed(range(end))]
        mean = sum(weight * loss for weight, loss in zip(weights, losses, strict=False)) / sum(weights)
        assert ys[end - 1] == pytest.approx(mean)


def test_the_validation_curve_leaves_out_epochs_without_validation():
    reports = (epoch_report(1, 0.5), epoch_report(2, None), epoch_report(3, 0.0))
    view = view_of(snapshot(new_epochs=reports), info=session_info())
    assert view.plot().points == ([1000, 3000], [0.5, 0.0])


def test_markers_are_the_events_that_have_a_label():
    events = (knob_event(900, "mak 4 to 8"), Event(9.0, "EPOCH", "1 done", 1000), knob_event(1100, "lr 1 to 2"))
    view = view_of(snapshot(new_events=events), info=session_info())
    assert view.plot().markers == [(900, "mak 4 to 8"), (1100, "lr 1 to 2")]


@pytest.mark.parametrize(
    ("status", "words", "frozen"),
    [
        (Status.STARTING, "WARMING UP", "WARMING UP (view paused)"),
        (Status.RUNNING, "RUN", "PAUSED (view)"),
        (Status.PAUSED, "PAUSED (run)", "PAUSED (run, view)"),
        (Status.STOPPING, "STOPPING", "STOPPING (view paused)"),
        (Status.FINISHED, "FINISHED", "FINISHED (view paused)"),
        (Status.FAILED, "FAILED", "FAILED (view paused)"),
        (Status.INTERRUPTED, "INTERRUPTED", "INTERRUPTED (view paused)"),
    ],
)
def test_the_state_is_said_in_words(status, words, frozen):
    view = View(session_info())
    assert view.status_words == "WARMING UP"
    view.add(snapshot(status=status))
    assert view.status_words == words
    view.freeze(True)
    assert view.status_words == frozen


def test_a_lost_link_is_said_unless_the_session_had_ended():
    view = view_of(snapshot(status=Status.FINISHED), info=session_info())
    view.lost = True
    assert view.status_words == "LOST"
    view.finished = Finished(0, "", {})
    assert view.status_words == "FINISHED"


@pytest.mark.parametrize("frozen", [False, True])
def test_after_a_new_start_the_history_comes_whole_and_replaces_what_was_there(frozen):
    view = View(session_info())
    view.add(snapshot(at=1.0, new_points=points(4.0, 3.0), new_epochs=(epoch_report(1),), new_events=(knob_event(),)))
    view.freeze(frozen)
    view.add(snapshot(at=2.0, new_points=points(2.0)))
    view.restart()
    before = len(view.past.points)
    whole = points(4.0, 3.0, 2.0, 1.0)
    view.add(snapshot(at=3.0, new_points=whole[:3], new_epochs=(epoch_report(1),), new_events=(knob_event(),)))
    view.add(snapshot(at=4.0, new_points=whole[3:]))
    assert (len(view.past.points) == before) is frozen
    view.freeze(False)
    assert view.past.points == list(whole)
    assert [len(each) for each in (view.past.epochs, view.past.events)] == [1, 1]


def test_a_thawed_view_has_missed_nothing():
    frozen, live = View(session_info()), View(session_info())
    for number in range(6):
        shown = snapshot(at=float(number), new_points=points(1.0 / (number + 1)))
        if number == 2:
            frozen.freeze(True)
        frozen.add(shown)
        live.add(shown)
        assert len(frozen.past.points) == min(number + 1, 2)
    frozen.freeze(False)
    assert frozen.train_curve() == live.train_curve()
    assert frozen.snapshot.at == live.snapshot.at


def copied_view(*depths: int) -> View:
    """Nodes `in`, `cell` in three copies and `out`, with queues of these depths."""
    nodes = (
        NodeInfo("in", "Linear", 0, parameters=10),
        *(NodeInfo(f"cell-{number}", "Linear", number, parameters=10, part_of="cell") for number in range(3)),
        NodeInfo("out", "Linear", 1, parameters=10),
    )
    view = View(session_info(nodes=nodes))
    for at in (1.0, 2.0):
        stats = tuple(
            node_stats(queued_forward=depth, updates=int(at) * index, busy_s=at / 10, staleness_mean=float(index))
            for index, depth in enumerate(depths)
        )
        view.add(snapshot(at=at, nodes=stats))
    return view


def test_copies_are_shown_under_a_row_that_adds_them_up():
    rows = copied_view(1, 2, 3, 4, 5).nodes()
    assert [row.name for row in rows] == ["in", "cell", "cell-0", "cell-1", "cell-2", "out"]
    whole = rows[1]
    assert (whole.copies, whole.depth, whole.history, whole.updates) == (3, 9, (9, 9), 2 * (1 + 2 + 3))
    assert whole.updates_per_s == pytest.approx(1 + 2 + 3)
    assert whole.busy == pytest.approx(0.1)
    assert whole.staleness == pytest.approx((1 * 1 + 2 * 2 + 3 * 3) / 6)
    assert [row.part_of for row in rows] == ["", "", "cell", "cell", "cell", ""]


@pytest.mark.parametrize("inverted", [False, True])
def test_a_layer_is_sorted_by_its_sum_and_keeps_its_copies(inverted):
    view = copied_view(8, 2, 4, 3, 7)
    view.sort, view.inverted = "depth", inverted
    names = [row.name for row in view.nodes()]
    block = ["cell", "cell-0", "cell-1", "cell-2"]
    assert names == (["out", "in", *block] if inverted else [*block, "in", "out"])
