"""Wires as lines between rows and columns: the space between two layers is a channel with as many tracks as it needs.

What leaves one port is a net: one horizontal line, its track, with vertical lines from it up and down to its pins. Two
nets may cross, but never share a stretch of line: where one comes from above in the column in which the other leaves
below, the first has the higher track; where that goes round in a circle, a net is split in two at a free column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ampviz.tui.aligning import GAP
from ampviz.tui.layering import Lane, Layers, Network
from ampviz.tui.placing import Columns, columns

Point = tuple[int, int]
"""Column and row."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a box stands: the left upper corner and the size."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Route:
    """The way of a wire: its corners, from the cell under the source to the cell above the target."""

    points: tuple[Point, ...]
    back: bool  # whether it closes a loop


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole picture without its characters, by box and by wire."""

    frames: tuple[Frame, ...]
    routes: tuple[Route, ...]
    width: int
    height: int


@dataclass(slots=True)
class Net:
    """One line with branches in one channel: columns where it goes up and down, and its track."""

    top: set[int] = field(default_factory=set)
    bottom: set[int] = field(default_factory=set)
    track: int = 0
    dogleg: tuple[int, int] | None = None  # column in which it goes on, and its second track

    @property
    def straight(self) -> bool:
        return len(self.top | self.bottom) == 1 and bool(self.top) and bool(self.bottom)


_Key = tuple[int, int, int]
"""Of a net: source, port, and for a way back between its ends the wire, else -1."""


def laid_out(graph: Network, layers: Layers, sizes: Sequence[tuple[int, int]]) -> Layout:
    """The layout for boxes of these (width, height)."""
    at = columns(graph, layers, [width for width, _ in sizes])
    depth = len(layers.rows)
    channels: list[dict[_Key, Net]] = [{} for _ in range(depth + 1)]
    hops = [_hops(graph, layers, at, index) for index in range(len(graph.wires))]
    for way in hops:
        for channel, key, (x, above), (end, under) in way:
            net = channels[channel].setdefault(key, Net())
            (net.top if above else net.bottom).add(x)
            (net.top if under else net.bottom).add(end)
    heights = [tracks(list(nets.values())) for nets in channels]
    rows: list[int] = []  # first row of each channel
    y = 0
    for channel, height in enumerate(heights):
        rows.append(y)
        y += height
        if channel < depth:
            y += max(sizes[box][1] for box in layers.rows[channel] if not isinstance(box, Lane))
    frames = tuple(
        Frame(at.left[box], rows[layer] + heights[layer], *sizes[box]) for box, layer in enumerate(layers.layer)
    )
    routes = []
    for index, way in enumerate(hops):
        wire = graph.wires[index]
        source, target = frames[wire.source], frames[wire.target]
        points = [(way[0][2][0], source.y + source.height)]
        for channel, key, (x, _), (x2, _) in way:
            points += _bends(channels[channel][key], x, x2, rows[channel])
        points.append((way[-1][3][0], target.y - 1))
        routes.append(Route(_corners(points), index in layers.back))
    right = [frame.x + frame.width for frame in frames] + [x + 1 for route in routes for x, _ in route.points]
    return Layout(frames, tuple(routes), max(right, default=0), y)


Hop = tuple[int, _Key, tuple[int, bool], tuple[int, bool]]
"""One channel on the way of a wire: the channel, the net, and the (column, whether at the top) of its two ends."""


def _hops(graph: Network, layers: Layers, at: Columns, index: int) -> list[Hop]:
    wire = graph.wires[index]
    top, bottom = layers.layer[wire.source], layers.layer[wire.target]
    net = (wire.source, wire.port, -1)
    x = at.column(wire.source, ("out", wire.port))
    end = at.column(wire.target, ("in", index))
    if index in layers.back:
        up = at.ways[index]
        own = (wire.source, wire.port, index)
        through: list[Hop] = [(channel, own, (up, False), (up, True)) for channel in range(top, bottom, -1)]
        return [(top + 1, net, (x, True), (up, True)), *through, (bottom, own, (up, False), (end, False))]
    hops: list[Hop] = []
    for channel in range(top + 1, bottom + 1):
        below = end if channel == bottom else at.lanes[Lane(wire.source, wire.port), channel]
        hops.append((channel, net, (x, True), (below, False)))
        x = below
    return hops


def _bends(net: Net, x: int, end: int, first: int) -> list[Point]:
    """The corners of a net between two of its columns."""
    if net.straight:
        return [(x, first)]
    if net.dogleg is None:
        return [(x, first + net.track), (end, first + net.track)]
    middle, second = net.dogleg
    way = [(x, first + net.track), (middle, first + net.track), (middle, first + second), (end, first + second)]
    if x in net.top and end in net.top:  # it turns round in the upper part
        return [way[0], (end, first + net.track)]
    return way


def _corners(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points without those in the middle of a straight line."""
    kept: list[Point] = []
    for point in points:
        if kept and kept[-1] == point:
            continue
        if len(kept) > 1 and (kept[-2][0] == kept[-1][0] == point[0] or kept[-2][1] == kept[-1][1] == point[1]):
            kept[-1] = point
        else:
            kept.append(point)
    return tuple(kept)


@dataclass(slots=True)
class _Piece:
    """What gets one track: a net, or one half of a net with a dogleg."""

    net: Net
    top: set[int]
    bottom: set[int]
    second: bool = False

    @property
    def ends(self) -> tuple[int, int]:
        both = self.top | self.bottom
        return min(both), max(both)

    def must_be_above(self, other: _Piece) -> bool:
        if self.net is other.net:
            return other.second
        return bool(self.top & other.bottom)

    def cost_above(self, other: _Piece) -> int:
        """How often the two cross if this one has the higher track."""
        (low, high), (start, end) = self.ends, other.ends
        return sum(low < x < high for x in other.top) + sum(start < x < end for x in self.bottom)


def tracks(nets: Sequence[Net]) -> int:
    """Give every net of a channel its track; returns the height of the channel."""
    if not nets:
        return 0
    pieces = [_Piece(net, net.top, net.bottom) for net in nets if not net.straight]
    taken = {x for net in nets for x in net.top | net.bottom}
    placed: list[tuple[_Piece, int]] = []
    while pieces:
        free = [one for one in pieces if not any(other.must_be_above(one) for other in pieces if other is not one)]
        if not free:
            _split(pieces, taken)
            continue
        regret = [sum(one.cost_above(other) - other.cost_above(one) for other in pieces) for one in free]
        piece = free[regret.index(min(regret))]
        pieces.remove(piece)
        low, high = piece.ends
        track = 0
        for other, row in placed:
            start, end = other.ends
            if other.must_be_above(piece) or (start <= high + GAP - 1 and low <= end + GAP - 1):
                track = max(track, row + 1)
        placed.append((piece, track))
        if piece.second:
            assert piece.net.dogleg is not None
            piece.net.dogleg = (piece.net.dogleg[0], track)
        else:
            piece.net.track = track
    return max([row + 1 for _, row in placed], default=1)


def _split(pieces: list[_Piece], taken: set[int]) -> None:
    """Break a circle: the first net that is part of one goes on in a column that nobody else uses."""
    circle = pieces
    while True:  # leave out what keeps no other waiting
        kept = [one for one in circle if any(one.must_be_above(other) for other in circle if other is not one)]
        if len(kept) == len(circle):
            break
        circle = kept
    piece = circle[0]
    low, high = piece.ends
    middle = (low + high) // 2
    column = min((x for x in range(high + len(taken) + 2) if x not in taken), key=lambda x: (abs(x - middle), x))
    taken.add(column)
    piece.net.dogleg = (column, 0)
    pieces.remove(piece)
    pieces += [_Piece(piece.net, piece.top, {column}), _Piece(piece.net, {column}, piece.bottom, second=True)]
