"""The charts: loss, metrics, throughput, staleness over the instances trained, and where something was changed."""

from __future__ import annotations

from dataclasses import replace

from rich.text import Text
from textual import events

from ampviz.tui.chart import GUTTER, draw_chart, legend
from ampviz.tui.curves import LOSS, STALENESS
from ampviz.tui.glyphs import Glyphs
from ampviz.tui.key import Key
from ampviz.tui.pane import Pane, Place
from ampviz.tui.view import View
from ampviz.tui.viewport import Viewport

_GROUP = "Loss, focused"
_IN, _OUT = 0.5, 2.0  # of one key; a notch of the wheel does less
_NOTCH = 0.8
_PAN = 0.25  # of the width
_LEGEND = 10  # rows from which there is room for one


class LossPane(Pane):
    """One curve with points at the ends of epochs, and markers of changes; zoomed and moved while it has the focus."""

    keys = (
        Key("plus,equals_sign", "+", f"zoom({_IN})", "show half as much", _GROUP),
        Key("minus", "-", f"zoom({_OUT})", "show twice as much", _GROUP),
        Key("h,left", "h ←", f"pan({-_PAN})", "earlier", _GROUP),
        Key("l,right", "l →", f"pan({_PAN})", "later; at the end it follows", _GROUP),
        Key("r", "r", "everything", "show everything, and follow", _GROUP),
    )

    def __init__(self, place: Place):
        super().__init__(place)
        self._digit = place.digit
        self.viewport = Viewport()

    def show(self, view: View, glyphs: Glyphs) -> None:
        self.border_title = f"{self._digit} {view.subject.capitalize()}"
        super().show(view, glyphs)

    def subtitle(self, view: View) -> str:
        words = ["zoomed"] if self.viewport != Viewport() else []
        if view.subject == LOSS:
            words.append(f"train line  valid {self.glyphs.point}")
        elif view.subject != STALENESS:
            words.append(f"each epoch {self.glyphs.point}")
        words += [f"smooth {view.smoothing:g}", *(["log"] if view.log_scale else [])]
        return "  ".join(words)

    def draw(self, view: View, width: int, height: int) -> Text:
        plot = view.plot()
        if self.viewport != Viewport():
            plot = replace(plot, span=self.viewport.span(plot.last))
        if height < _LEGEND or not plot.markers:
            return draw_chart(plot, width, height, self.glyphs)
        return (
            draw_chart(plot, width, height - 1, self.glyphs).append("\n").append_text(legend(plot, width, self.glyphs))
        )

    def action_zoom(self, factor: float) -> None:
        self._zoom(factor, 1.0 if self.viewport.right is None else 0.5)

    def action_pan(self, share: float) -> None:
        if self.view is not None:
            self._take(self.viewport.panned(share, self.view.plot().last))

    def action_everything(self) -> None:
        self._take(Viewport())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, _NOTCH)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, 1 / _NOTCH)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        event.stop()
        self.action_pan(-_PAN / 2)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        event.stop()
        self.action_pan(_PAN / 2)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        """Zoom around the place under the mouse; with shift held, move."""
        event.stop()
        if event.shift:
            self.action_pan(_PAN / 2 if factor > 1 else -_PAN / 2)
            return
        offset = event.get_content_offset(self)
        columns = self.content_size.width - GUTTER
        if offset is not None and columns > 0:
            self._zoom(factor, min(1.0, max(0.0, (offset.x - GUTTER) / columns)))

    def _zoom(self, factor: float, at: float) -> None:
        if self.view is not None:
            self._take(self.viewport.zoomed(factor, self.view.plot().last, at))

    def _take(self, viewport: Viewport) -> None:
        self.viewport = viewport
        if self.view is not None:
            self.show(self.view, self.glyphs)
