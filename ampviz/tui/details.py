"""Drawings of what an inspection shows: arrays, messages, nodes from inside, instances. Pure functions to rich Text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rich.text import Text

from ampviz.knobs import Value
from ampviz.message import Token
from ampviz.telemetry.inspection import ArraySummary, Hop, KeyDetail, MessageDetail, NodeDetail, ParameterDetail
from ampviz.telemetry.snapshot import NodeInfo, NodeStats
from ampviz.telemetry.snapshot import place as where
from ampviz.tui.draw import sparkline
from ampviz.tui.glyphs import DIM, HOT, TRAIN, Glyphs, age
from ampviz.tui.view import View

_BAR = 24  # columns of the longest bar of a histogram
_FIRST = 6  # elements of an array that are shown


def figure(value: float) -> str:
    """A number in three significant digits: 0.0123, 3.14, 1.2e+05."""
    return f"{value:.3g}"


def array_lines(array: ArraySummary, glyphs: Glyphs) -> list[Text]:
    """One array: type, shape and statistics; its distribution and first elements. nan and inf where there are some."""
    shape = "x".join(map(str, array.shape)) or "scalar"
    line = Text(
        f"{array.dtype} {shape}  min {figure(array.minimum)}  max {figure(array.maximum)}  mean {figure(array.mean)}"
        f"  norm {figure(array.norm)}"
    )
    for count, name in ((array.nans, "nan"), (array.infs, "inf")):
        if count:
            line.append(f"  {count} {name}", style=f"bold {HOT}")
    if not array.first:
        return [line]
    below = Text("  ").append(sparkline(array.histogram, len(array.histogram), glyphs), style=TRAIN)
    more = f" {_more(glyphs)}" if math.prod(array.shape) > _FIRST else ""
    below.append(f"  first {' '.join(map(figure, array.first[:_FIRST]))}{more}", style=DIM)
    return [line, below]


def message_lines(detail: MessageDetail, width: int, glyphs: Glyphs) -> Text:
    """A message in a queue, or what is remembered of it."""
    place = "in the queue" if detail.place == "queue" else "remembered"
    lines = [Text(detail.token, style="bold").append(f"  {place} on w{detail.worker}", style=DIM)]
    if not detail.payload:
        waits = detail.place == "queue" and Token.parse(detail.token).action == "B"
        lines.append(Text("no gradient: there was nothing to differentiate" if waits else "no arrays"))
    for array in detail.payload:
        lines += array_lines(array, glyphs)
    if detail.version_then >= 0:
        stale = detail.version_now - detail.version_then
        lines.append(
            Text(f"version {detail.version_then} when it went forward, {detail.version_now} now, {stale} apart")
        )
    elif detail.version_now >= 0:
        lines.append(Text(f"version {detail.version_now} of the parameters will meet it"))
    return _joined(lines, width)


def update_interval(info: NodeInfo, knobs: Mapping[str, Value]) -> int:
    """The gradients that a node collects before it updates."""
    names = (f"{info.name}.min_update_interval", f"{info.part_of}.min_update_interval", "min_update_interval")
    return int(next((knobs[name] for name in names if name in knobs), 1))


def node_heading(info: NodeInfo, stats: NodeStats, interval: int, detail: NodeDetail | None, width: int) -> Text:
    """What a node is and how far it has come."""
    first = Text(info.name, style="bold")
    first.append(f"  {info.kind}{' ' + info.note if info.note else ''}  {where(info.worker)}", style="not bold")
    first.append(f"  {info.line}" if info.line else "", style=DIM)
    lines = [first]
    if info.parameters:
        words = f"version {stats.updates}  gradients {stats.pending}/{interval}"
        if stats.gradient_norm:
            words += f"  gradient norm {figure(stats.gradient_norm)}"
        lines.append(Text(words))
    if detail is not None and detail.held:
        lines.append(Text("held: it waits although messages do", style="bold"))
    return _joined(lines, width)


def staleness_lines(stats: NodeStats, width: int, room: int, glyphs: Glyphs) -> Text:
    """The staleness of the gradients a node has taken: figures, then a bar for each value, the last for all above."""
    counts = list(stats.staleness)
    total = sum(counts)
    if not total:
        return Text("staleness: no gradients yet", style=DIM)
    words = f"staleness  mean {stats.staleness_mean:.1f}  p95 {_percentile(counts, 0.95)}  max {stats.staleness_max}"
    lines = [Text(words)]
    shown = max(index for index, count in enumerate(counts) if count) + 1
    if shown > room > 0:
        counts = [*counts[: room - 1], sum(counts[room - 1 :])]
    top = max(counts)
    for value, count in enumerate(counts[: min(shown, room)]):
        last = "+" if value + 1 == room < shown else " "
        line = Text(f"{value:4d}{last} ")
        line.append(glyphs.busy * max(round(count / top * _BAR), 1 if count else 0), style=TRAIN)
        lines.append(line.append(f" {count}", style=DIM))
    return _joined(lines, width)


def parameter_lines(parameters: Sequence[ParameterDetail], width: int, glyphs: Glyphs) -> Text:
    """The parameters of a node, and what has been collected of their gradients."""
    if not parameters:
        return Text()
    rows = [
        (each.name, "x".join(map(str, each.value.shape)), figure(each.value.norm), _collected(each.gradient))
        for each in parameters
    ]
    widths = [max(map(len, column)) for column in zip(*rows, ("parameter", "shape", "norm", "gradient"), strict=True)]
    heads = ("parameter", "shape", "norm", "gradient")
    lines = [Text("  ".join(head.ljust(size) for head, size in zip(heads, widths, strict=True)), style="bold")]
    for row, each in zip(rows, parameters, strict=True):
        line = Text("  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)) + "  ")
        lines.append(line.append(sparkline(each.value.histogram, len(each.value.histogram), glyphs), style=TRAIN))
    return _joined(lines, width)


def waiting_lines(detail: NodeDetail, width: int, glyphs: Glyphs) -> Text:
    """What waits at a node and what it remembers: how much, and as many names as fit."""
    lines = []
    for count, words, tokens in (
        (detail.queued_forward, "forward", detail.forward),
        (detail.queued_backward, "backward", detail.backward),
        (detail.cached, "remembered", detail.remembered),
    ):
        line = Text(f"{words:<10} {count:4d}", style="" if count else DIM)
        for index, token in enumerate(tokens):
            name = token.partition(" ")[2] if words != "remembered" else token.removeprefix(f"{detail.node}.")
            text = f"  {name}"
            last = index + 1 == len(tokens) == count
            if line.cell_len + len(text) + (0 if last else 2) > width:
                line.append(f" {_more(glyphs)}")
                break
            line.append(text, style=DIM)
        lines.append(line)
    return _joined(lines, width)


def key_heading(detail: KeyDetail, width: int) -> Text:
    """What an instance is and where."""
    kind = "training" if detail.key >= 0 else "validation"
    first = Text(f"key {detail.key}", style="bold").append(
        f"  {kind}, in flight for {age(detail.age_s)}", style="not bold"
    )
    words = f"messages waiting {detail.queued}, remembered {detail.cached}, units of work {len(detail.path)}"
    lines = [first, Text(words + ("" if detail.complete else " (the oldest are not known any more)"))]
    return _joined(lines, width)


def node_summary(view: View, detail: NodeDetail, width: int, glyphs: Glyphs) -> Text:
    """The heading and the parameters of a node."""
    if view.snapshot is None or detail.node not in view.names:
        return Text(detail.node)
    index = view.names.index(detail.node)
    info, stats = view.info.nodes[index], view.snapshot.nodes[index]
    heading = node_heading(info, stats, update_interval(info, view.snapshot.knobs), detail, width)
    parameters = parameter_lines(detail.parameters, width, glyphs)
    return Text("\n", no_wrap=True).join(part for part in (heading, parameters) if part)


def hop_line(hop: Hop, first: Hop) -> Text:
    """One unit of work of an instance: since its first one, what, where, and how long it took."""
    line = Text(f"  +{age(hop.at - first.at):<7} {hop.token:<20}")
    return line.append(f" w{hop.worker}  took {hop.duration_s * 1e6:.0f} us", style=DIM)


def _collected(gradient: ArraySummary | None) -> str:
    return "none yet" if gradient is None else f"norm {figure(gradient.norm)}"


def _percentile(counts: Sequence[int], share: float) -> int:
    """The value that at least this share does not exceed."""
    left = share * sum(counts)
    for value, count in enumerate(counts):
        left -= count
        if left <= 1e-9:
            return value
    return len(counts) - 1


def _more(glyphs: Glyphs) -> str:
    return "…" if glyphs.braille else ".."


def _joined(lines: Sequence[Text], width: int) -> Text:
    for line in lines:
        line.truncate(max(1, width))
    return Text("\n", no_wrap=True).join(lines)
