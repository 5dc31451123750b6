"""Breakpoints and watches: what their texts say, and what the session keeps of them.

`NODE.F` and `NODE.B` stop before the node processes a forward or backward message, `NODE.U` after it has updated its
parameters. `:PORT` narrows the first two to an input (F) or output (B). A condition that reads the loss, which is only
known afterwards, stops after the loss node has processed the message.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

import msgspec

from ampviz.building import GraphNode
from ampviz.conditions import Condition
from ampviz.errors import UsageError
from ampviz.graph import Graph
from ampviz.nodes.loss import Loss
from ampviz.runtime.commands import Rule
from ampviz.telemetry.inspection import Breakpoint
from ampviz.telemetry.link import SetBreakpoint

_FORM = re.compile(r"\s*(?P<node>\S+)\.(?P<action>[FBU])(:(?P<port>\d+))?(\s+if\b\s*(?P<condition>.*))?\s*")
_FIGURES = {"staleness", "age", "rows", "queue", "version", "hits", "min", "max", "mean", "norm", "nan", "inf"}


def node_called(name: str, graph: Graph) -> GraphNode:
    """The node of this name. Raises UsageError with the nearest names."""
    for node in graph.nodes:
        if node.name == name:
            return node
    near = difflib.get_close_matches(name, [node.name for node in graph.nodes], 3, 0.4)
    raise UsageError(f"no node is called {name!r}", hint=f"did you mean {' or '.join(near)}?" if near else "")


def parse_rule(text: str, graph: Graph, *, number: int = 0, pause: bool = True) -> Rule:
    """The rule that a breakpoint's text says. Raises UsageError, for an unknown node with the nearest names."""
    match = _FORM.fullmatch(text)
    if match is None:
        expected = "NODE.F, NODE.B or NODE.U, then perhaps :PORT, then perhaps if CONDITION"
        raise UsageError("not a breakpoint", expected=expected, got=repr(text), hint="cell.B:0 if staleness > 8")
    node = node_called(match["node"], graph)
    action, port = match["action"], -1 if match["port"] is None else int(match["port"])
    edges = (graph.outgoing if action == "B" else graph.incoming)[node.id]
    if action == "U" and not graph.parameter_count(node):
        raise UsageError("this node has no parameters, so it never updates", where=node.name)
    if port >= len(edges) or (action == "U" and port >= 0):
        raise UsageError("no such port", where=node.name, expected=f"at most {len(edges) - 1}", got=port)
    rule = Rule(number, node.id, action, port, match["condition"] or "", pause)
    if rule.condition or match["condition"] is not None:
        Condition.parse(rule.condition, condition_names(rule, graph))
    return rule


def condition_names(rule: Rule, graph: Graph) -> set[str]:
    """The figures that the condition of a rule may read."""
    node = graph.nodes[rule.node]
    if rule.action == "U":
        return {"version", "hits", "queue"}
    edges = (graph.outgoing if rule.action == "B" else graph.incoming)[rule.node]
    fields = {name for edge in edges for name in edge.type.fields} or {"key"}
    return _FIGURES | fields | ({"loss"} if isinstance(node, Loss) and rule.action == "F" else set())


class Breakpoints:
    """The breakpoints and watches of a session, as viewers see them and as workers need them."""

    def __init__(self, graph: Graph, watchable: Collection[str]):
        self._graph, self._watchable = graph, watchable
        self._next = 1
        self._all: dict[int, Breakpoint] = {}

    def listed(self) -> tuple[Breakpoint, ...]:
        """All of them, in the order they were made."""
        return tuple(self._all.values())

    def rules(self) -> tuple[Rule, ...]:
        """What the workers are to look for."""
        return tuple(
            parse_rule(entry.text, self._graph, number=entry.number, pause=entry.pause)
            for entry in self._all.values()
            if entry.enabled and not entry.watch
        )

    def set(self, request: SetBreakpoint) -> Breakpoint:
        """Add one, or replace that of the number. Raises UsageError and changes nothing if the text is wrong."""
        number = request.number
        if number and number not in self._all:
            raise UsageError(f"there is no breakpoint {number}", expected=self._numbers())
        if request.watch:
            Condition.parse(request.text, self._watchable)
        else:
            parse_rule(request.text, self._graph)
        hits = self._all[number].hits if number else 0
        number = number or self._next
        self._next = max(self._next, number + 1)
        entry = Breakpoint(number, request.text.strip(), request.watch, request.pause, request.enabled, hits)
        self._all[number] = entry
        return entry

    def remove(self, number: int) -> None:
        """Forget one. Raises UsageError if there is none of this number."""
        if number not in self._all:
            raise UsageError(f"there is no breakpoint {number}", expected=self._numbers())
        del self._all[number]

    def hit(self, number: int) -> Breakpoint | None:
        """Count a hit; None if it was removed meanwhile."""
        entry = self._all.get(number)
        if entry is None:
            return None
        entry = self._all[number] = msgspec.structs.replace(entry, hits=entry.hits + 1)
        return entry

    def _numbers(self) -> str:
        return ", ".join(map(str, self._all)) or "there are none"
