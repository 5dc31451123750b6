"""Takes variants in turns and sums up what they measured."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Mapping
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


def show(name: str, result: Mapping[str, Any]) -> None:
    """Print one result as the JSON line of a benchmark."""
    print(json.dumps({"benchmark": name, **result}), flush=True)
