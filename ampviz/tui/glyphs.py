"""What the screen is drawn with: characters and colours. Meaning never rests on colour alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One character set. `levels` go from empty to full."""

    levels: str
    busy: str
    waiting: str
    idle: str
    point: str
    marker: str
    cursor: str
    up: str
    down: str
    flat: str
    running: str
    paused: str
    stopped: str
    axis_corner: str
    axis_line: str
    axis_tick: str
    axis_up: str
    set: str
    unset: str
    braille: bool
    work: str = "█▓▒"  # forward, backward, update


UNICODE = Glyphs(
    " ▁▂▃▄▅▆▇█", "█", "▒", "·", "◆", "┆", "▸", "↑", "↓", "→", "▶", "‖", "■", "└", "─", "┴", "│", "●", "○", True
)
ASCII = Glyphs(
    " .:-=+*#@", "#", "%", ".", "o", "|", ">", "^", "v", "-", ">", "=", "x", "+", "-", "+", "|", "*", "o", False, "#=+"
)

# Okabe-Ito colours: told apart with any kind of colour vision, on dark and on light ground.
TRAIN = "#56b4e9"
VALID = "#e69f00"
GOOD = "#009e73"
HOT = "#d55e00"
MARK = "#cc79a7"
DIM = "dim"


def drawable(words: str, glyphs: Glyphs) -> str:
    """The words in the characters of the set."""
    return words if glyphs.braille else words.replace("→", "->").encode("ascii", "replace").decode()


def number(value: float, width: int = 0) -> str:
    """A number in at most five characters or so: 312, 4.7k, 1.2M, 0.04."""
    size = abs(value)
    if size >= 1e6:
        text = f"{value / 1e6:.1f}M"
    elif size >= 1e4:
        text = f"{value / 1e3:.0f}k"
    elif size >= 100 or value == int(value):
        text = f"{value:.0f}"
    elif size >= 1:
        text = f"{value:.1f}"
    else:
        text = f"{value:.2f}"
    return text.rjust(width)


def clock(seconds: float) -> str:
    """hh:mm:ss."""
    whole = int(seconds)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def age(seconds: float) -> str:
    """A duration in a few characters: 12ms, 3.4s, 2m."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 100 else f"{seconds / 60:.0f}m"
