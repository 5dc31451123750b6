"""What `placement=keys` is to each node on one worker: training instances a second with two workers, by turns.

python -m benchmarks.placement [WORKLOAD ...] [--rounds N] [--seconds X]
"""

from __future__ import annotations

import dataclasses
from typing import Any

from benchmarks.compare import Ampviz
from benchmarks.rounds import in_turns, options, ratio, show
from benchmarks.workloads import WORKLOADS

WORKERS = 2
LEAST = 4  # instances in flight: what spread nodes need to be at work all


def placed(name: str, rounds: int, seconds: float) -> dict[str, Any]:
    """The speed by keys and with the nodes spread, at as many instances in flight."""
    workload = WORKLOADS[name]
    in_flight = max(LEAST, WORKERS * workload.batch)
    sessions = {
        policy: Ampviz(
            dataclasses.replace(workload, knobs={**workload.knobs, "placement": policy}),
            WORKERS, in_flight, seconds, [],
        ) for policy in ("keys", "round-robin")
    }  # fmt: skip
    speeds = in_turns(sessions, rounds)
    gain = ratio(speeds["keys"], speeds["round-robin"])
    return {"workload": name, "unit": workload.unit, "in_flight": in_flight, "variants": speeds, "gain": gain}


def main() -> None:
    chosen = options(__doc__, rounds=3, seconds=1.0, workloads=WORKLOADS).parse_args()
    for name in chosen.workloads:
        show("placement", placed(name, chosen.rounds, chosen.seconds))


if __name__ == "__main__":
    main()
