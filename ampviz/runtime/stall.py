"""Notices that nothing moves any more although instances are in flight: a model that loses messages, told not hung."""

from __future__ import annotations

from ampviz.graph import Graph
from ampviz.runtime.controller import Controller
from ampviz.telemetry.board import Board
from ampviz.telemetry.snapshot import Status

_BEATS = 40  # times each worker must have said that it is alive and idle


class StallWatch:
    """Looks at every tick. A worker inside a long kernel does not beat, so that is never taken for a stall."""

    def __init__(self, graph: Graph, board: Board):
        self._graph, self._board = graph, board
        self._since: tuple[int, list[int]] | None = None  # messages processed, and beats, when all was first quiet

    def look(self, controller: Controller) -> str:
        """What is wrong, or "" while something moves or nothing has to."""
        workers, nodes = self._board.workers, self._board.nodes
        waiting = int(nodes["queued_forward"].sum() + nodes["queued_backward"].sum() + workers["unsent"].sum())
        if controller.status is not Status.RUNNING or not controller.in_flight or waiting:
            self._since = None
            return ""
        messages, beats = int(workers["messages"].sum()), workers["beats"].tolist()
        if self._since is None or self._since[0] != messages:
            self._since = (messages, beats)
            return ""
        if any(now - then < _BEATS for now, then in zip(beats, self._since[1], strict=True)):
            return ""
        cached = nodes["cached"].sum(axis=0)
        held = [f"{node.name} {count}" for node, count in zip(self._graph.nodes, cached, strict=True) if count]
        keys = ", ".join(str(key) for key in list(controller.in_flight)[:8])
        return (
            f"no message moves, yet keys {keys} are in flight; messages remembered: {', '.join(held) or 'none'}. Hint: "
            "a join waits for an input that never comes; does each way through the model deliver to all of them?"
        )
