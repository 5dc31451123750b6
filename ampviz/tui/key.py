"""One key, as the tables of keys list it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """One action and the keys that call it. `footer` is its short name at the bottom, "" for none."""

    keys: str  # as Textual names them, separated by commas
    shown: str
    action: str
    help: str
    group: str
    footer: str = ""
    footer_key: str = ""  # what the bottom line calls the key, where it stands for others too


def bindings(keys: Iterable[Key]) -> list[Binding]:
    """What Textual binds for these; control keys work above any dialog."""
    return [
        Binding(press, key.action, key.help, show=False, priority=press.startswith("ctrl+"))
        for key in keys
        for press in key.keys.split(",")
    ]
