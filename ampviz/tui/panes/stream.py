"""The task stream: what the workers did in the last seconds, and how well they are used."""

from __future__ import annotations

from rich.text import Text

from ampviz.telemetry.snapshot import Status
from ampviz.tui.draw import worker_table
from ampviz.tui.glyphs import DIM
from ampviz.tui.key import Key
from ampviz.tui.motion import is_slow
from ampviz.tui.pane import Pane, Place
from ampviz.tui.stream import Window, lanes, legend, strip_text, strips, summary
from ampviz.tui.timeline import KEPT_S
from ampviz.tui.view import View

SPANS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, KEPT_S)
_USUAL = SPANS_S.index(2.0)
_LABEL = 14  # columns that a name may take
_PAUSED = 3  # slots that a pause under way is seen

STREAM_KEYS = (
    Key("plus,equals_sign", "+", "zoom(-1)", "less time on the strips", "Task stream, focused"),
    Key("minus", "-", "zoom(1)", "more time", "Task stream, focused"),
    Key("h,left", "h ←", "scroll_time(-1)", "back in time", "Task stream, focused"),
    Key("l,right", "l →", "scroll_time(1)", "on in time", "Task stream, focused"),
    Key("r", "r", "now", "the last two seconds again", "Task stream, focused"),
)


class StreamPane(Pane):
    """A strip of characters for each worker, and where there is room for its nodes.

    Below stands, while paused, what each worker is about to process, and its counters.
    """

    keys = STREAM_KEYS

    def __init__(self, place: Place):
        super().__init__(place)
        self._span = _USUAL
        self._end: int | None = None  # nanoseconds since the session began; None: the newest

    def subtitle(self, view: View) -> str:
        when = "last" if self._end is None else f"{(view.timeline.until - self._end) / 1e9:.3g} s ago,"
        return f"{when} {SPANS_S[self._span]:g} s  {legend(self.glyphs)}"

    def draw(self, view: View, width: int, height: int) -> Text:
        assert view.snapshot is not None
        text, below = summary(view, self.glyphs), self._below(view, width)
        text.truncate(width)
        grows = bool(self.styles.auto_dimensions)  # then it is as high as its text, which has no room to fill
        shown = lanes(view, 0 if grows else height - 1 - view.info.workers - len(below))
        label = min(_LABEL, max((len(lane.name) for lane in shown), default=0)) + 1
        window = self._window(view, width - label - len(" 100%"))
        records = view.timeline.between(window.first * window.slot, (window.first + window.count) * window.slot)
        for lane, kinds in zip(shown, strips(records, shown, window, slow=is_slow(view.snapshot)), strict=True):
            name = lane.name[: label - 1].ljust(label)
            text.append(f"\n{name}", style="bold" if lane.node < 0 else "")
            text.append_text(strip_text(kinds, self.glyphs)).append(f" {lane.busy:4.0%}")
        for line in below:
            text.append("\n").append_text(line)
        return text

    def _below(self, view: View, width: int) -> list[Text]:
        """While paused what each worker is about to process; the counters of the workers."""
        assert view.snapshot is not None
        lines = [
            Text(f"w{index} next  {token or 'nothing waits'}", style="bold" if token else DIM)
            for index, token in enumerate(view.snapshot.next)
        ]
        if view.snapshot.stepped:
            lines.append(Text(f"last step {view.snapshot.stepped}"))
        for line in lines:
            line.truncate(width)
        return [*lines, *worker_table(view, width, self.glyphs).split("\n")]

    def _window(self, view: View, room: int) -> Window:
        end = view.timeline.until if self._end is None else self._end
        window = Window.before(end, round(SPANS_S[self._span] * 1e9), max(1, room))
        paused = view.snapshot is not None and view.snapshot.status is Status.PAUSED and self._end is None
        return Window(window.first + _PAUSED, window.count, window.slot) if paused else window

    def action_zoom(self, by: int) -> None:
        self._span = max(0, min(self._span + by, len(SPANS_S) - 1))
        self._again()

    def action_scroll_time(self, by: int) -> None:
        """Move by a quarter of what is seen; from then on it stands, until it is moved to the end again."""
        if self.view is None:
            return
        newest = self.view.timeline.until
        end = (newest if self._end is None else self._end) + by * round(SPANS_S[self._span] * 1e9 / 4)
        self._end = None if end >= newest else max(end, newest - round((KEPT_S - SPANS_S[self._span]) * 1e9))
        self._again()

    def action_now(self) -> None:
        self._span, self._end = _USUAL, None
        self._again()

    def _again(self) -> None:
        if self.view is not None:
            self.show(self.view, self.glyphs)
