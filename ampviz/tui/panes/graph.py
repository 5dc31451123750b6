"""The graph pane: the diagram behind a window that scrolls, zooms, follows the work, and shows messages move."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.timer import Timer

from ampviz.telemetry.snapshot import SessionInfo, Snapshot
from ampviz.tui.diagram import Diagram, Zoom
from ampviz.tui.glyphs import Glyphs
from ampviz.tui.key import Key
from ampviz.tui.motion import Look, Move, is_slow, looks, moves
from ampviz.tui.pane import Pane, Place
from ampviz.tui.routing import Frame
from ampviz.tui.view import View

FRAMES = 8  # in which a message goes along a wire
_FRAME_S = 0.04
_RECENT_S = 1.0  # a snapshot older than this, as of a pane that was hidden, says nothing about what moves
_STEP = (8, 4)  # columns and rows of one key press

GRAPH_KEYS = (
    Key("h,left", "h ←", "scroll_graph(-1, 0)", "scroll left", "Graph, focused"),
    Key("l,right", "l →", "scroll_graph(1, 0)", "scroll right", "Graph, focused"),
    Key("j,down", "j ↓", "scroll_graph(0, 1)", "scroll down", "Graph, focused"),
    Key("k,up", "k ↑", "scroll_graph(0, -1)", "scroll up", "Graph, focused"),
    Key("plus,equals_sign", "+", "zoom(1)", "more in each box", "Graph, focused"),
    Key("minus", "-", "zoom(-1)", "less in each box", "Graph, focused"),
    Key("r", "r", "fit", "fit the pane, and follow the work again", "Graph, focused"),
)


class GraphPane(Pane):
    """The model as a layered diagram. The zoom is the most detailed one that fits until a key sets it."""

    keys = GRAPH_KEYS

    def __init__(self, place: Place):
        super().__init__(place)
        self._diagrams: dict[Zoom, Diagram] = {}
        self._zoom: Zoom | None = None  # None: what fits
        self._corner: tuple[int, int] | None = None  # of the window, None: follow the work
        self._seen: Snapshot | None = None
        self._looks: tuple[Look, ...] = ()
        self._moves: tuple[Move, ...] = ()
        self._frame = FRAMES
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        self._timer = self.set_interval(_FRAME_S, self.advance, pause=True)

    def show(self, view: View, glyphs: Glyphs) -> None:
        now = view.snapshot
        if now is not None and now is not self._seen:
            if glyphs is not self.glyphs:
                self._diagrams.clear()
            self._take(view, now, glyphs)
        super().show(view, glyphs)

    def _take(self, view: View, now: Snapshot, glyphs: Glyphs) -> None:
        """Note how the nodes are doing now, and let what has moved move."""
        info = view.info
        busy = {row.name: row.busy for row in view.nodes() if not row.copies}
        self._looks = looks(info, self._seen, now, busy)
        missed = self._seen is None or now.at - self._seen.at > _RECENT_S
        graph = self._diagram(info, Zoom.COMPACT, glyphs).graph
        only = view.followed.key if view.followed is not None and not view.followed.home else None
        fresh = () if missed else moves(info, graph, self._seen, now, only)
        self._seen = now
        if fresh:
            self._moves, self._frame = fresh, 0
            if self._timer is not None:
                self._timer.resume()
        elif not is_slow(now):
            self._moves = ()

    def on_resize(self) -> None:
        if self.view is not None:
            self.show(self.view, self.glyphs)  # another zoom may fit

    def advance(self) -> None:
        """Draw the next frame of what moves; after the last one a message rests in front of its node."""
        self._frame = min(FRAMES, self._frame + 1)
        if self._frame == FRAMES and self._timer is not None:
            self._timer.pause()
        self.refresh()

    def subtitle(self, view: View) -> str:
        words = self.zoom(view.info).name.lower() if self._looks else ""
        if view.snapshot is not None and view.snapshot.stepped and is_slow(view.snapshot):
            words = f"last {view.snapshot.stepped}  {words}"
        return words

    def draw(self, view: View, width: int, height: int) -> Text:
        diagram = self._diagram(view.info, self.zoom(view.info), self.glyphs)
        x, y = self._window(diagram, width, height)
        return diagram.text(self._looks, self._moves, self._frame / FRAMES, Frame(x, y, width, height))

    def zoom(self, info: SessionInfo) -> Zoom:
        """How the graph is drawn: as a key has set it, else the most that fits, else normal boxes and scrolling."""
        if self._zoom is not None:
            return self._zoom
        for zoom in reversed(Zoom):
            layout = self._diagram(info, zoom, self.glyphs).layout
            if layout.width <= self.content_size.width and layout.height <= self.content_size.height:
                return zoom
        return Zoom.NORMAL

    def _diagram(self, info: SessionInfo, zoom: Zoom, glyphs: Glyphs) -> Diagram:
        if zoom not in self._diagrams:
            self._diagrams[zoom] = Diagram(info, zoom, glyphs)
        return self._diagrams[zoom]

    def _window(self, diagram: Diagram, width: int, height: int) -> tuple[int, int]:
        """The left upper corner of what is seen: where it was scrolled to, else around the work; small ones centred."""
        x, y = self._corner or self._around_work(diagram, width, height)
        corner = []
        for at, size, whole in ((x, width, diagram.layout.width), (y, height, diagram.layout.height)):
            corner.append(-((size - whole) // 2) if whole <= size else max(0, min(at, whole - size)))
        return corner[0], corner[1]

    def _around_work(self, diagram: Diagram, width: int, height: int) -> tuple[int, int]:
        slow = self._seen is not None and is_slow(self._seen)
        at_work = next((index for index, look in enumerate(self._looks) if look.working), 0) if slow else 0
        frame = diagram.frame_of(at_work)
        return frame.x + frame.width // 2 - width // 2, frame.y + frame.height // 2 - height // 2

    # Keys, and the mouse

    def action_scroll_graph(self, right: int, down: int) -> None:
        """Move the window; from then on it follows nothing."""
        if self.view is None or self._seen is None:
            return
        size = self.content_size
        diagram = self._diagram(self.view.info, self.zoom(self.view.info), self.glyphs)
        x, y = self._window(diagram, size.width, size.height)
        self._corner = (x + right * _STEP[0], y + down * _STEP[1])
        self._corner = self._window(diagram, size.width, size.height)
        self.refresh()

    def action_zoom(self, by: int) -> None:
        if self.view is not None and self._seen is not None:
            now = self.zoom(self.view.info)
            self._zoom = Zoom(max(Zoom.COMPACT, min(Zoom.DETAILED, now + by)))
            self._corner = None
            self.show(self.view, self.glyphs)

    def action_fit(self) -> None:
        self._zoom = self._corner = None
        if self.view is not None:
            self.show(self.view, self.glyphs)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_scroll_graph(0, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_scroll_graph(0, -1)
