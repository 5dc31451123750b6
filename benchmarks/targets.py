"""The workloads of the paper to their targets: epochs, seconds, speed of each run; writes docs/results.md.

    python -m benchmarks.targets [NAME ...] [--seeds N] [--write]

Needs the data sets (AMPVIZ_DATA). Minutes to an hour, by what is asked for.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.rounds import show

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
RUNS = {
    "mnist": ("mnist", "--max-active-keys", "4", "--target", "accuracy>=0.97", "--epochs", "5"),
    "mnist, 1 key": ("mnist", "--max-active-keys", "1", "--target", "accuracy>=0.97", "--epochs", "5"),
    "listred": ("listred", "--max-active-keys", "4", "--target", "accuracy>=0.97", "--epochs", "12"),
    "listred, 1 key": ("listred", "--max-active-keys", "1", "--target", "accuracy>=0.97", "--epochs", "12"),
    "listred, 2 replicas": ("listred", "--replicas", "2", "--target", "accuracy>=0.97", "--epochs", "12"),
    "sst": ("sst", "--max-active-keys", "16", "--target", "accuracy>=0.82", "--epochs", "5"),
    "babi15": ("babi15", "--target", "accuracy>=1.0", "--epochs", "3"),
    "qm9": ("qm9", "--target", "error_ratio<=7.0", "--epochs", "4"),
}
HEAD = ("run", "command", "reached", "epochs", "seconds", "instances/s", "last metric")


def run(arguments: tuple[str, ...], seed: int) -> dict[str, Any]:
    """One run on two workers; its outcome, with what it took from start to end."""
    command = [sys.executable, "-m", "ampviz", "run", *arguments, "--workers", "2", "--seed", str(seed)]
    began = time.perf_counter()
    done = subprocess.run([*command, "--headless", "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "whole_s": time.perf_counter() - began}


def summary(name: str, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    """What the runs of all seeds come to: medians, and how many reached the target."""
    arguments = RUNS[name]
    metric, _, wanted = arguments[arguments.index("--target") + 1].replace("<=", ">=").partition(">=")
    lower = "<=" in " ".join(arguments)
    last = [outcome["epochs"][-1]["metrics"][metric] for outcome in outcomes]
    reached = [value <= float(wanted) if lower else value >= float(wanted) for value in last]
    speeds = [statistics.median(epoch["instances_per_s"] for epoch in outcome["epochs"]) for outcome in outcomes]
    return {
        "run": name,
        "command": shlex.join(["ampviz", "run", *arguments, "--workers", "2"]),
        "reached": f"{sum(reached)} of {len(reached)}",
        "epochs": [len(outcome["epochs"]) for outcome in outcomes],
        "seconds": statistics.median(outcome["whole_s"] for outcome in outcomes),
        "instances_per_s": statistics.median(speeds),
        "last": last,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The page docs/results.md."""
    lines = [
        "# Results",
        "",
        f"Made by `python -m benchmarks.targets --write` on {time.strftime('%Y-%m-%d')}: two worker processes on "
        f"{platform.processor() or platform.machine()}, seeds 0, 1, ...; seconds and instances/s are medians.",
        "",
        f"| {' | '.join(HEAD)} |",
        "|" + "---|" * len(HEAD),
    ]
    for row in rows:
        cells = [
            row["run"], f"`{row['command']}`", row["reached"], ", ".join(map(str, row["epochs"])),
            f"{row['seconds']:.0f}", f"{row['instances_per_s']:,.0f}",
            ", ".join(f"{value:.4g}" for value in row["last"]),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RUNS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    rows = []
    for name in options.names or RUNS:
        outcomes = []
        for seed in range(options.seeds):
            outcomes.append(run(RUNS[name], seed))
            print(f"{name}, seed {seed}: {len(outcomes[-1]['epochs'])} epochs", file=sys.stderr)
        rows.append(summary(name, outcomes))
        show("targets", rows[-1])
        if options.write:
            RESULTS.write_text(table(rows))


if __name__ == "__main__":
    main()
