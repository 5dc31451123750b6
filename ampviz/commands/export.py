"""`ampviz export`: a recording for other tools."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ampviz.errors import UsageError

if TYPE_CHECKING:
    from ampviz.telemetry.reading import Recording

_EXAMPLES = """examples:
  ampviz export --to perfetto                       the newest recording; open the file at ui.perfetto.dev
  ampviz export run.ampviz --to perfetto -o run.json.gz
  ampviz export run.ampviz --to csv -o results      writes results-metrics.csv and results-nodes.csv
  ampviz export run.ampviz --to tensorboard -o logs/run1
  ampviz export run.ampviz --to svg --at 12.5       the screen 12.5 s after the start

FILE is a recording, a run's folder, or the name of one (as in the first column of `ampviz ls`). Files that exist
already are kept, and refused. exit codes: 0 written, 2 wrong usage or no recording
"""

Progress = Callable[[float], None]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `export`."""
    plain = argparse.RawDescriptionHelpFormatter
    export = commands.add_parser(
        "export", help="write a recording for other tools", epilog=_EXAMPLES, formatter_class=plain
    )
    export.add_argument("file", metavar="FILE", nargs="?", help="a recording; default: the newest")
    export.add_argument("--to", choices=sorted([*_FORMATS, "svg"]), required=True, help="the format")
    export.add_argument("--at", type=float, metavar="SECONDS", help="svg: since the start; default: the end")
    export.add_argument("-o", "--out", metavar="OUT", help="where to; default: named by the session, in this folder")
    export.set_defaults(command=_export)


def _export(options: argparse.Namespace) -> int:
    from ampviz.commands.recordings import recording_called
    from ampviz.telemetry.reading import Recording

    with contextlib.closing(Recording(recording_called(options.file))) as recording, _progress() as progress:
        if options.to == "svg":
            written = _svg(recording, options.out, recording.end if options.at is None else options.at)
        elif options.at is not None:
            raise UsageError("only for --to svg", where="--at")
        else:
            written = _FORMATS[options.to](recording, options.out, progress)
    for path, what in written.items():
        print(f"{path}  {what}", file=sys.stderr)
    return 0


def _perfetto(recording: Recording, out: str | None, progress: Progress) -> dict[Path, str]:
    from ampviz.telemetry.export.chrome import write_chrome_trace

    path = Path(out or f"{recording.info.id}.json")
    with _new(path) as part, _text(part, packed=path.suffix == ".gz") as file:
        count = write_chrome_trace(recording, file, progress)
    start, end = recording.trace_span()
    told = f"{count:,} units of work, from {start:.1f} to {end:.1f} s" if count else "without trace: none was recorded"
    return {path: told}


def _csv(recording: Recording, out: str | None, progress: Progress) -> dict[Path, str]:
    from ampviz.telemetry.export.tables import write_metrics, write_nodes

    prefix = out or recording.info.id
    metrics, nodes = Path(f"{prefix}-metrics.csv"), Path(f"{prefix}-nodes.csv")
    with _new(metrics) as first, _new(nodes) as second:
        with first.open("w", newline="") as file:
            points = write_metrics(recording, file)
        with second.open("w", newline="") as file:
            rows = write_nodes(recording, file, progress)
    return {metrics: f"{points:,} rows", nodes: f"{rows:,} rows"}


def _tensorboard(recording: Recording, out: str | None, progress: Progress) -> dict[Path, str]:
    from ampviz.telemetry.export.tensorboard import write_tensorboard

    folder = Path(out or f"{recording.info.id}-tensorboard")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("exists already", where=str(folder), hint="-o names another folder")
    return {folder: f"{write_tensorboard(recording, folder, progress):,} values"}


def _svg(recording: Recording, out: str | None, at: float) -> dict[Path, str]:
    from ampviz.tui.picture import SIZE, picture

    path = Path(out or f"{recording.info.id}.svg")
    with _new(path) as part:
        part.write_text(picture(recording, at), encoding="utf-8")
    return {path: f"the screen at {at:.1f} s, {SIZE[0]} columns and {SIZE[1]} rows"}


_FORMATS: dict[str, Callable[[Recording, str | None, Progress], dict[Path, str]]] = {
    "perfetto": _perfetto,
    "csv": _csv,
    "tensorboard": _tensorboard,
}


def _text(path: Path, *, packed: bool) -> IO[str]:
    import gzip

    return gzip.open(path, "wt", compresslevel=3) if packed else path.open("w")


@contextlib.contextmanager
def _new(path: Path) -> Iterator[Path]:
    """Where to write what becomes the file when all went well; nothing is left where it did not."""
    if path.exists():
        raise UsageError("exists already", where=str(path), hint="-o names another file")
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("exporting", total=1.0)
        yield lambda share: bar.update(task, completed=share)
