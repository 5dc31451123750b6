"""A node where it is hosted: its queues, its traps, and what is measured of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ampviz.graph import Graph
from ampviz.message import Direction, Message, Token
from ampviz.nodes.base import Node
from ampviz.state import Fields

if TYPE_CHECKING:
    from ampviz.runtime.traps import SlotTraps


@dataclass(eq=False, slots=True)
class Slot:
    """A hosted node with its two queues and what is measured of it. Times in nanoseconds."""

    node: Node
    fields: tuple[list[Fields], list[Fields]]  # of the states of messages, by direction and port
    traps: SlotTraps | None = None
    queues: tuple[deque[Message], deque[Message]] = field(default_factory=lambda: (deque(), deque()))
    ready_since: int = 0
    busy_ns: int = 0  # executing
    waiting_ns: int = 0  # a message waited while the worker was elsewhere
    processed: list[int] = field(default_factory=lambda: [0, 0])  # messages, by direction
    max_queue: int = 0

    @classmethod
    def of(cls, node: Node, graph: Graph) -> Slot:
        """A fresh slot for a node of this graph."""
        forward = [edge.type.fields for edge in graph.incoming[node.id]]
        if not forward:  # a source gets its instances from the controller
            forward = [node.outputs[0].type.fields]
        return cls(node, (forward, [edge.type.fields for edge in graph.outgoing[node.id]]))

    def token(self, direction: Direction, message: Message) -> Token:
        """The name of a message in one of the queues."""
        port, state, _ = message
        return Token.of(self.node.name, direction, self.fields[direction][port], state)
