"""The options that say what model to run and with which knobs, and what they come to."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from ampviz.errors import UsageError
from ampviz.knobs import KNOBS

if TYPE_CHECKING:
    from ampviz.runtime.spec import RunSpec

_CHOICES = {"placement": ("auto", "round-robin", "cost", "keys"), "replica_mode": ("average", "shared")}


def model_options(parser: argparse.ArgumentParser) -> None:
    """Where the nodes go, how many copies, and the seed."""
    parser.add_argument("--workers", type=positive, default=2, metavar="N", help="default: 2")
    parser.add_argument("--replicas", type=positive, default=1, metavar="N", help="copies of replicated layers")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")


def knob_options(run: argparse.ArgumentParser) -> None:
    """The knobs that have an option of their own, and `--set` for all."""
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
        "node, placement=round-robin or cost (of a short profile) the others, placement=keys every node on every "
        "worker (default: auto), NODE.optimizer=NAME (sgd, momentum, adam, adagrad), replica_mode=average or shared",
    )


def positive(text: str) -> int:
    """A whole number from 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"at least 1 is needed, got {value}")
    return value


def model_spec(options: argparse.Namespace) -> RunSpec:
    """What `run` and `graph` have in common: the model, where its nodes go, and the knobs."""
    from ampviz.experiment import Variant
    from ampviz.runtime.spec import RunSpec

    knobs: dict[str, Any] = {
        name: getattr(options, name)
        for name in ("max_active_keys", "min_update_interval", "max_batch", "learning_rate")
        if getattr(options, name) is not None
    }
    at_start: dict[str, Any] = {"placement": "auto", "replica_mode": None}
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
