"""The loss: training curve, validation points, and where something was changed."""

from __future__ import annotations

from rich.text import Text

from ampviz.tui.chart import draw_chart, marker_letter
from ampviz.tui.glyphs import MARK, drawable, number
from ampviz.tui.pane import Pane
from ampviz.tui.view import View


class LossPane(Pane):
    """Training curve, validation points, markers of changes."""

    def subtitle(self, view: View) -> str:
        valid = self.glyphs.point
        return f"train line  valid {valid}  smooth {view.smoothing:g}{'  log' if view.log_scale else ''}"

    def draw(self, view: View, width: int, height: int) -> Text:
        markers = view.markers()
        legend = markers[-3:] if height >= 10 else []
        chart = draw_chart(
            view.train_curve(),
            view.valid_curve(),
            markers,
            width,
            height - (1 if legend else 0),
            self.glyphs,
            log=view.log_scale,
        )
        if legend:
            first = len(markers) - len(legend)
            words = [
                f"{marker_letter(first + i)} {number(x)} {drawable(label, self.glyphs)}"
                for i, (x, label) in enumerate(legend)
            ]
            line = Text("\n        " + "   ".join(words), style=MARK)
            line.truncate(width + 1, overflow="ellipsis" if self.glyphs.braille else "crop")
            chart.append_text(line)
        return chart
