"""The static graph of a traced model: nodes, and the edges that join their ports."""

from __future__ import annotations

from dataclasses import dataclass, field

from ampviz.building import GraphNode
from ampviz.loops import strongly_connected
from ampviz.ports import PortType

EVERY = -1
"""In the place of a worker: all of them host the node, and an instance stays with one."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One directed edge; backward messages travel it the other way. `gradient`: whether upstream can use one."""

    id: int
    source: int
    source_port: int
    target: int
    target_port: int
    type: PortType
    gradient: bool


@dataclass(slots=True)
class Graph:
    """A traced and checked model: nodes and edges by id."""

    name: str
    nodes: list[GraphNode]
    edges: list[Edge]
    incoming: list[list[Edge]] = field(init=False)  # by node id, in port order
    outgoing: list[list[Edge]] = field(init=False)

    def __post_init__(self) -> None:
        self.incoming = [[] for _ in self.nodes]
        self.outgoing = [[] for _ in self.nodes]
        for edge in self.edges:
            self.incoming[edge.target].append(edge)
            self.outgoing[edge.source].append(edge)
        for edges in self.incoming:
            edges.sort(key=lambda edge: edge.target_port)
        for edges in self.outgoing:
            edges.sort(key=lambda edge: edge.source_port)

    def node(self, name: str) -> GraphNode:
        """The node of this name. Raises KeyError."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def loops(self) -> list[set[int]]:
        """The ids of the nodes in each loop: those that a message can meet again."""
        edges = ((edge.source, edge.target) for edge in self.edges)
        return strongly_connected(range(len(self.nodes)), edges)

    def parameter_count(self, node: GraphNode) -> int:
        """How many scalars the node's parameters have."""
        count = 0
        for shape in node.parameter_shapes().values():
            size = 1
            for extent in shape:
                size *= extent
            count += size
        return count

    def __str__(self) -> str:
        owners = {node.part_of if node.shares else node.name: node for node in self.nodes}  # of parameters
        total = sum(self.parameter_count(node) for node in owners.values())
        head = f"graph {self.name}: {len(self.nodes)} nodes, {len(self.edges)} edges, {total:,} parameters"
        rows = [("node", "kind", "configuration", "from", "gives")]
        wholes = {""}
        for node in self.nodes:
            if node.part_of not in wholes:
                wholes.add(node.part_of)
                copies = sum(other.part_of == node.part_of for other in self.nodes)
                how = "one block of parameters" if node.shares else "averaged after each epoch"
                rows.append((node.part_of, f"{copies} copies", how, "", ""))
            sources = ", ".join(str(port) for port in node.inputs)
            gives = " | ".join(str(port.type) for port in node.outputs[:1]) or "-"
            rows.append(("  " * bool(node.part_of) + node.name, node.kind, node.note(), sources or "-", gives))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([head, "", *lines])
