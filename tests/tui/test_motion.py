"""How nodes are doing and where messages went, told from two snapshots."""

from __future__ import annotations

import pytest

from ampviz.telemetry.snapshot import InFlight, NodeStats, Status
from ampviz.tui.layering import network
from ampviz.tui.motion import Look, is_slow, looks, moves, working_nodes
from tests.tui.feed import KNOBS, node_stats, snapshot
from tests.tui.shapes import SHAPES, graph, names

INFO = graph(SHAPES["listred"])
AT = names(INFO)
SLOW = KNOBS | {"slow_motion": 0.5}


def tick(path: tuple[str, ...] = (), **stats: NodeStats):
    """A snapshot in slow motion; a path is written as `cell.F step.F step.B`."""
    hops = tuple(2 * AT[hop[:-2]] + (hop[-1] == "B") for hop in path)
    nodes = tuple(stats.get(node.name, NodeStats()) for node in INFO.nodes)
    return snapshot(nodes=nodes, knobs=SLOW, in_flight=(InFlight(17, 0.5, hops),))


def moved(old, new) -> list[str]:
    wires = network(INFO)
    found = []
    for move in moves(INFO, wires, old, new):
        ends = [wires.boxes[box].name for box in (wires.wires[move.wire].source, wires.wires[move.wire].target)]
        found.append(" ".join(reversed(ends)) if move.up else " ".join(ends))
    return sorted(found)


def test_a_path_tells_which_way_a_message_took():
    before = tick(("phi.F", "cell.F"))
    assert moved(before, tick(("phi.F", "cell.F", "step.F"))) == ["cell step"]
    assert moved(before, tick(("cell.F", "step.F", "while.F", "phi.F"))) == ["cell step", "step while", "while phi"]
    assert moved(tick(("while.F",)), tick(("while.F", "phi.F"))) == ["while phi"]
    assert moved(tick(("loss.F",)), tick(("loss.F", "out.B"))) == ["loss out"]
    assert moved(before, before) == []


def test_without_a_path_messages_went_where_more_have_arrived():
    before, after = tick(), tick(**{"while": node_stats(forward=1), "phi": node_stats(queued_forward=1)})
    assert moved(before, after) == ["while phi"]
    after = tick(**{"phi": node_stats(backward=1), "while": node_stats(queued_backward=1)})
    assert moved(before, after) == ["phi while"]


def test_where_nothing_tells_all_ways_are_shown():
    assert moved(tick(), tick(**{"while": node_stats(forward=1)})) == ["while out", "while phi"]
    assert moved(tick(), tick(cell=node_stats(backward=1))) == ["cell embed", "cell phi"]


def test_a_path_overrules_what_has_arrived():
    stats = {"while": node_stats(forward=1), "phi": node_stats(queued_forward=1)}
    assert moved(tick(("while.F",)), tick(("while.F", "out.F"), **stats)) == ["while out"]


def test_at_full_speed_nothing_is_seen_to_move():
    fast = snapshot(nodes=tick().nodes)
    assert not is_slow(fast)
    assert moves(INFO, network(INFO), tick(), fast) == ()
    assert moves(INFO, network(INFO), None, tick()) == ()


@pytest.mark.parametrize(
    ("changes", "busy", "working"),
    [
        ({"status": Status.PAUSED, "next": ("cell.F key=7", "")}, {"out": 0.9}, {"cell"}),
        ({"status": Status.PAUSED, "next": ("cell.F key=7", "not a token")}, {}, {"cell"}),
        ({"knobs": SLOW}, {"out": 0.9}, {"step"}),
        ({}, {"cell": 0.5, "embed": 0.4, "out": 0.3, "step": 0.6}, {"cell", "step"}),
        ({}, {"out": 0.001}, set()),
    ],
    ids=["paused", "paused-unknown", "slow", "fast", "idle"],
)
def test_the_node_at_work(changes, busy, working):
    old = snapshot(nodes=tick().nodes)
    new = snapshot(nodes=tick(step=node_stats(forward=1)).nodes, **changes)
    assert working_nodes(INFO, old, new, busy) == working


def test_a_look_says_what_waits_and_what_is_held():
    new = snapshot(
        nodes=tick(cell=node_stats(queued_forward=3, queued_backward=2, updates=7, staleness_mean=1.5)).nodes,
        held=("cell",),
    )
    assert looks(INFO, None, new, {"cell": 0.5})[AT["cell"]] == Look(3, 2, 0.5, True, True, 7, 1.5)
    assert looks(INFO, None, new, {})[AT["step"]] == Look()
