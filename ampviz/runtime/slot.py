"""A node where it is hosted: its queues, its traps, and what is measured of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ampviz.graph import EVERY, Graph
from ampviz.message import Direction, Token
from ampviz.nodes.base import Node
from ampviz.runtime.queue import Queue
from ampviz.state import Fields, State

if TYPE_CHECKING:
    from ampviz.runtime.traps import SlotTraps


@dataclass(eq=False, slots=True)
class Slot:
    """A hosted node with its two queues and what is measured of it. Times in nanoseconds."""

    node: Node
    fields: tuple[list[Fields], list[Fields]]  # of the states of messages, by direction and port
    queues: tuple[Queue, Queue]
    in_loop: bool = False  # a message can come back to the node
    traps: SlotTraps | None = None
    ready_since: int = 0
    busy_ns: int = 0  # executing
    waiting_ns: int = 0  # a message waited while the worker was elsewhere
    processed: list[int] = field(default_factory=lambda: [0, 0])  # messages, by direction
    max_queue: int = 0

    @classmethod
    def of(cls, node: Node, graph: Graph, *, in_loop: bool) -> Slot:
        """A fresh slot for a node of this graph."""
        forward = [edge.type for edge in graph.incoming[node.id]]
        if not forward:  # a source gets its instances from the controller
            forward = [node.outputs[0].type]
        ways = (forward, [edge.type for edge in graph.outgoing[node.id]])
        fields = [[type_.fields for type_ in types] for types in ways]
        queues = [Queue([type_.fixed for type_ in types]) for types in ways]
        return cls(node, (fields[0], fields[1]), (queues[0], queues[1]), in_loop)

    def token(self, direction: Direction, port: int, state: State) -> Token:
        """The name of a message of this node."""
        return Token.of(self.node.name, direction, self.fields[direction][port], state)

    def head(self, direction: Direction) -> Token:
        """The name of the first message in a queue that has one."""
        return self.token(direction, *self.queues[direction].head)


def hosted(graph: Graph, placement: Sequence[int], worker: int) -> dict[int, Slot]:
    """A fresh slot for each node that a worker hosts, by node."""
    in_loops = set[int]().union(*graph.loops())
    return {
        node.id: Slot.of(node, graph, in_loop=node.id in in_loops)
        for node in graph.nodes
        if placement[node.id] in (worker, EVERY) and isinstance(node, Node)
    }
