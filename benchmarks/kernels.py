"""The share of a worker's time that is spent inside kernels: one worker, so that it never waits for another.

    python -m benchmarks.kernels [WORKLOAD ...] [--rounds N]

Time is that of the whole training, from the first admission to the last barrier; what is not kernel is queues, routing,
picking, stacking, caches, sockets and the controller's word. Kernels are those of numpy: to load numba's would count as
one.
"""

from __future__ import annotations

import statistics
from functools import partial

from benchmarks.rounds import in_turns, options, show
from benchmarks.session import NUMPYS_KERNELS, measured
from benchmarks.workloads import WORKLOADS

GOALS = {"mnist": 0.85, "sst 150": 0.70, "sst 300": 0.70}
INSTANCES = {"mnist": 300, "listred": 1000, "sst 150": 3000, "sst 300": 2000, "babi15": 4000, "qm9": 1500}


def share(name: str, busy: list[float]) -> float:
    """Kernel time over wall time of one run; adds kernel time over the time of all units of work to `busy`."""
    workload = WORKLOADS[name]
    run = measured(
        [workload.target, "--workers", "1", "--epochs", "1", "--limit", str(INSTANCES[name]), "--no-record",
         *workload.arguments()],
        NUMPYS_KERNELS,
    )  # fmt: skip
    (worker,) = run.outcome["workers_detail"]
    busy.append(worker["kernel_share"] / worker["busy_share"])
    return float(worker["kernel_share"])


def main() -> None:
    chosen = options(__doc__, rounds=3, workloads=WORKLOADS).parse_args()
    busy: dict[str, list[float]] = {name: [] for name in chosen.workloads}
    result = in_turns({name: partial(share, name, seen) for name, seen in busy.items()}, chosen.rounds)
    for name, numbers in result.items():
        numbers["of_units"] = statistics.median(busy[name])
        if name in GOALS:
            numbers["goal"] = GOALS[name]
    show("kernels", {"unit": "of a worker's time", "variants": result})


if __name__ == "__main__":
    main()
