"""Runs every benchmark, some ten minutes in all: prints the tables, and writes what was measured as JSON.

    python -m benchmarks [NAME ...] [--rounds N] [--seconds X] [--out FOLDER] [--resume]

Each benchmark leaves a file in the folder, so that a start with `--resume` goes on where the last one was cut off.
Progress goes to standard error.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.report import MADE, report
from benchmarks.rounds import options
from benchmarks.session import ROOT, installed
from benchmarks.workloads import WORKLOADS


def commands(rounds: int, seconds: float) -> dict[str, list[str]]:
    """The benchmarks by name, in their order: module and arguments."""
    turns, length = ["--rounds", str(rounds)], ["--seconds", str(seconds)]
    compared = {f"compare {name}": ["compare", name, *turns, *length] for name in WORKLOADS}
    return {
        "same": ["same"],
        "accuracy": ["accuracy", "mnist", "babi15"],
        "machine": ["machine", *turns],
        "products": ["products", *turns, *length],
        "dispatch": ["dispatch", *turns],
        "wire": ["wire", *turns],
        "startup": ["startup", *turns],
        "memory": ["memory"],
        **compared,
        "kernels": ["kernels", "mnist", "sst 150", "sst 300", *turns],
        "keys": ["keys", "mnist", "--rounds", "1", *length],
        "placement": ["placement", "mnist", "listred", "sst 150", "babi15", "qm9", *turns, *length],
        "ui": ["ui", "listred", "--instances", "2000", *turns],
    }


def measured(name: str, command: list[str], folder: Path, resume: bool) -> list[dict[str, Any]] | None:
    """The JSON lines of a benchmark, from the folder if it resumes; None if it fails."""
    path = folder / f"{name.replace(' ', '-')}.json"
    if resume and path.exists():
        kept: list[dict[str, Any]] = json.loads(path.read_text())
        return kept
    print(f"--- {name}", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{command[0]}", *command[1:]], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    if done.returncode:
        return None
    results = [json.loads(line) for line in done.stdout.splitlines()]
    path.write_text(json.dumps(results))
    return results


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "machine": f"{os.cpu_count()} cores of {_processor()}, {platform.system()}",
        "python": platform.python_version(),
        **{name: installed(name) for name in ("numpy", "torch", "mkl", "numba")},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> int:
    parser = options(__doc__, rounds=3, seconds=1.0)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(commands(1, 1))}")
    parser.add_argument("--out", type=Path, default=MADE.parent, metavar="FOLDER", help=f"default: {MADE.parent}")
    parser.add_argument("--resume", action="store_true", help="leave out what is in the folder already")
    parser.add_argument("--remark", default="", help="a sentence for the head of the report")
    chosen = parser.parse_args()
    known = commands(chosen.rounds, chosen.seconds)
    unknown = [name for name in chosen.names if name not in known]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(known)}")
    chosen.out.mkdir(parents=True, exist_ok=True)
    results: list[dict[str, Any]] = []
    failed, found = [], {}
    for name in chosen.names or known:
        if name in ("same", "accuracy", "products") and not installed("torch"):
            continue
        lines = measured(name, known[name], chosen.out, chosen.resume)
        if lines is None:
            failed.append(name)
        results += lines or []
        found = {
            **machine(),
            "rounds": chosen.rounds,
            "seconds": chosen.seconds,
            "remark": chosen.remark,
            "results": results,
        }
        (chosen.out / MADE.name).write_text(json.dumps(found, indent=1))
    print(report(found))
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
