"""The workloads of the paper to their targets: epochs, seconds, speed of each run; writes docs/results.md.

    python -m benchmarks.targets [NAME ...] [--seeds N] [--outcomes FOLDER] [--write]

Needs the data sets (AMPVIZ_DATA). Minutes to hours, by what is asked for; with `--outcomes` a second start goes on
where the first was cut off. Rows of runs that are not asked for stay on the page as they are.
"""

from __future__ import annotations

import json
import platform
import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from ampviz.runtime.goal import Goal
from ampviz.telemetry.snapshot import EpochReport
from benchmarks.rounds import options, show
from benchmarks.session import installed

RESULTS = Path(__file__).parents[1] / "docs" / "results.md"
MNIST = ("--target", "accuracy>=0.97", "--epochs", "5")
LISTRED = ("--target", "accuracy>=0.97", "--epochs", "12")
SST = ("--target", "accuracy>=0.82", "--epochs", "5")
BABI = ("--target", "accuracy>=1.0", "--epochs", "3")
QM9 = ("--target", "error_ratio<=7.0", "--epochs", "4")
RUNS = {
    "mnist": ("mnist", "--max-active-keys", "4", *MNIST),
    "mnist, 1 key": ("mnist", "--max-active-keys", "1", *MNIST),
    "listred": ("listred", "--max-active-keys", "4", *LISTRED),
    "listred, 1 key": ("listred", "--max-active-keys", "1", *LISTRED),
    "listred, 2 replicas": ("listred", "--replicas", "2", "--max-active-keys", "4", *LISTRED),
    "sst, 16 keys": ("sst", "--max-active-keys", "16", *SST),
    "sst, 8 keys": ("sst", "--max-active-keys", "8", *SST),
    "sst, 1 key": ("sst", "--max-active-keys", "1", *SST),
    "babi15": ("babi15", "--max-active-keys", "16", *BABI),
    "babi15, 1 key": ("babi15", "--max-active-keys", "1", *BABI),
    "babi15, 54 nodes": ("demos/babi15.py:babi15_inflated", "--max-active-keys", "16", *BABI),
    "qm9": ("qm9", "--max-active-keys", "16", *QM9),
    "qm9, 1 key": ("qm9", "--max-active-keys", "1", *QM9),
}
ONCE = {
    "qm9, all molecules": (
        "demos/qm9.py:qm9_full", "--max-active-keys", "16", "--set", "placement=cost", "--target", "error_ratio<=4.6",
    ),
}  # fmt: skip
HEAD = ("run", "command", "reached", "epochs to it", "training s", "instances/s", "metric", "made")


def run(arguments: tuple[str, ...], seed: int) -> dict[str, Any]:
    """The outcome of one run on two workers."""
    command = [sys.executable, "-m", "ampviz", "run", *arguments, "--workers", "2", "--seed", str(seed)]
    done = subprocess.run([*command, "--headless", "--json"], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    outcome: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return outcome


def kept(name: str, seed: int, folder: Path | None) -> dict[str, Any]:
    """The outcome of this run: from the folder if it is there, else by running, and then it is put there."""
    arguments = {**RUNS, **ONCE}[name]
    if folder is None:
        return run(arguments, seed)
    path = folder / f"{name.replace(', ', '-').replace(' ', '-')}-seed{seed}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(run(arguments, seed)))
    outcome: dict[str, Any] = json.loads(path.read_text())
    return outcome


def to_target(outcome: dict[str, Any], goal: Goal) -> tuple[int | None, list[dict[str, Any]]]:
    """The epoch that first met the goal, None if none did; and the epochs up to it."""
    for count, epoch in enumerate(outcome["epochs"], 1):
        if goal.reached(msgspec.convert(epoch, EpochReport)):
            return count, outcome["epochs"][:count]
    return None, outcome["epochs"]


def summary(name: str, outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    """What the runs of all seeds come to."""
    arguments = {**RUNS, **ONCE}[name]
    goal = Goal.parse(arguments[arguments.index("--target") + 1])
    needed, parts = zip(*(to_target(outcome, goal) for outcome in outcomes), strict=True)
    speeds = [statistics.median(epoch["instances_per_s"] for epoch in epochs) for epochs in parts]
    return {
        "run": name,
        "command": shlex.join(["ampviz", "run", *arguments, "--workers", "2"]),
        "reached": f"{sum(count is not None for count in needed)} of {len(needed)}",
        "epochs": needed,
        "seconds": statistics.median(sum(epoch["seconds"] for epoch in epochs) for epochs in parts),
        "instances_per_s": statistics.median(speeds),
        "metric": [epochs[-1]["metrics"][goal.metric] for epochs in parts],
    }


def cells(row: dict[str, Any]) -> list[str]:
    """What the page says of one run."""
    return [
        row["run"], f"`{row['command']}`", row["reached"],
        ", ".join("-" if count is None else str(count) for count in row["epochs"]),
        f"{row['seconds']:.0f}", f"{row['instances_per_s']:,.0f}",
        ", ".join(f"{value:.4g}" for value in row["metric"]), _made(),
    ]  # fmt: skip


def _made() -> str:
    """The day, and the extras that make runs faster, as far as they are there."""
    return ", ".join([time.strftime("%Y-%m-%d"), *filter(installed, ("mkl", "numba"))])


def rows_of(page: str) -> dict[str, list[str]]:
    """The rows of a page by run, so that runs made on another day stay on it."""
    found = {}
    for line in page.splitlines():
        parts = [part.strip() for part in line.strip("|").split(" | ")]
        if line.startswith("| ") and len(parts) == len(HEAD) and parts[0] in {**RUNS, **ONCE}:
            found[parts[0]] = parts
    return found


def table(rows: dict[str, list[str]], seeds: int, remark: str) -> str:
    """The page docs/results.md."""
    made = (
        f"Made by `python -m benchmarks.targets --write`: two worker processes on "
        f"{platform.processor() or platform.machine()}, seeds 0 to {seeds - 1} unless one figure stands alone; epochs "
        "and metric of each in this order, `-` where the target was not met; seconds and instances/s are medians."
    )
    lines = ["# Results", "", " ".join(filter(None, [made, remark])), "", f"| {' | '.join(HEAD)} |"]
    lines.append("|" + "---|" * len(HEAD))
    lines += [f"| {' | '.join(rows[name])} |" for name in [*RUNS, *ONCE] if name in rows]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*RUNS, *ONCE]))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--outcomes", type=Path, metavar="FOLDER", help="keep outcomes there, and take those there")
    parser.add_argument("--remark", default="", help="a sentence for the head of the page")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    chosen = parser.parse_args()
    rows = rows_of(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in chosen.names or [*RUNS, *ONCE]:
        outcomes = []
        for seed in range(1 if name in ONCE else chosen.seeds):
            outcomes.append(kept(name, seed, chosen.outcomes))
            print(f"{name}, seed {seed}: {len(outcomes[-1]['epochs'])} epochs", file=sys.stderr)
        found = summary(name, outcomes)
        show("targets", found)
        rows[name] = cells(found)
        if chosen.write:
            RESULTS.write_text(table(rows, chosen.seeds, chosen.remark))


if __name__ == "__main__":
    main()
