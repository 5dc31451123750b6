"""A line `knob = value` while it is typed: what may be meant, what is wrong with it, how it can be completed. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ampviz.errors import KnobError
from ampviz.knobs import KNOBS, KnobValues, Value, find_knob
from ampviz.telemetry.snapshot import SessionInfo

_LISTED = 6


@dataclass(frozen=True, slots=True)
class Advice:
    """What to say below the line: what is known of it, or what is wrong."""

    words: str = ""
    problem: str = ""


def knob_names(info: SessionInfo) -> list[str]:
    """Every name that can be set: knobs, then those of single nodes and of layers with copies."""
    nodes = _learning(info)
    return [*KNOBS, *(f"{node}.{name}" for name, knob in KNOBS.items() if knob.per_node for node in nodes)]


def advice(line: str, info: SessionInfo, knobs: Mapping[str, Value]) -> Advice:
    """What can be said of the line so far."""
    name, equals, value = (part.strip() for part in line.partition("="))
    names = knob_names(info)
    if not equals and name not in names:
        near = matching(name, names)
        return Advice("  ".join(near[:_LISTED])) if near else Advice(problem=f"nothing is called like {name!r}")
    copies = {node.name: node.part_of for node in info.nodes if node.part_of}
    values = KnobValues(_learning(info), None, copies)
    try:
        values.set(name, value if equals and value else find_knob(name.rpartition(".")[2]).default)
    except KnobError as error:
        return Advice(problem=str(error))
    knob = find_knob(name.rpartition(".")[2])
    now = knobs.get(name, knobs.get(knob.name))
    return Advice(f"{knob.expected()}, now {_plain(now)}: {knob.help}")


def completed(line: str, names: Sequence[str]) -> str:
    """The line with its name completed as far as that is certain; unchanged where it is not."""
    name = line.strip()
    near = [] if "=" in line else matching(name, names, alike=1)
    if len(near) == 1:
        return f"{near[0]} = "
    length = len(name)
    while near and len({each[: length + 1] for each in near}) == 1:
        length += 1
    return near[0][:length] if near and length > len(name) and near[0].startswith(name) else line


def matching(start: str, names: Sequence[str], alike: int = 3) -> list[str]:
    """Names that begin like this, else that contain it, else a few that look like it."""
    found = [name for name in names if name.startswith(start)] or [name for name in names if start in name]
    return found or difflib.get_close_matches(start, names, n=alike)


def _learning(info: SessionInfo) -> list[str]:
    """Nodes with parameters, and the layers that some are copies of."""
    learning = [node for node in info.nodes if node.parameters]
    return list(dict.fromkeys(name for node in learning for name in (node.part_of, node.name) if name))


def _plain(value: Value | None) -> str:
    return (
        ("on" if value else "off")
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
