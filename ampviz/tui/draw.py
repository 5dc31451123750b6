"""Small drawings of fixed width: sparkline, share bar, tables. Pure functions from data to rich Text."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ampviz.telemetry.snapshot import EpochReport, Event, place
from ampviz.tui.chart import marker_letter
from ampviz.tui.glyphs import DIM, GOOD, HOT, MARK, TRAIN, VALID, Glyphs, clock, drawable, number
from ampviz.tui.lint_table import count_found
from ampviz.tui.recent import NodeView
from ampviz.tui.view import View

_STALE_LIMIT = 4.0


def sparkline(values: Sequence[int], width: int, glyphs: Glyphs) -> str:
    """The last `width` values, oldest left, scaled to their largest; 0 is a blank."""
    shown = list(values)[max(0, len(values) - width) :]
    top = max(shown, default=0)
    levels = len(glyphs.levels) - 1
    marks = [glyphs.levels[-(-value * levels // top)] if value else glyphs.levels[0] for value in shown] if top else []
    return "".join(marks).rjust(width)


def share_bar(busy: float, waiting: float, width: int, glyphs: Glyphs) -> Text:
    """Busy, waiting and idle as one bar of `width` characters; what is not zero shows at least one."""
    filled = min(width, max(round(busy * width), 1 if busy > 0.005 else 0))
    shaded = min(width - filled, max(round(waiting * width), 1 if waiting > 0.005 else 0))
    bar = Text(glyphs.busy * filled, style=TRAIN)
    bar.append(glyphs.waiting * shaded, style=VALID)
    bar.append(glyphs.idle * (width - filled - shaded), style=DIM)
    return bar


def queue_table(
    rows: Sequence[NodeView],
    width: int,
    height: int,
    cursor: int,
    glyphs: Glyphs,
    first: int = 0,
    marks: Sequence[tuple[int, str]] = (),
) -> Text:
    """The queues: one line per node, from the row `first` on.

    `marks` are letters that stand above the history of so many ticks ago.
    """
    name_width = min(16, max([len(_shown_name(row)) for row in rows], default=4))
    fixed = 1 + name_width + 3 + 6 + 1 + 11 + 7 + 6 + 3
    history = max(0, min(40, width - fixed - 1))
    head = f" {'node'.ljust(name_width)} wk  queue {_history_head(history, marks)} busy/wait  upd/s  stale"
    text = Text(head[:width].ljust(width), style="bold", no_wrap=True)
    for index, row in enumerate(rows[first : first + max(1, height - 1)], first):
        text.append("\n")
        line = _queue_line(row, name_width, history, index == cursor, glyphs)
        line.truncate(width)
        text.append_text(line)
    return text


def _history_head(width: int, marks: Sequence[tuple[int, str]]) -> str:
    head = list("last"[:width].ljust(width))
    for ago, letter in marks:
        if len("last") < width - ago <= width:
            head[width - 1 - ago] = letter
    return "".join(head)


def _queue_line(row: NodeView, name_width: int, history: int, selected: bool, glyphs: Glyphs) -> Text:
    line = Text(glyphs.cursor if selected else " ", style="bold")
    line.append(_shown_name(row)[:name_width].ljust(name_width), style="bold" if row.learns else "")
    line.append(f" x{row.copies:<2d}" if row.copies else f" {place(row.worker):<3s}", style=DIM)
    line.append(f"{row.depth:5d} ", style="bold" if row.depth else DIM)
    line.append(sparkline(row.history, history, glyphs), style=TRAIN)
    line.append(" ")
    line.append_text(share_bar(row.busy, row.waiting, 10, glyphs))
    if row.learns:
        line.append(number(row.updates_per_s, 7))
        stale = row.staleness > _STALE_LIMIT
        line.append(number(row.staleness, 6), style=HOT if stale else "")
        line.append(" !" if stale else "", style=f"bold {HOT}")
    else:
        line.append(f"{glyphs.idle:>7}{glyphs.idle:>6}", style=DIM)
    return line


def _shown_name(row: NodeView) -> str:
    """A node's name, or for a copy of a layer, which stands below that, its number."""
    return f"  copy {row.name.removeprefix(row.part_of + '-')}" if row.part_of else row.name


def worker_table(view: View, width: int, glyphs: Glyphs) -> Text:
    """Workers: process, share of time at work and inside kernels, messages per second, frames unsent."""
    text = Text(f"worker {'pid':>8} {'at work':<16} kernels   msg/s unsent"[:width], style="bold", no_wrap=True)
    shares = view.recent.worker_shares()
    workers = view.snapshot.workers if view.snapshot else ()
    for index, (worker, (busy, kernel, messages)) in enumerate(zip(workers, shares, strict=True)):
        line = Text(f"w{index:<5d} {worker.pid:>8} ")
        line.append_text(share_bar(busy, 0.0, 10, glyphs))
        line.append(f" {busy:4.0%} {kernel:8.0%} {number(messages, 7)} {worker.unsent:6d}")
        line.truncate(width)
        text.append("\n").append_text(line)
    return text


def lettered(events: Sequence[Event]) -> list[str]:
    """The letter of the marker of each event on the charts, "" for those without one."""
    letters, count = [], 0
    for event in events:
        letters.append(marker_letter(count) if event.marker else "")
        count += bool(event.marker)
    return letters


def event_lines(
    events: Sequence[tuple[str, Event]], width: int, height: int, glyphs: Glyphs, first: int = 0, cursor: int = -1
) -> Text:
    """One line per event, with the letter of its marker, from the row `first` on."""
    lines = []
    for index, (letter, event) in enumerate(events[first : first + height], first):
        colour = {"ERROR": HOT, "KNOB": MARK, "TARGET": GOOD, "EPOCH": VALID}.get(event.kind, "")
        line = Text(glyphs.cursor if index == cursor else " ", style="bold", no_wrap=True)
        line.append(f"{clock(event.at)} ", style=f"not bold {DIM}")
        line.append(f"{event.kind:<10}", style=colour)
        line.append(f" {letter}" if letter else "", style=MARK)
        line.append(f" {drawable(event.text, glyphs)}", style="not bold")
        line.truncate(width, overflow="ellipsis" if glyphs.braille else "crop")
        lines.append(line)
    return Text("\n").join(lines)


def trend(epochs: Sequence[EpochReport], glyphs: Glyphs) -> str:
    """An arrow for where the validation loss went with the last epoch; "" before there are two."""
    losses = [report.valid_loss for report in epochs if report.valid_loss is not None]
    if len(losses) < 2:
        return ""
    if losses[-1] == losses[-2]:
        return glyphs.flat
    return glyphs.down if losses[-1] < losses[-2] else glyphs.up


def status_line(view: View, width: int, glyphs: Glyphs) -> Text:
    """The header: what, state, epoch, throughput, losses, time."""
    snapshot = view.snapshot
    state = view.status_words
    glyph = glyphs.paused if "PAUSED" in state else glyphs.running if state.startswith("RUN") else glyphs.stopped
    if view.replayed:
        glyph = glyphs.unset
    colour = {"RUN": GOOD, "PAUSED": VALID, "FAILED": HOT, "LOST": HOT}.get(state.split(" ")[0], "")
    line = Text(f" ampviz {view.info.target} ", style="bold", no_wrap=True)
    line.append(f" {glyph} {state} ", style=f"bold reverse {colour}".strip())
    line.truncate(width)
    if snapshot is None:
        return line
    parts = [f"stopped by {snapshot.stopped_by}"] if snapshot.stopped_by else []
    lints = count_found(snapshot.lints)
    if lints:
        parts.append(f"! {lints} lint{'s' if lints > 1 else ''}")
    if snapshot.skipped:
        parts.append(f"! {number(snapshot.skipped)} skipped")
    if view.recent.units_lost:
        parts.append(f"! {number(view.recent.units_lost)} lost")
    parts += [
        f"epoch {snapshot.epoch}/{view.info.epochs} {snapshot.phase} {snapshot.epoch_done}/{snapshot.epoch_size}",
        f"{number(snapshot.instances_per_s)} inst/s",
        f"in flight {snapshot.in_flight_count}",
    ]
    epochs = view.past.epochs
    if view.past.points:
        parts.append(f"train {view.train_curve()[1][-1]:.3f}")
    if epochs and epochs[-1].valid_loss is not None:
        parts.append(f"valid {epochs[-1].valid_loss:.3f}{trend(epochs, glyphs)}")
    if epochs:
        parts += [f"{name} {value:.3f}" for name, value in epochs[-1].metrics.items()]
    parts += [f"{number(snapshot.rows_per_s)} rows/s", clock(snapshot.at)]
    parts += [f"{snapshot.viewers} viewers"] if snapshot.viewers > 1 else []
    for part in parts:
        if line.cell_len + len(part) + 3 <= width:
            line.append("  " + part)
    return line
