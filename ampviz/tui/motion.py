"""What moves in the graph: how each node is doing, and along which wires messages went since the snapshot before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ampviz.errors import UsageError
from ampviz.message import BACKWARD, Token
from ampviz.telemetry.snapshot import NodeStats, SessionInfo, Snapshot, Status
from ampviz.tui.layering import Network

_LEAST_BUSY = 0.02  # share of time below which no node is called the one at work


@dataclass(frozen=True, slots=True)
class Look:
    """How one node is doing."""

    forward: int = 0  # messages that wait to go in from above
    backward: int = 0  # and from below
    busy: float = 0.0  # share of time
    working: bool = False  # the node at work; of a paused session, the one that comes next
    held: bool = False
    updates: int = 0
    staleness: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """A message on its way along a wire, by index: down, forward, or up, backward."""

    wire: int
    up: bool


def looks(info: SessionInfo, old: Snapshot | None, new: Snapshot, busy: Mapping[str, float]) -> tuple[Look, ...]:
    """How each node is doing, given the share of time that it is busy."""
    working = working_nodes(info, old, new, busy)
    return tuple(
        Look(
            stats.queued_forward,
            stats.queued_backward,
            busy.get(node.name, 0.0),
            node.name in working,
            node.name in new.held,
            stats.updates,
            stats.staleness_mean,
        )
        for node, stats in zip(info.nodes, new.nodes, strict=True)
    )


def working_nodes(info: SessionInfo, old: Snapshot | None, new: Snapshot, busy: Mapping[str, float]) -> set[str]:
    """The node at work on each worker: while paused the next one, in slow motion what has worked, else the busiest."""
    if new.status is Status.PAUSED:
        return {name for token in new.next if (name := _node(token))}
    if is_slow(new) and old is not None:
        pairs = zip(info.nodes, old.nodes, new.nodes, strict=True)
        return {node.name for node, before, now in pairs if _done(before) != _done(now)}
    busiest: dict[int, str] = {}
    for node in info.nodes:
        share = busy.get(node.name, 0.0)
        if share >= _LEAST_BUSY and share > busy.get(busiest.get(node.worker, ""), 0.0):
            busiest[node.worker] = node.name
    return set(busiest.values())


def is_slow(snapshot: Snapshot) -> bool:
    """Whether messages go one by one, so that a person can follow them."""
    slow = snapshot.knobs.get("slow_motion", 0)
    return snapshot.status is Status.PAUSED or (isinstance(slow, int | float) and slow > 0)


def moves(
    info: SessionInfo, graph: Network, old: Snapshot | None, new: Snapshot, only: int | None = None
) -> tuple[Move, ...]:
    """The wires along which messages went between two snapshots of slow motion or of stepping, in the order of wires.

    The paths of instances tell exactly; where they say nothing of a node that has worked, its messages went where as
    many more have arrived. `only` leaves out all instances but one.
    """
    if old is None or not is_slow(new):
        return ()
    edges = _followed(info, old, new, only)
    told = {info.edges[edge].target if up else info.edges[edge].source for edge, up in edges}
    for index, (before, now) in enumerate(zip(old.nodes, new.nodes, strict=True)):
        if index in told or only is not None:
            continue
        if now.forward > before.forward:
            leaving = [number for number, edge in enumerate(info.edges) if edge.source == index]
            reached = [n for n in leaving if _arrived(old, new, info.edges[n].target, up=False)]
            edges |= {(number, False) for number in reached or leaving}
        if now.backward > before.backward:
            entering = [number for number, edge in enumerate(info.edges) if edge.target == index]
            reached = [n for n in entering if _arrived(old, new, info.edges[n].source, up=True)]
            edges |= {(number, True) for number in reached or entering}
    wire_of = {edge: index for index, wire in enumerate(graph.wires) for edge in wire.edges}
    found = {(wire_of[edge], up) for edge, up in edges}
    return tuple(Move(wire, up) for wire, up in sorted(found))


def _followed(info: SessionInfo, old: Snapshot, new: Snapshot, only: int | None) -> set[tuple[int, bool]]:
    """The edges, each with whether upwards, that instances have passed according to their paths."""
    ends = {(edge.source, edge.target): number for number, edge in enumerate(info.edges)}
    before = {entry.key: entry.path for entry in old.in_flight}
    found = set()
    for entry in new.in_flight:
        if only is not None and entry.key != only:
            continue
        fresh = _fresh(before.get(entry.key, ()), entry.path)
        start = len(entry.path) - fresh
        for here, there in zip(entry.path[max(0, start - 1) :], entry.path[max(1, start) :], strict=False):
            source, target, up = here // 2, there // 2, there % 2 == BACKWARD
            edge = ends.get((target, source) if up else (source, target))
            if edge is not None:
                found.add((edge, up))
    return found


def _fresh(before: Sequence[int], now: Sequence[int]) -> int:
    """How many hops of a path are new; a path forgets its oldest hops."""
    for count in range(len(now)):
        kept = now[: len(now) - count]
        if before[-len(kept) :] == kept:
            return count
    return len(now)


def _arrived(old: Snapshot, new: Snapshot, node: int, *, up: bool) -> bool:
    before, now = old.nodes[node], new.nodes[node]
    if up:
        return now.queued_backward + now.backward > before.queued_backward + before.backward
    return now.queued_forward + now.forward > before.queued_forward + before.forward


def _done(stats: NodeStats) -> tuple[int, int]:
    return stats.forward, stats.backward


def _node(token: str) -> str:
    """The node that a token names, "" for none."""
    try:
        return Token.parse(token).node if token else ""
    except UsageError:
        return ""
