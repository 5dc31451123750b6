"""`ampviz run` and `ampviz resume`: start a session, show it or not, and report its outcome."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ampviz.commands.ending import after_watching, report_outcome, say_how_to_attach
from ampviz.commands.settings import knob_options, model_options, model_spec, positive
from ampviz.errors import UsageError
from ampviz.terminal import on_terminal

if TYPE_CHECKING:
    from pathlib import Path

    from ampviz.runtime.serve import ServeRequest
    from ampviz.runtime.spec import RunSpec

_RECORD_MB = 64
_EXAMPLES = """examples:
  ampviz run listred                          train with the live UI (on a terminal)
  ampviz run mnist --headless --workers 2 --max-active-keys 4 --target "accuracy>=0.97"
  ampviz run mnist --headless --json --epochs 1 --limit 100 > result.json
  ampviz run listred --detach                 in the background: ampviz ls, ampviz attach
  ampviz run listred --replicas 2             two copies of the cell, averaged after each epoch
  ampviz run my_model.py:experiment --set cell.min_update_interval=10 --set cell.worker=1 --set cell.optimizer=adam

exit codes: 0 finished or target reached, 1 the run failed, 2 wrong usage, 130 interrupted (state saved)
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `run` and `resume`."""
    plain = argparse.RawDescriptionHelpFormatter
    run = commands.add_parser("run", help="train", epilog=_EXAMPLES, formatter_class=plain)
    run.add_argument(
        "target", metavar="TARGET", help="mnist, listred, sst, babi15, qm9, file.py:function or package.module:function"
    )
    _session_options(run)
    knob_options(run)
    _output_options(run)
    _detach_option(run)
    run.set_defaults(command=_run)

    resume = commands.add_parser("resume", help="go on from a checkpoint", formatter_class=plain)
    resume.add_argument("checkpoint", metavar="CHECKPOINT")
    resume.add_argument("--epochs", type=positive, metavar="N", help="epochs in all")
    _output_options(resume)
    _detach_option(resume)
    resume.set_defaults(command=_resume)


def _session_options(run: argparse.ArgumentParser) -> None:
    run.add_argument("--backend", choices=("inline", "process"), default="process", help="default: process")
    model_options(run)
    run.add_argument("--epochs", type=positive, metavar="N")
    run.add_argument("--limit", type=positive, metavar="N", help="training instances an epoch")
    run.add_argument("--valid-limit", type=positive, metavar="N", help="validation instances an epoch")
    run.add_argument("--target", dest="goal", metavar='"METRIC>=VALUE"', help="stop when an epoch reaches this")


def _output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="no UI; the default without a terminal")
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON line on standard output")
    record = parser.add_mutually_exclusive_group()
    record.add_argument("--record", metavar="FILE", help="write the recording (SQLite) here, not into the run's folder")
    record.add_argument("--no-record", action="store_true", help="write no recording")
    parser.add_argument(
        "--record-limit",
        type=positive,
        default=_RECORD_MB,
        metavar="MB",
        help=f"size of a recording, default: {_RECORD_MB}",
    )


def _detach_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--detach", action="store_true", help="start it in the background, print its id, and leave (see ampviz attach)"
    )


def _run(options: argparse.Namespace) -> int:
    return _serve(_spec(options), None, options)


def _resume(options: argparse.Namespace) -> int:
    import msgspec

    from ampviz.runtime.checkpoint import load_checkpoint

    path = Path(options.checkpoint).resolve()
    checkpoint = load_checkpoint(path)
    changes: dict[str, Any] = {}
    if options.epochs:
        changes["epochs"] = options.epochs
    return _serve(msgspec.structs.replace(checkpoint.spec, **changes), str(path), options)


def _spec(options: argparse.Namespace) -> RunSpec:
    import msgspec

    return msgspec.structs.replace(
        model_spec(options),
        backend=options.backend,
        epochs=options.epochs,
        limit=options.limit,
        valid_limit=options.valid_limit,
        goal=options.goal,
    )


def _serve(spec: RunSpec, resume: str | None, options: argparse.Namespace) -> int:
    from ampviz.runtime.rundir import drop_run_folder, make_run_folder
    from ampviz.runtime.serve import ServeRequest

    folder = make_run_folder(spec.target)
    request = ServeRequest(_recorded(spec, folder, options), str(folder), resume)
    headless = options.headless or not on_terminal() or os.environ.get("CI")
    serve = _detached if options.detach else _headless if headless else _watched
    try:
        return serve(request, options.json)
    except UsageError:  # nothing was started
        drop_run_folder(folder)
        raise


def _recorded(spec: RunSpec, folder: Path, options: argparse.Namespace) -> RunSpec:
    """The spec with where it is recorded: in its run folder unless the command line says otherwise."""
    import msgspec

    from ampviz.runtime.rundir import RECORDING

    path = None if options.no_record else options.record or str(folder / RECORDING)
    return msgspec.structs.replace(spec, recording=path, recording_mb=options.record_limit)


def _detached(request: ServeRequest, as_json: bool) -> int:
    from ampviz.launched import detached

    info = detached(request)
    print(json.dumps({"id": info.id, "pid": info.pid, "folder": request.folder}) if as_json else info.id)
    say_how_to_attach(info.id)
    return 0


def _headless(request: ServeRequest, as_json: bool) -> int:
    import uvloop
    from rich.console import Console

    from ampviz.headless import HeadlessProgress
    from ampviz.runtime.serve import make_session, serve
    from ampviz.telemetry.link import Finished

    session = make_session(request)
    console = Console(stderr=True)
    with HeadlessProgress(session.info(), console) as progress:
        served = uvloop.run(serve(session, progress.show, watched=console.is_terminal))
    return report_outcome(Finished(served.report["exit"], served.error, served.report), Path(request.folder), as_json)


def _watched(request: ServeRequest, as_json: bool) -> int:
    from ampviz.watched import watch

    return after_watching(watch(request), Path(request.folder), as_json)
