"""The colours of the screen."""

from __future__ import annotations

from textual.theme import Theme

INK = Theme(
    "ampviz",
    primary="#56b4e9",
    secondary="#e69f00",
    accent="#e69f00",
    error="#d55e00",
    success="#009e73",
    background="#101418",
    surface="#181e24",
    panel="#222a32",
    dark=True,
)
PAPER = Theme(
    "ampviz-light",
    primary="#0072b2",
    secondary="#d55e00",
    accent="#d55e00",
    error="#b03000",
    success="#00795a",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e4e1d8",
    dark=False,
)
THEMES = (INK, PAPER)
