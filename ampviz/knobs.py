"""The knobs: everything that can be retuned while a session runs. Command line, UI and docs come from this table."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ampviz.errors import KnobError

Value = float | int | str | bool
_FROM_ZERO = 0.001  # what a step up from zero comes to


@dataclass(frozen=True, slots=True)
class Knob:
    """One knob: type, default, range (or choices) and help. `per_node`: may differ for a node with parameters."""

    name: str
    default: Value
    help: str
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    per_node: bool = False

    @property
    def type(self) -> type:
        return type(self.default)

    def parse(self, raw: object) -> Value:
        """The value that `raw` (text, or a number from the UI) stands for. Raises KnobError."""
        try:
            value = self._converted(raw)
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise KnobError(
                "not a value of this knob", where=self.name, expected=self.expected(), got=repr(raw)
            ) from error
        if self.choices and value not in self.choices:
            raise KnobError("unknown choice", where=self.name, expected=self.expected(), got=repr(raw))
        if isinstance(value, (int, float)) and not self.low <= value <= self.high:
            raise KnobError("out of range", where=self.name, expected=self.expected(), got=repr(raw))
        return value

    def stepped(self, value: Value, up: bool) -> Value:
        """The next value above or below: numbers go by their leading digit (8, 9, 10, 20), choices in turn."""
        if isinstance(value, bool):
            return not value
        if isinstance(value, str):
            return self.choices[(self.choices.index(value) + (1 if up else -1)) % len(self.choices)]
        if value <= 0:
            return self.parse(_FROM_ZERO if up else self.low)
        power = math.floor(math.log10(value) + 1e-9)
        digits = value / 10.0**power
        whole = math.floor(digits + 1e-9) + 1 if up else math.ceil(digits - 1e-9) - 1
        fresh = float(f"{whole if whole else 0.9:g}e{power}")
        return self.parse(max(self.low, min(self.high, round(fresh) if self.type is int else fresh)))

    def _converted(self, raw: object) -> Value:
        if self.type is bool:
            if isinstance(raw, bool):
                return raw
            return {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}[str(raw).lower()]
        if isinstance(raw, bool):
            raise TypeError("a number is needed")
        if self.type is int:
            if isinstance(raw, float) and not raw.is_integer():
                raise ValueError("a whole number is needed")
            return int(raw)  # type: ignore[call-overload, no-any-return] # str or number; the rest raises TypeError
        if self.type is float:
            return float(raw)  # type: ignore[arg-type] # as above
        return str(raw)

    def expected(self) -> str:
        """What a user may give, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.type is bool:
            return "on or off"
        kind = "a whole number" if self.type is int else "a number"
        low = "" if self.low == -math.inf else f" from {_plain(self.low)}"
        return f"{kind}{low}" + ("" if self.high == math.inf else f" to {_plain(self.high)}")


def _plain(number: float) -> str:
    """A bound as a person would type it."""
    return f"{number:.0f}" if number == int(number) else f"{number:g}"


POLICIES = ("backward", "mixed", "oldest", "deepest", "fifo")

KNOBS: dict[str, Knob] = {
    knob.name: knob
    for knob in (
        Knob("max_active_keys", 4, "instances in flight at most; 1 is close to synchronous training", 1, 100_000),
        Knob("min_update_interval", 1, "gradients a node collects before it updates", 1, 10_000_000, per_node=True),
        Knob("max_batch", 16, "queued messages of one node and direction run as one kernel; 1 is the paper", 1, 4096),
        Knob("learning_rate", 0.1, "step size of the optimizer", 0.0, 1e6, per_node=True),
        Knob("learning_rate_decay", 1.0, "factor on the learning rate after each epoch", 0.0, 1.0, per_node=True),
        Knob(
            "gradient_clip",
            0.0,
            "largest L2 norm of a node's gradient; 0 switches clipping off",
            0.0,
            1e9,
            per_node=True,
        ),
        Knob("freeze", False, "leave the parameters alone; gradients are still passed on", per_node=True),
        Knob("policy", "backward", "which queue a worker serves next", choices=POLICIES),
        Knob("slow_motion", 0.0, "seconds to wait after each message, for watching", 0.0, 60.0),
        Knob("validate", True, "run the validation split after each epoch"),
    )
}


def find_knob(name: str) -> Knob:
    """The knob of this name. Raises KnobError with the nearest names."""
    if name in KNOBS:
        return KNOBS[name]
    near = difflib.get_close_matches(name, KNOBS, n=3)
    raise KnobError(
        f"no knob is called {name!r}", hint=f"did you mean {' or '.join(near)}?" if near else "see ampviz run --help"
    )


class KnobValues:
    """The current value of every knob: global ones, and those of single nodes.

    Names are `knob` or `node.knob`; a node's own value wins over the global one. `copies` gives the replicated layer
    that a node is part of: its name stands for all of its copies, and the value of a single copy wins.
    """

    def __init__(
        self,
        nodes: Iterable[str] = (),
        values: Mapping[str, object] | None = None,
        copies: Mapping[str, str] | None = None,
    ):
        self._copies = dict(copies or {})
        self._nodes = tuple(dict.fromkeys([*nodes, *self._copies.values()]))
        self._values: dict[str, Value] = {name: knob.default for name, knob in KNOBS.items()}
        for name, value in (values or {}).items():
            self.set(name, value)

    def set(self, name: str, value: object) -> Value:
        """Check and store; returns the typed value. Raises KnobError and changes nothing."""
        node, _, knob_name = name.rpartition(".")
        knob = find_knob(knob_name)
        if node:
            if node not in self._nodes:
                near = difflib.get_close_matches(node, self._nodes, n=3)
                hint = f"did you mean {' or '.join(near)}?" if near else f"nodes with knobs: {', '.join(self._nodes)}"
                raise KnobError(f"no node with parameters is called {node!r}", hint=hint)
            if not knob.per_node:
                raise KnobError(f"{knob.name} is one for the whole session", hint=f"set {knob.name} without a node")
        self._values[name] = knob.parse(value)
        return self._values[name]

    def forget(self, name: str) -> None:
        """Let a node go with the global value again: `name` is `node.knob`."""
        if "." in name:
            self._values.pop(name, None)

    def get(self, name: str, node: str = "") -> Value:
        """The value in force, for a node or (without one) for the session."""
        if node:
            for own in (f"{node}.{name}", f"{self._copies.get(node)}.{name}"):
                if own in self._values:
                    return self._values[own]
        return self._values[name]

    def number(self, name: str, node: str = "") -> int:
        """`get` for a knob that holds a whole number."""
        return int(self.get(name, node))

    def as_dict(self) -> dict[str, Value]:
        """Every global value, and the values of single nodes that differ."""
        return dict(self._values)
