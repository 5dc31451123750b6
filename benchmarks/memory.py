"""Peak resident memory of a worker process while it trains, and what of it are parameters. Linux only.

    python -m benchmarks.memory [WORKLOAD ...]

`own` is what is neither parameters and optimizer state (shared memory of the session, counted once in each worker that
touches them) nor mapped files: the interpreter, the libraries' data, queues, remembered activations, gradients. numba
brings its compiler along into every worker, and is shown beside what the goal is for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.rounds import options, show
from benchmarks.session import NUMPYS_KERNELS, installed, processes, started
from benchmarks.workloads import WORKLOADS

GOAL_MB = 150.0  # peak resident memory without the parameters
_WORKER = "ampviz.runtime.backends.hosted"
_LOOK_S = 0.02
_FIELD = re.compile(r"^(VmHWM|RssAnon|RssFile|RssShmem):\s+(\d+) kB", re.MULTILINE)


def peaks(name: str, instances: int, settings: Mapping[str, str]) -> list[dict[str, float]]:
    """For each worker the largest values seen, in MB, with these environment variables."""
    workload = WORKLOADS[name]
    arguments = [workload.target, "--epochs", "1", "--limit", str(instances), "--no-record", *workload.arguments()]
    seen: dict[int, dict[str, float]] = {}
    with started(arguments, settings) as (process, _):
        while process.poll() is None:
            for pid, command in processes(process.pid).items():
                if _WORKER in command:
                    now, before = resident(pid), seen.setdefault(pid, {})
                    seen[pid] = {field: max(now.get(field, 0.0), before.get(field, 0.0)) for field in {*now, *before}}
            time.sleep(_LOOK_S)
    return [seen[pid] for pid in sorted(seen)]


def resident(pid: int) -> dict[str, float]:
    """Peak and current resident memory of a process by kind, in MB; empty if it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    return {field: int(kilobytes) / 1024 for field, kilobytes in _FIELD.findall(text)}


def summed_up(workers: list[dict[str, float]]) -> dict[str, Any]:
    """The worker that needs most besides parameters."""
    most = max(workers, key=lambda worker: worker["VmHWM"] - worker["RssShmem"])
    return {
        "peak_MB": most["VmHWM"], "parameters_MB": most["RssShmem"], "own_MB": most["RssAnon"],
        "files_MB": most["RssFile"], "without_parameters_MB": most["VmHWM"] - most["RssShmem"],
    }  # fmt: skip


def main() -> None:
    parser = options(__doc__, rounds=1, workloads=WORKLOADS)
    parser.add_argument("--instances", type=int, default=300, metavar="N", help="trained on, default: 300")
    chosen = parser.parse_args()
    ways: dict[str, tuple[Mapping[str, str], dict[str, float]]] = {"numpy": (NUMPYS_KERNELS, {"goal_MB": GOAL_MB})}
    if installed("numba"):
        ways["numba"] = {}, {}
    for name in chosen.workloads:
        for kernels, (settings, goal) in ways.items():
            rounds = [summed_up(peaks(name, chosen.instances, settings)) for _ in range(chosen.rounds)]
            most = max(rounds, key=lambda found: found["without_parameters_MB"])
            show("memory", {"workload": name, "kernels": kernels, **most, **goal})


if __name__ == "__main__":
    main()
