"""The loops of a directed graph, against reachability."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ampviz.loops import strongly_connected

NODES = 7
EDGES = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=14)


def reachable(edges) -> set[tuple[int, int]]:
    """The pairs that a path of one edge or more leads through (Warshall)."""
    pairs = set(edges)
    for middle in range(NODES):
        pairs |= {(a, b) for a in range(NODES) for b in range(NODES) if {(a, middle), (middle, b)} <= pairs}
    return pairs


@given(EDGES)
def test_a_loop_holds_the_nodes_that_lead_to_each_other(edges):
    paths = reachable(edges)
    expected = {
        frozenset(b for b in range(NODES) if {(a, b), (b, a)} <= paths) for a in range(NODES) if (a, a) in paths
    }
    assert sorted(map(sorted, strongly_connected(range(NODES), edges))) == sorted(map(sorted, expected))
