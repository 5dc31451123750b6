"""The panes: each is a bordered widget that draws one part of a View. They hold no data of their own."""

from __future__ import annotations

from rich.text import Text

from ampviz.tui.chart import draw_chart, marker_letter
from ampviz.tui.draw import event_lines, in_flight_table, queue_table, worker_table
from ampviz.tui.glyphs import DIM, MARK, drawable, number
from ampviz.tui.graph_pane import GraphPane
from ampviz.tui.pane import Pane
from ampviz.tui.stops import stop_lines
from ampviz.tui.view import View


class QueuePane(Pane):
    """Queue depth with its history, busy and waiting shares, updates and staleness of every node."""

    title, digit = "Queues", "1"
    cursor = 0

    def subtitle(self, view: View) -> str:
        if view.snapshot is not None and view.snapshot.next:  # paused: what each worker is about to do
            return "next  " + "  ".join(f"w{index} {token or '-'}" for index, token in enumerate(view.snapshot.next))
        return f"sort {view.sort}{' inverted' if view.inverted else ''}"

    def draw(self, view: View, width: int, height: int) -> Text:
        rows = view.nodes()
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        return queue_table(rows, width, height, self.cursor, self.glyphs)


class LossPane(Pane):
    """Training curve, validation points, markers of changes."""

    title, digit = "Loss", "2"

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


class FlightPane(Pane):
    """The instances in flight, oldest first."""

    title, digit = "In flight", "3"

    def draw(self, view: View, width: int, height: int) -> Text:
        assert view.snapshot is not None
        return in_flight_table(view.snapshot, width, height, self.glyphs)


class WorkerPane(Pane):
    """What each worker process does; while paused, what it is about to process."""

    title, digit = "Workers", "4"

    def draw(self, view: View, width: int, height: int) -> Text:
        assert view.snapshot is not None
        text = worker_table(view, width, self.glyphs)
        for index, token in enumerate(view.snapshot.next):
            text.append(f"\nw{index} next  {token or 'nothing waits'}", style="bold" if token else DIM)
        if view.snapshot.stepped:
            text.append(f"\nlast step {view.snapshot.stepped}")
        return text


class KnobPane(Pane):
    """The knobs and their values."""

    title, digit = "Knobs", "5"

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


class EventPane(Pane):
    """What happened, newest first."""

    title, digit = "Events", "6"

    def draw(self, view: View, width: int, height: int) -> Text:
        return event_lines(view.past.events, width, height, self.glyphs)


class StopPane(Pane):
    """Breakpoints and watches, held nodes, and what stopped the run."""

    title, digit = "Stops", "7"

    def subtitle(self, view: View) -> str:
        return "b B set  H hold"

    def draw(self, view: View, width: int, height: int) -> Text:
        shown = view.snapshot
        assert shown is not None
        room = height or len(shown.breakpoints) + 2  # before the first layout of a pane as high as its text
        return stop_lines(shown.breakpoints, shown.held, shown.stopped_by, width, room, self.glyphs)


PANES: tuple[type[Pane], ...] = (
    QueuePane,
    LossPane,
    FlightPane,
    WorkerPane,
    KnobPane,
    EventPane,
    StopPane,
    GraphPane,
)
