"""A graph while a model function builds it: ports, nodes, and the builder that calls of layers add to.

No data flows while tracing: calling a layer on ports records edges and infers what its outputs will carry.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ampviz.errors import GraphError
from ampviz.ports import PortType, braces


@dataclass(eq=False, slots=True)
class Port:
    """An output of a node, as the model function sees it."""

    node: GraphNode
    index: int
    type: PortType

    def also(self, port: Port) -> None:
        """Let `port` be one more ancestor of the Phi node that this port belongs to: how a model closes a loop."""
        self.node.builder().join(self, port)

    def __str__(self) -> str:
        return self.node.name if len(self.node.outputs) == 1 else f"{self.node.name}.{self.index}"


class GraphNode:
    """What the graph knows of a node. `ampviz.nodes.base.Node` adds how it processes messages."""

    is_exit: ClassVar[bool] = False  # chooses a successor by state: what lets a loop end
    changes_state: ClassVar[bool] = False
    many_ancestors: ClassVar[bool] = False  # takes its one kind of input from several ports
    heavy: bool = False  # matrix products: placement spreads these over the workers
    part_of: str = ""  # the replicated layer that this node is a copy of (amp.replicate)
    shares: bool = False  # with the other copies: one block of parameters for all of them

    def __init__(self, name: str = ""):
        self.name = name
        self.id = -1
        self.line = ""
        self.inputs: list[Port] = []
        self.outputs: tuple[Port, ...] = ()
        self._builder: Builder | None = None

    @property
    def kind(self) -> str:
        return type(self).__name__

    def note(self) -> str:
        """The node's configuration in a few characters, such as `784 -> 10`."""
        return ""

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each parameter array; empty for most nodes."""
        return {}

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        """What the outputs carry, given what the inputs carry. Raises GraphError where they cannot meet."""
        raise NotImplementedError

    def take(self, inputs: Sequence[PortType], count: int, *, tuples: bool = False) -> Sequence[PortType]:
        """The inputs, checked for their number, and for tuple payloads unless `tuples`. Raises GraphError."""
        if len(inputs) != count:
            raise GraphError("wrong number of inputs", where=self.where, expected=count, got=len(inputs))
        for given in inputs:
            if given.rest and not tuples:
                raise GraphError(
                    "takes one array, not a tuple of arrays", where=self.where, got=given,
                    hint="nn.Pick(0) takes the first array out of a tuple",
                )  # fmt: skip
        return inputs

    def differentiable(self, inputs: Sequence[bool]) -> bool:
        """Whether a gradient at the outputs is of use, given for which inputs one would be."""
        return any(inputs)

    def __call__(self, *ports: Port) -> Any:
        """Connect the inputs; returns the output port, a tuple of several, or None for a sink."""
        if self._builder is not None:
            raise GraphError(
                "called a second time",
                where=self.where,
                hint="a layer stands once in the graph; use amp.loop or Phi to reuse it",
            )
        builder = _building.get()
        if builder is None:
            raise GraphError(
                f"{self.kind} called outside a model function",
                where=model_line(),
                hint="trace it with amp.trace(model, dataset)",
            )
        return builder.add(self, ports)

    def builder(self) -> Builder:
        if self._builder is None:
            raise GraphError(f"{self.kind} is not part of a graph yet")
        return self._builder

    @property
    def where(self) -> str:
        """`name (kind, file:line)`, for errors."""
        return f"{self.name or self.kind} ({self.kind}, {self.line})" if self.line else self.name or self.kind


_building: ContextVar[Builder | None] = ContextVar("building", default=None)
_PACKAGE = Path(__file__).parent


class Builder:
    """Collects the nodes of one model while its function runs. `replicas`: copies of replicated layers."""

    def __init__(self, replicas: int = 1) -> None:
        self.nodes: list[GraphNode] = []
        self.replicas = replicas
        self._names: set[str] = set()

    @contextmanager
    def building(self) -> Iterator[Builder]:
        """While active, calls of layers add to this builder."""
        token = _building.set(self)
        try:
            yield self
        finally:
            _building.reset(token)

    def add(self, node: GraphNode, ports: Sequence[Port], line: str = "") -> Any:
        node.line = line or model_line()
        node.name = self.named(node)
        for position, port in enumerate(ports):
            self._check_port(node, position, port)
        try:
            types = node.infer(*(port.type for port in ports))
        except GraphError as error:
            error.where = error.where or node.where
            raise
        node.id = len(self.nodes)
        node._builder = self
        node.inputs = list(ports)
        node.outputs = tuple(Port(node, index, port_type) for index, port_type in enumerate(types))
        self.nodes.append(node)
        if not node.outputs:
            return None
        return node.outputs[0] if len(node.outputs) == 1 else node.outputs

    def join(self, output: Port, port: Port) -> None:
        """Add `port` to the ancestors of the Phi that `output` belongs to."""
        node = output.node
        if not node.many_ancestors:
            raise GraphError(
                "only Phi takes further ancestors", where=node.where, hint="put nn.Phi() where the paths meet"
            )
        self._check_port(node, len(node.inputs), port)
        if port.type.fields != output.type.fields:
            raise GraphError(
                f"ancestor {port} carries other state fields", where=node.where,
                expected=braces(output.type.fields), got=braces(port.type.fields),
                hint="the paths that meet in a Phi, and so a loop's start and its body, carry the same fields",
            )  # fmt: skip
        if not port.type.meets(output.type):
            raise GraphError(f"ancestor {port} does not fit", where=node.where, expected=output.type, got=port.type)
        node.inputs.append(port)

    def _check_port(self, node: GraphNode, position: int, port: object) -> None:
        if not isinstance(port, Port):
            hint = "a layer with several outputs gives a tuple of ports" if isinstance(port, tuple) else ""
            raise GraphError(
                f"input {position} is not connected", where=node.where, expected="a port", got=repr(port), hint=hint
            )
        if port.node._builder is not self:
            raise GraphError(f"input {position} belongs to another graph", where=node.where)

    def named(self, node: GraphNode) -> str:
        """The node's name, or a fresh one; no other node can have it from now on. Raises GraphError."""
        name = node.name
        if not name:
            number = 1
            while f"{node.kind.lower()}{number}" in self._names:
                number += 1
            name = f"{node.kind.lower()}{number}"
        if name in self._names:
            raise GraphError(f"two nodes are called {name}", where=node.where)
        if not name.replace("_", "").replace("-", "").isalnum():
            raise GraphError("a node name holds letters, digits, - and _ only", got=repr(name), where=node.where)
        self._names.add(name)
        return name


def model_line() -> str:
    """`file:line` of the innermost frame outside this package's own modules: the line of the user's model."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        path = Path(frame.f_code.co_filename)
        inside = path.is_relative_to(_PACKAGE) and not path.is_relative_to(_PACKAGE / "demos")
        if not inside:
            return f"{path.name}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
