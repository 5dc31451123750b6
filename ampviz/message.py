"""Messages, and their one-token names.

Inside a worker a message is the bare tuple (port, state, payload): the queue it waits in says node and direction.
`Token` is the name of one piece of work that logs, the UI, breakpoints and tests print and parse: `fc1.F key=7 t=3`.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Any

from ampviz.errors import UsageError
from ampviz.state import Fields, State

Message = tuple[int, State, Any]
"""(port, state, payload): payload is an array with rows on axis 0, a tuple of such arrays, or None."""


class Direction(enum.IntEnum):
    """Which way a message travels."""

    FORWARD = 0
    BACKWARD = 1


FORWARD, BACKWARD = Direction.FORWARD, Direction.BACKWARD


def is_training(key: int) -> bool:
    """Whether a key trains. Keys of validation instances are negative: they carry no gradient and leave no cache."""
    return key >= 0


_TOKEN = re.compile(r"(?P<node>[^\s.]+)\.(?P<action>[FBU])(?P<state>( \w+=-?\d+)*)")


@dataclass(frozen=True, slots=True)
class Token:
    """One piece of work: `node.F` a forward, `node.B` a backward, `node.U` a parameter update, with its state."""

    node: str
    action: str
    state: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, node: str, direction: Direction, fields: Fields, state: State) -> Token:
        return cls(node, "FB"[direction], tuple(zip(fields, state, strict=True)))

    @classmethod
    def parse(cls, text: str) -> Token:
        """The token that prints as `text`. Raises UsageError where it is not one."""
        match = _TOKEN.fullmatch(text.strip())
        if match is None:
            raise UsageError("not the name of a message", expected="like `fc1.F key=7 t=3`", got=repr(text))
        pairs = (pair.split("=") for pair in match["state"].split())
        return cls(match["node"], match["action"], tuple((name, int(value)) for name, value in pairs))

    def __str__(self) -> str:
        return " ".join([f"{self.node}.{self.action}", *(f"{name}={value}" for name, value in self.state)])
