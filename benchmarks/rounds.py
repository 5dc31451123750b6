"""Takes variants in turns and sums up what they measured; what the benchmarks' command lines have in common."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from benchmarks.session import measured


def options(
    doc: str | None,
    *,
    rounds: int | None = None,
    seconds: float | None = None,
    workloads: Iterable[str] = (),
    default: Sequence[str] = (),
) -> argparse.ArgumentParser:
    """A parser with the module's own text as help, and those of the usual options that there is a default for.

    Of `workloads` any may be named; without a default all of them are meant where none is.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = list(workloads)
    if names:
        words = f"{', '.join(names)}; default: {', '.join(default) or 'all'}"
        parser.add_argument("workloads", nargs="*", default=default or names, metavar="WORKLOAD", help=words)
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, metavar="N", help=f"default: {rounds}")
    if seconds is not None:
        words = f"of each measurement, default: {seconds:g}"
        parser.add_argument("--seconds", type=float, default=seconds, metavar="X", help=words)
    return parser


def in_turns(variants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, dict[str, Any]]:
    """Run every variant once a round; the median and the spread of what each returned, and all of it in order."""
    seen: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        for name, measure in variants.items():
            seen[name].append(measure())
            print(f"round {number + 1}/{rounds}  {name}: {seen[name][-1]:.4g}", file=sys.stderr)
    return {name: {**spread(values), "rounds": values} for name, values in seen.items()}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, smallest and largest."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def ratio(over: Mapping[str, Any], under: Mapping[str, Any]) -> dict[str, float]:
    """What two variants of `in_turns` come to, round by round: the clock drifts between rounds, hardly within one."""
    return spread([a / b for a, b in zip(over["rounds"], under["rounds"], strict=True)])


def training_speed(arguments: Sequence[str]) -> float:
    """Training instances a second of `ampviz run` with these arguments, headless; ends the benchmark if it fails."""
    return float(measured(arguments).epochs[0]["instances_per_s"])


def first_epoch_speed(line: str) -> float:
    """Training instances a second of the first epoch, from the JSON that `ampviz run` prints."""
    return float(json.loads(line)["epochs"][0]["instances_per_s"])


def show(name: str, result: Mapping[str, Any]) -> None:
    """Print one result as the JSON line of a benchmark."""
    print(json.dumps({"benchmark": name, **result}), flush=True)
