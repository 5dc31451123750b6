"""Traps: how a worker finds the message that meets a breakpoint, without a cost for nodes that have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from ampviz.conditions import Condition
from ampviz.graph import Graph
from ampviz.message import BACKWARD, Direction, Message
from ampviz.nodes.base import Transform
from ampviz.nodes.payload import Payload, row_count
from ampviz.runtime.breakpoints import condition_names
from ampviz.runtime.commands import Rule
from ampviz.runtime.slot import Slot
from ampviz.state import State

_STATISTICS: Mapping[str, Callable[[np.ndarray], float]] = {
    "min": np.min,
    "max": np.max,
    "mean": np.mean,
    "norm": lambda values: float(np.linalg.norm(values)),
    "nan": lambda values: np.isnan(values).sum(),
    "inf": lambda values: np.isinf(values).sum(),
}


@dataclass(slots=True)
class Trap:
    """One rule on the worker that hosts its node."""

    rule: Rule
    condition: Condition | None
    afterwards: bool  # it reads the loss
    hits: int = 0

    @classmethod
    def of(cls, rule: Rule, graph: Graph) -> Trap:
        condition = Condition.parse(rule.condition, condition_names(rule, graph)) if rule.condition else None
        return cls(rule, condition, condition is not None and "loss" in condition.names)

    def meets(self, figures: Callable[[str], float]) -> bool:
        """Whether the condition holds; `hits` counts those before."""
        if self.condition is None:
            return True
        return self.condition.holds(lambda name: float(self.hits) if name == "hits" else figures(name))


@dataclass(slots=True)
class SlotTraps:
    """The traps on one hosted node."""

    traps: list[Trap]
    passed: tuple[Direction, State] | None = None  # the message that stopped the worker: it may go on now
    hit: list[Trap] = field(default_factory=list)  # of the last look

    def free(self, slot: Slot, direction: Direction, take: int, clock: int, admitted: Mapping[int, int]) -> int:
        """How many of the next `take` messages no pausing trap stops. `hit` holds the trap of the one that it does,
        if that is the first, and those that only tell of the messages before it."""
        self.hit = []
        if any(trap.afterwards for trap in self.traps):  # each message's loss by itself
            take = min(take, 1)
        watching = [trap for trap in self.traps if trap.rule.action == "FB"[direction] and not trap.afterwards]
        for index, message in enumerate(islice(slot.queues[direction], take if watching else 0)):
            if index == 0 and self.passed == (direction, message[1]):
                continue
            figures = _message_figures(slot, direction, message, clock, admitted)
            for trap in watching:
                if trap.rule.port in (-1, message[0]) and trap.meets(figures):
                    if trap.rule.pause and index:
                        return index
                    trap.hits += 1
                    self.hit.append(trap)
                    if trap.rule.pause:
                        self.passed = (direction, message[1])
                        return 0
        self.passed = None
        return take

    def after(self, action: str, figures: Callable[[str], float]) -> list[Trap]:
        """The traps met by what has just happened: an update (U), or a loss (F)."""
        met = [
            trap
            for trap in self.traps
            if trap.rule.action == action and (action == "U" or trap.afterwards) and trap.meets(figures)
        ]
        for trap in met:
            trap.hits += 1
        return met


def _message_figures(
    slot: Slot, direction: Direction, message: Message, clock: int, admitted: Mapping[int, int]
) -> Callable[[str], float]:
    """The figures of a message that waits in the queue of its node."""
    port, state, payload = message
    node = slot.node
    version = getattr(node, "version", 0)

    def figure(name: str) -> float:
        match name:
            case "rows":
                return float(row_count(payload))
            case "queue":
                return float(len(slot.queues[0]) + len(slot.queues[1]))
            case "version":
                return float(version)
            case "age":
                return (clock - admitted.get(state[0], clock)) / 1e9
            case "staleness":
                kept = node.saved.get(state) if direction is BACKWARD and isinstance(node, Transform) else None
                return float(version - kept[1]) if kept else 0.0
            case _ if name in _STATISTICS:
                return _payload_figure(name, payload)
        fields = slot.fields[direction][port]
        return float(state[fields.index(name)]) if name in fields else float("nan")

    return figure


def _payload_figure(name: str, payload: Payload | None) -> float:
    """A statistic over all elements of a payload; 0 where there are none."""
    arrays: Sequence[np.ndarray] = () if payload is None else payload if type(payload) is tuple else (payload,)
    values = np.concatenate([np.zeros(0), *(np.asarray(array, np.float64).ravel() for array in arrays)])
    return float(_STATISTICS[name](values)) if values.size else 0.0
