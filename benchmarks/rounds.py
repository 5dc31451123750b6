"""Takes variants in turns and sums up what they measured."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def in_turns(variants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, dict[str, float]]:
    """Run every variant once a round; the median and the spread of what each returned."""
    seen: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds):
        for name, measure in variants.items():
            seen[name].append(measure())
            print(f"round {number + 1}/{rounds}  {name}: {seen[name][-1]:.4g}", file=sys.stderr)
    return {
        name: {"median": statistics.median(values), "low": min(values), "high": max(values)}
        for name, values in seen.items()
    }


def training_speed(arguments: Sequence[str]) -> float:
    """Training instances a second of `ampviz run` with these arguments, headless; ends the benchmark if it fails."""
    command = [sys.executable, "-m", "ampviz", "run", *arguments, "--headless", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return first_epoch_speed(done.stdout.splitlines()[-1])


def first_epoch_speed(line: str) -> float:
    """Training instances a second of the first epoch, from the JSON that `ampviz run` prints."""
    return float(json.loads(line)["epochs"][0]["instances_per_s"])


def show(name: str, result: Mapping[str, Any]) -> None:
    """Print one result as the JSON line of a benchmark."""
    print(json.dumps({"benchmark": name, **result}), flush=True)
