"""The knobs."""

from __future__ import annotations

from rich.text import Text

from ampviz.tui.pane import Pane
from ampviz.tui.view import View


class KnobPane(Pane):
    """The knobs and their values."""

    def subtitle(self, view: View) -> str:
        return "m set  u undo"

    def draw(self, view: View, width: int, height: int) -> Text:
        assert view.snapshot is not None
        text = Text()
        for name, value in view.snapshot.knobs.items():
            shown = (
                f"{value:g}" if isinstance(value, float) else str(value).lower() if value in (True, False) else value
            )
            entry = Text(f" {name} ", no_wrap=True)
            entry.append(f"[ {shown} ]", style="bold")
            start = text.plain.rsplit("\n", 1)[-1]
            if start and len(start) + len(entry.plain) > width:
                text.append("\n")
            text.append_text(entry)
        return text
