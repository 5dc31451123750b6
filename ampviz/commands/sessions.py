"""`ampviz ls` and `ampviz attach`: the sessions of this user, and the UI on one of them."""

from __future__ import annotations

import argparse
import difflib
import json
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ampviz.commands.ending import after_watching
from ampviz.errors import LinkError, UsageError
from ampviz.terminal import on_terminal

if TYPE_CHECKING:
    from ampviz.listed import Listed
    from ampviz.runtime.catalogue import Entry

_HEADS = ("id", "target", "status", "epoch", "inst/s", "pid", "started", "viewers")
_NUMBERS = {"epoch", "inst/s", "pid", "viewers"}
_DISPENSABLE = ("started", "target", "viewers", "pid")  # the first two are in the id
_LEAST_TARGET = 8


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `ls` and `attach`."""
    ls = commands.add_parser("ls", help="list sessions: live, ended, died")
    ls.add_argument("--json", action="store_true", help="one JSON object a line")
    ls.set_defaults(command=_ls)

    attach = commands.add_parser("attach", help="open the UI on a session that is under way")
    attach.add_argument("id", metavar="ID", nargs="?", help="or the beginning of it; default: the newest that lives")
    attach.add_argument("--control", action="store_true", help="steer it from the start; else it is read-only")
    attach.add_argument("--json", action="store_true", help="print its outcome as one JSON line if it has ended")
    attach.set_defaults(command=_attach)


def _ls(options: argparse.Namespace) -> int:
    import msgspec

    from ampviz.listed import listed
    from ampviz.runtime.rundir import runs_root

    sessions = listed(runs_root())
    if options.json:
        for session in sessions:
            print(msgspec.json.encode(session).decode())
    elif not sessions:
        print("no sessions: ampviz run TARGET starts one", file=sys.stderr)
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        print("\n".join(table(sessions, width)))
    return 0


def table(sessions: Sequence[Listed], width: int | None = None) -> list[str]:
    """The lines for people. Where the width is too small targets are cut and columns left out, ids never."""
    rows = [dict(zip(_HEADS, cells, strict=True)) for cells in (_HEADS, *map(_cells, sessions))]
    heads = list(_HEADS)
    for dispensable in ("", *_DISPENSABLE):
        heads = [head for head in heads if head != dispensable]
        widths = {head: max(len(row[head]) for row in rows) for head in heads}
        excess = 0 if width is None else sum(widths.values()) + 2 * (len(heads) - 1) - width
        if excess > 0 and "target" in widths:
            spared = min(excess, max(0, widths["target"] - _LEAST_TARGET))
            widths["target"] -= spared
            excess -= spared
        if excess <= 0:
            break
    return ["  ".join(_aligned(head, row[head], size) for head, size in widths.items()).rstrip() for row in rows]


def _aligned(head: str, cell: str, size: int) -> str:
    return cell[-size:].rjust(size) if head in _NUMBERS else cell[-size:].ljust(size)


def _cells(session: Listed) -> tuple[str, ...]:
    rate = session.instances_per_s
    return (
        session.id,
        session.target,
        session.status,
        f"{'-' if session.epoch is None else session.epoch}/{session.epochs}",
        "-" if rate is None else f"{rate:,.0f}",
        str(session.pid),
        session.started[5:16].replace("T", " "),
        str(session.viewers),
    )


def _attach(options: argparse.Namespace) -> int:
    from ampviz.runtime.catalogue import catalogue
    from ampviz.runtime.rundir import runs_root

    entry = chosen(catalogue(runs_root()), options.id)
    if not entry.live:
        return _ended(entry, options.json)
    if not on_terminal():
        raise UsageError("the UI needs a terminal", hint="ampviz ls shows what sessions do")
    return _show(entry, options)


def chosen(entries: Sequence[Entry], text: str | None) -> Entry:
    """The session of an id or of a beginning that only one id has; the newest live one where nothing is given."""
    if text is None:
        live = [entry for entry in entries if entry.live]
        if not live:
            raise UsageError("no session is under way", hint="ampviz run TARGET --detach starts one, ampviz ls lists")
        return live[-1]
    exact = [entry for entry in entries if entry.info.id == text]
    found = exact or [entry for entry in entries if entry.info.id.startswith(text)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"several sessions begin with {text!r}", hint=", ".join(e.info.id for e in found[::-1][:3]))
    near = difflib.get_close_matches(text, [entry.info.id for entry in entries], 3, 0.3)
    hint = f"did you mean {' or '.join(near)}?" if near else "ampviz ls lists them"
    raise UsageError(f"no session is called {text!r}", hint=hint)


def _show(entry: Entry, options: argparse.Namespace) -> int:
    from ampviz.runtime.catalogue import is_live, look_up
    from ampviz.watched import Watched, attach

    try:
        watched = attach(entry.folder, control=options.control)
    except LinkError:
        if is_live(entry.folder):
            raise
        watched = Watched(None)  # it ended before the UI was there
    if watched.finished is None and not watched.broken:
        now = look_up(entry.folder) or entry
        if not now.live:
            return _ended(now, options.json)
        watched = Watched(None, detached=True)
    return after_watching(watched, entry.folder, options.json)


def _ended(entry: Entry, as_json: bool) -> int:
    """Say how a session has ended, in one line; returns its exit code, 1 where it died without one."""
    if as_json and entry.outcome:
        print(json.dumps(entry.outcome.report))
    else:
        print(outcome_line(entry))
    return entry.outcome.exit if entry.outcome else 1


def outcome_line(entry: Entry) -> str:
    """How a session has ended, and how to go on where that can be."""
    name, outcome, checkpoint = entry.info.id, entry.outcome, entry.folder / "checkpoint.safetensors"
    again = f"; go on with: ampviz resume {checkpoint}" if checkpoint.exists() else ""
    if outcome is None:
        return f"{name} died without an outcome, its log: {entry.folder / 'log'}{again}"
    if outcome.exit == 1:
        return f"{name} failed: {outcome.error}{again}"
    epochs = outcome.report.get("epochs", [])
    words = f"after {len(epochs)} of {entry.info.epochs} epochs"
    if epochs:
        words += f", train loss {epochs[-1]['train_loss']:.4f}"
        words += "".join(f", {metric} {value:.4f}" for metric, value in epochs[-1]["metrics"].items())
    return f"{name} was interrupted {words}{again}" if outcome.exit == 130 else f"{name} finished {words}"
