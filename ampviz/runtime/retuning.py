"""Knob changes of a session: made, taken back, and said. Pure."""

from __future__ import annotations

from ampviz.errors import UsageError
from ampviz.knobs import KnobValues, Value
from ampviz.telemetry.snapshot import Change, Event


class Retuning:
    """Changes the knobs and remembers how they were; whoever made a change, anybody may take it back."""

    def __init__(self, knobs: KnobValues):
        self.knobs = knobs
        self._done: list[Change] = []

    def set(self, name: str, value: object, who: str) -> Change | None:
        """Change one; None if it has that value already. Raises KnobError and changes nothing."""
        before = self.knobs.as_dict().get(name)
        after = self.knobs.set(name, value)
        if after == before:
            return None
        self._done.append(Change(name, before, after, who))
        return self._done[-1]

    def undo(self, who: str) -> Change:
        """Take back the last change that was not taken back yet. Raises UsageError if there is none."""
        if not self._done:
            raise UsageError("no knob change to take back")
        last = self._done.pop()
        if last.old is None:
            self.knobs.forget(last.name)
        else:
            self.knobs.set(last.name, last.old)
        return Change(last.name, last.new, last.old, who)


def knob_event(at: float, instances: int, change: Change, how: str = "") -> Event:
    """What the session tells of a change; its label on the charts says what, not who."""
    label = said(change)
    return Event(at, "KNOB", f"{label} ({how}{change.who})", instances, label, change)


def said(change: Change) -> str:
    """A change in words: `max_active_keys 8→16`, `cell.freeze on→as all`."""
    if change.old is None:
        return f"{change.name} {_value(change.new)}"
    return f"{change.name} {_value(change.old)}→{_value(change.new)}"


def _value(value: Value | None) -> str:
    """A knob's value; a node without one of its own goes with all."""
    if value is None:
        return "as all"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
