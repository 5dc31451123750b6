"""The command line: parses, starts sessions, shows them, and turns outcomes into exit codes."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ampviz import __version__
from ampviz.errors import AmpvizError, UsageError
from ampviz.knobs import KNOBS

if TYPE_CHECKING:
    from ampviz.runtime.serve import ServeRequest
    from ampviz.runtime.spec import RunSpec

_RUN_EXAMPLES = """examples:
  ampviz run listred                          train with the live UI (on a terminal)
  ampviz run mnist --headless --workers 2 --max-active-keys 4 --target "accuracy>=0.97"
  ampviz run mnist --headless --json --epochs 1 --limit 100 > result.json
  ampviz run listred --replicas 2             two copies of the cell, averaged after each epoch
  ampviz run my_model.py:experiment --set cell.min_update_interval=10 --set cell.worker=1 --set cell.optimizer=adam

exit codes: 0 finished or target reached, 1 the run failed, 2 wrong usage, 130 interrupted (state saved)
"""
_EXAMPLES = """examples:
  ampviz run listred            train a recurrent network and watch it
  ampviz graph mnist            print the graph of a model
  ampviz data list              which data files are there
  ampviz resume CHECKPOINT      go on where an interrupted session stopped
"""


_CHOICES = {"placement": ("round-robin", "cost"), "replica_mode": ("average", "shared")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before numpy: one worker is one core, and sums keep one order
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except AmpvizError as error:
        print(f"ampviz: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 # the reader left; let nothing complain at exit
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("ampviz", description=__doc__, epilog=_EXAMPLES, formatter_class=plain)
    parser.description = "Asynchronous model-parallel training, with a visual debugger in the terminal."
    parser.add_argument("--version", action="version", version=f"ampviz {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = commands.add_parser("run", help="train", epilog=_RUN_EXAMPLES, formatter_class=plain)
    run.add_argument(
        "target", metavar="TARGET", help="mnist, listred, sst, babi15, qm9, file.py:function or package.module:function"
    )
    _session_options(run)
    _knob_options(run)
    _output_options(run)
    run.set_defaults(command=_run)

    resume = commands.add_parser("resume", help="go on from a checkpoint", formatter_class=plain)
    resume.add_argument("checkpoint", metavar="CHECKPOINT")
    resume.add_argument("--epochs", type=_positive, metavar="N", help="epochs in all")
    _output_options(resume)
    resume.set_defaults(command=_resume)

    graph = commands.add_parser("graph", help="print the graph of a model and its placement")
    graph.add_argument("target", metavar="TARGET")
    _model_options(graph)
    _knob_options(graph)
    graph.set_defaults(command=_graph)

    data = commands.add_parser("data", help="data files: list, fetch").add_subparsers(metavar="ACTION", required=True)
    data.add_parser("list", help="which data files are there").set_defaults(command=_data_list)
    fetch = data.add_parser("fetch", help="download a data set into the cache")
    fetch.add_argument("dataset", metavar="DATASET")
    fetch.set_defaults(command=_data_fetch)
    return parser


def _session_options(run: argparse.ArgumentParser) -> None:
    run.add_argument("--backend", choices=("inline", "process"), default="process", help="default: process")
    _model_options(run)
    run.add_argument("--epochs", type=_positive, metavar="N")
    run.add_argument("--limit", type=_positive, metavar="N", help="training instances an epoch")
    run.add_argument("--valid-limit", type=_positive, metavar="N", help="validation instances an epoch")
    run.add_argument("--target", dest="goal", metavar='"METRIC>=VALUE"', help="stop when an epoch reaches this")


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=_positive, default=2, metavar="N", help="default: 2")
    parser.add_argument("--replicas", type=_positive, default=1, metavar="N", help="copies of replicated layers")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")


def _knob_options(run: argparse.ArgumentParser) -> None:
    group = run.add_argument_group("knobs (all can be changed while it runs)")
    for option, name in (
        ("--max-active-keys", "max_active_keys"),
        ("--min-update-interval", "min_update_interval"),
        ("--max-batch", "max_batch"),
        ("--lr", "learning_rate"),
    ):
        knob = KNOBS[name]
        group.add_argument(option, dest=name, metavar="N" if knob.type is int else "X", help=knob.help)
    others = ", ".join(name for name in KNOBS)
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.KNOB=VALUE",
        help=f"one node's knob, or KNOB=VALUE for all. Knobs: {others}. Only at the start: NODE.worker=W places a "
        "node, placement=cost the others by their cost in a short profile (default: round-robin), NODE.optimizer=NAME "
        "(sgd, momentum, adam, adagrad), replica_mode=average or shared",
    )


def _output_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="no UI; the default without a terminal")
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON line on standard output")
    parser.add_argument("--record", metavar="FILE", help="write a recording (SQLite)")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"at least 1 is needed, got {value}")
    return value


def _run(options: argparse.Namespace) -> int:
    return _serve(_spec(options), None, options)


def _resume(options: argparse.Namespace) -> int:
    from pathlib import Path

    import msgspec

    from ampviz.runtime.checkpoint import load_checkpoint

    path = Path(options.checkpoint).resolve()
    checkpoint = load_checkpoint(path)
    changes: dict[str, Any] = {"recording": options.record}
    if options.epochs:
        changes["epochs"] = options.epochs
    return _serve(msgspec.structs.replace(checkpoint.spec, **changes), str(path), options)


def _spec(options: argparse.Namespace) -> RunSpec:
    import msgspec

    return msgspec.structs.replace(
        _model_spec(options),
        backend=options.backend,
        epochs=options.epochs,
        limit=options.limit,
        valid_limit=options.valid_limit,
        goal=options.goal,
        recording=options.record,
    )


def _model_spec(options: argparse.Namespace) -> RunSpec:
    """What `run` and `graph` have in common: the model, where its nodes go, and the knobs."""
    from ampviz.experiment import Variant
    from ampviz.runtime.spec import RunSpec

    knobs: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("max_active_keys", "min_update_interval", "max_batch", "learning_rate")
        if getattr(options, name) is not None
    }
    at_start: dict[str, Any] = {"placement": "round-robin", "replica_mode": None}
    workers: dict[str, int] = {}
    optimizers: dict[str, str] = {}
    for text in options.set:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            raise UsageError("not a setting", where="--set", expected="NODE.KNOB=VALUE", got=repr(text))
        if name.endswith(".worker"):
            workers[name.removesuffix(".worker")] = _worker(name, value)
        elif name.endswith(".optimizer"):
            optimizers[name.removesuffix(".optimizer")] = value
        elif name == "optimizer":
            raise UsageError(
                "one optimizer for all nodes is the model's own", where=name, expected="NODE.optimizer=NAME"
            )
        elif name in _CHOICES:
            at_start[name] = _choice(name, value)
        else:
            knobs[name] = value
    return RunSpec(
        target=options.target,
        workers=options.workers,
        seed=options.seed,
        knobs=knobs,
        placement=workers,
        placement_policy=at_start["placement"],
        variant=Variant(options.replicas, at_start["replica_mode"], optimizers),
    )


def _choice(name: str, value: str) -> str:
    if value not in _CHOICES[name]:
        raise UsageError("no such choice", where=name, expected=" or ".join(_CHOICES[name]), got=repr(value))
    return value


def _worker(name: str, value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError("not a worker", where=name, expected="a whole number", got=repr(value)) from None


def _serve(spec: RunSpec, resume: str | None, options: argparse.Namespace) -> int:
    from ampviz.runtime.rundir import make_run_folder
    from ampviz.runtime.serve import ServeRequest

    request = ServeRequest(spec, str(make_run_folder(spec.target)), resume)
    on_terminal = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))  # the UI draws on the last
    if options.headless or not on_terminal or os.environ.get("CI"):
        return _headless(request, options.json)
    return _watched(request, options.json)


def _headless(request: ServeRequest, as_json: bool) -> int:
    import uvloop
    from rich.console import Console

    from ampviz.headless import HeadlessProgress
    from ampviz.runtime.serve import make_session, serve

    session = make_session(request)
    console = Console(stderr=True)
    with HeadlessProgress(session.info(), console) as progress:
        served = uvloop.run(serve(session, progress.show))
    return _report(served.report, served.error, as_json, str(served.checkpoint or ""))


def _watched(request: ServeRequest, as_json: bool) -> int:
    from ampviz.watched import watch

    finished, checkpoint = watch(request)
    if finished is None:
        return 130
    return _report(finished.report, finished.error, as_json, checkpoint)


def _report(report: dict[str, Any], error: str, as_json: bool, checkpoint: str) -> int:
    """Print what is left to say, the JSON last; returns the exit code."""
    code = int(report["exit"])
    if error:
        print(f"ampviz: {error}", file=sys.stderr)
    if code == 130 and checkpoint:
        print(f"state saved; go on with: ampviz resume {checkpoint}", file=sys.stderr)
    if as_json:
        print(json.dumps(report), flush=True)
    return code


def _graph(options: argparse.Namespace) -> int:
    from ampviz.experiment import load_experiment
    from ampviz.runtime.profile import placed

    spec = _model_spec(options)
    experiment = load_experiment(spec.target)
    graph = experiment.graph(spec.variant)
    hosts, costs = placed(experiment, graph, spec, experiment.knob_values(graph, spec.knobs))
    print(graph, end="\n\n")
    for worker in range(spec.workers):
        hosted = [node for node in graph.nodes if hosts[node.id] == worker]
        share = sum(costs.nodes[node.id] for node in hosted) / sum(costs.nodes) if costs else 0.0
        measured = f" ({share:.0%} of the measured time)" if costs else ""
        print(f"worker {worker}{measured}: {' '.join(node.name for node in hosted) or '-'}")
    return 0


def _data_list(options: argparse.Namespace) -> int:
    from ampviz.data.files import FILES, find

    width = max(map(len, FILES))
    for file in FILES.values():
        path = find(file.name)
        print(f"{file.dataset:8} {file.name:{width}} {file.nbytes:>12,} bytes  {path or 'missing'}")
    return 0


def _data_fetch(options: argparse.Namespace) -> int:
    from ampviz.data.files import fetch

    for path in fetch(options.dataset):
        print(path)
    return 0
