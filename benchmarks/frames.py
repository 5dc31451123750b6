"""The command line with a watch on its frames: how long drawing each took goes into a file at the end.

python -m benchmarks.frames FILE ARGUMENTS_OF_AMPVIZ ...
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.screen import Screen

from ampviz.cli import main as ampviz
from ampviz.tui.app import AmpvizApp


class Watch:
    """Collects the seconds of each frame, by the clock and of CPU: drawing the panes, and what has changed."""

    def __init__(self) -> None:
        self.frames: list[tuple[float, float]] = []
        self._drawing = (0.0, 0.0)

    def on(self, draw: Callable[[Any], None], update: Callable[[Any], None]) -> None:
        """Put itself between Textual and these two."""

        def drawn(app: AmpvizApp) -> None:
            self._drawing = _timed(self._drawing, lambda: draw(app))

        def updated(screen: Screen[Any]) -> None:
            whole = _timed(self._drawing, lambda: update(screen))
            if any(self._drawing):
                self.frames.append(whole)
                self._drawing = (0.0, 0.0)

        AmpvizApp.draw = drawn  # type: ignore[method-assign]
        Screen._on_timer_update = updated  # type: ignore[method-assign]


def _timed(before: tuple[float, float], do: Callable[[], None]) -> tuple[float, float]:
    """The times before and what this takes, by the clock and of CPU."""
    clock, cpu = time.perf_counter(), time.thread_time()
    do()
    return before[0] + time.perf_counter() - clock, before[1] + time.thread_time() - cpu


def main() -> int:
    watch = Watch()
    watch.on(AmpvizApp.draw, Screen._on_timer_update)
    try:
        return ampviz(sys.argv[2:]) or 0
    finally:
        Path(sys.argv[1]).write_text(json.dumps(watch.frames))


if __name__ == "__main__":
    sys.exit(main())
