"""ampviz against PyTorch on one workload: training instances a second, by turns, and the CPU each instance takes.

    python -m benchmarks.compare WORKLOAD [--rounds N] [--seconds X]

Same model, losses, data and optimizer on both sides, as many instances in an update (see workloads.py;
`python -m benchmarks.same` checks that the numbers agree). PyTorch is measured in every way in which it is written in
benchmarks.pytorch, with one thread, with two, and as two processes of one thread that share the parameters; the best
counts, and the best of each kind is shown. Two processes have two batches in flight, each its own: ampviz is measured
with one and with two, and every variant is compared with the run that has as many in flight as it has. PyTorch brings
MKL along; ampviz uses it, too, where it is installed, and numba, and is measured without either. Without PyTorch
(`pip install -e .[bench]` brings both) only ampviz is measured. The first epoch of ampviz is its warm-up.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks.rounds import in_turns, options, ratio, show
from benchmarks.session import NUMPYS_KERNELS, ROOT, installed, measured
from benchmarks.workloads import WORKLOADS, Workload

WITHOUT = {"mkl": ("numpy's BLAS", {"AMPVIZ_BLAS": "numpy"}), "numba": ("numpy's kernels", NUMPYS_KERNELS)}
THEIRS = {"1 thread": (1, 1), "2 threads": (1, 2), "2 processes": (2, 1)}  # processes, threads of each
Speeds = dict[str, Callable[[], float]]


class Ampviz:
    """`ampviz run` with some workers and instances in flight: makes epochs as long as a measurement should take."""

    def __init__(
        self,
        workload: Workload,
        workers: int,
        in_flight: int,
        seconds: float,
        costs: list[float],
        settings: Mapping[str, str] | None = None,
    ):
        self.command = [workload.target, "--workers", str(workers), *workload.arguments(in_flight), "--no-record"]
        self.workload, self.in_flight, self.seconds, self.costs = workload, in_flight, seconds, costs
        self.settings = settings  # environment variables
        self.speed = 0.0  # instances a second of the last run

    def __call__(self) -> float:
        if not self.speed:
            few = measured([*self.command, "--epochs", "2", "--limit", str(4 * self.in_flight)], self.settings)
            self.speed = few.epochs[-1]["instances_per_s"]
            self._measure()  # its length is guessed from what was hardly running: not counted
        speed, cost = self._measure()
        self.costs.append(cost)
        return speed * self.workload.rows

    def _measure(self) -> tuple[float, float]:
        """Instances a second, and CPU microseconds an instance."""
        wanted = max(4 * self.in_flight, int(self.speed * self.seconds))
        limit = min(self.workload.instances, wanted)
        epochs = 1 + math.ceil(wanted / limit)
        run = measured([*self.command, "--epochs", str(epochs), "--limit", str(limit)], self.settings)
        self.speed = limit * (epochs - 1) / sum(epoch["seconds"] for epoch in run.epochs[1:])
        return self.speed, run.warm_cpu_s / (limit * (epochs - 1)) * 1e6


class PyTorch:
    """The process that trains in PyTorch."""

    def __init__(self, name: str):
        command = [sys.executable, "-m", "benchmarks.pytorch.serve", name]
        self.rows = WORKLOADS[name].rows
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )  # fmt: skip
        hello = self._answer()
        self.variants: list[str] = hello["variants"]
        self.version: str = hello["torch"]

    def measure(self, variant: str, processes: int, threads: int, seconds: float, costs: list[float]) -> float:
        """Instances a second, times the rows of each; adds the CPU it took to the costs."""
        request = {"variant": variant, "processes": processes, "threads": threads, "seconds": seconds}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        costs.append(answer["cpu_s"] / answer["instances"] * 1e6)
        return float(answer["instances"] / answer["seconds"] * self.rows)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            sys.exit("benchmarks.pytorch.serve has ended; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer


def compared(name: str, rounds: int, seconds: float) -> dict[str, Any]:
    """All variants of a workload."""
    workload = WORKLOADS[name]
    costs: dict[str, list[float]] = defaultdict(list)
    variants: Speeds = {
        label: Ampviz(workload, workers, in_flight, seconds, costs[label])
        for label, (workers, in_flight) in ours(workload).items()
    }
    for package, (what, settings) in WITHOUT.items():
        if installed(package):
            label = f"ampviz, 2 workers, {2 * workload.batch} in flight, {what}"
            variants[label] = Ampviz(workload, 2, 2 * workload.batch, seconds, costs[label], settings)
    torch = PyTorch(name) if installed("torch") else None
    for variant in torch.variants if torch else ():
        for label, (processes, threads) in THEIRS.items():
            full = f"{variant}, {label}"
            variants[full] = partial(torch.measure, variant, processes, threads, seconds, costs[full])
    try:
        speeds = in_turns(variants, rounds)
    finally:
        if torch:
            torch.close()
    for label, values in speeds.items():
        values["cpu_us"] = statistics.median(costs[label])
    found = {"workload": name, "unit": workload.unit, "rows": workload.rows, "variants": speeds}
    return {**found, "torch": torch.version if torch else None, "against": against(workload, speeds)}


def ours(workload: Workload) -> dict[str, tuple[int, int]]:
    """How ampviz is measured: workers and instances in flight, by label. One worker has what one process has."""
    counts = sorted({_at_least(workload.batch), 2 * workload.batch, *workload.more})
    two = {f"ampviz, 2 workers, {count} in flight": (2, count) for count in counts}
    return {**two, f"ampviz, 1 worker, {workload.batch} in flight": (1, workload.batch)}


def against(workload: Workload, speeds: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """By goal: the fastest PyTorch variant that it names, then the fastest of the other kinds, which have no goal.

    Two workers are compared with each at as many instances in flight.
    """
    lines = []
    for begins, least in workload.least.items():
        theirs = [label for label in speeds if not label.startswith("ampviz") and label.startswith(begins)]
        fastest = sorted(
            (max(kin, key=lambda label: speeds[label]["median"])
             for kin in ([label for label in theirs if label.endswith(kind)] for kind in THEIRS) if kin),
            key=lambda label: -speeds[label]["median"],
        )  # fmt: skip
        for place, best in enumerate(fastest):
            lines.append({**_line(workload, speeds, theirs, best), "goal": None if place else least})
    return lines


def _line(workload: Workload, speeds: dict[str, dict[str, Any]], theirs: list[str], best: str) -> dict[str, Any]:
    """Two workers beside one PyTorch variant; the CPU is that of the cheapest of all variants."""
    processes = next(processes for kind, (processes, _) in THEIRS.items() if best.endswith(kind))
    in_flight = processes * workload.batch
    label = f"ampviz, 2 workers, {_at_least(in_flight)} in flight"
    cpu = min(speeds[other]["cpu_us"] for other in theirs) / speeds[label]["cpu_us"]
    found = {"best": best, "in_flight": in_flight, "ours": label, "ours_in_flight": _at_least(in_flight)}
    return {**found, "ratio": ratio(speeds[label], speeds[best]), "cpu_ratio": cpu}


def _at_least(in_flight: int) -> int:
    """Two workers need two instances to be both at work."""
    return max(2, in_flight)


def main() -> None:
    parser = options(__doc__, rounds=5, seconds=2.0)
    parser.add_argument("workload", metavar="WORKLOAD", choices=WORKLOADS, help=", ".join(WORKLOADS))
    chosen = parser.parse_args()
    show("compare", compared(chosen.workload, chosen.rounds, chosen.seconds))


if __name__ == "__main__":
    main()
