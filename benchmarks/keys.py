"""Throughput against max_active_keys, and its knee: the fewest keys in flight with 90 % of the best speed.

python -m benchmarks.keys [WORKLOAD ...] [--keys N ...] [--rounds N] [--seconds X]
"""

from __future__ import annotations

from functools import partial
from typing import Any

from benchmarks.compare import Ampviz
from benchmarks.rounds import in_turns, options, show
from benchmarks.workloads import WORKLOADS

KEYS = (1, 2, 4, 8, 16, 32, 64)
KNEE = 0.9


def knee(speeds: dict[int, float]) -> int:
    """The fewest keys that reach so much of the best."""
    return min(keys for keys, speed in speeds.items() if speed >= KNEE * max(speeds.values()))


def curve(name: str, keys: tuple[int, ...], rounds: int, seconds: float) -> dict[str, Any]:
    """The speed at each number of keys in flight."""
    sessions = {str(count): Ampviz(WORKLOADS[name], 2, count, seconds, []) for count in keys}
    result = in_turns({label: partial(session) for label, session in sessions.items()}, rounds)
    medians = {int(label): numbers["median"] for label, numbers in result.items()}
    return {"workload": name, "unit": WORKLOADS[name].unit, "knee": knee(medians), "variants": result}


def main() -> None:
    parser = options(__doc__, rounds=3, seconds=1.0, workloads=WORKLOADS, default=["mnist"])
    parser.add_argument("--keys", type=int, nargs="+", default=KEYS, metavar="N", help=f"default: {KEYS}")
    chosen = parser.parse_args()
    for name in chosen.workloads:
        show("keys", curve(name, tuple(chosen.keys), chosen.rounds, chosen.seconds))


if __name__ == "__main__":
    main()
