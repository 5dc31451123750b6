"""Training instances a second by backend, workers and keys in flight.

    python -m benchmarks.throughput [mnist|listred] [INSTANCES] [ROUNDS]

MNIST needs its files (AMPVIZ_DATA, or `ampviz data fetch mnist`).
"""

from __future__ import annotations

import sys

from benchmarks.rounds import in_turns, show, training_speed

VARIANTS = {
    "inline, 1 key": ("--backend", "inline", "--workers", "1", "--max-active-keys", "1"),
    "inline, 4 keys": ("--backend", "inline", "--workers", "1", "--max-active-keys", "4"),
    "1 process, 4 keys": ("--workers", "1", "--max-active-keys", "4"),
    "2 processes, 1 key": ("--workers", "2", "--max-active-keys", "1"),
    "2 processes, 2 keys": ("--workers", "2", "--max-active-keys", "2"),
    "2 processes, 4 keys": ("--workers", "2", "--max-active-keys", "4"),
    "2 processes, 8 keys": ("--workers", "2", "--max-active-keys", "8"),
}


def main() -> None:
    target = sys.argv[1] if len(sys.argv) > 1 else "mnist"
    instances = int(sys.argv[2]) if len(sys.argv) > 2 else 150
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    run = [target, "--epochs", "1", "--limit", str(instances), "--valid-limit", "1"]
    variants = {
        name: lambda arguments=arguments: training_speed([*run, *arguments]) for name, arguments in VARIANTS.items()
    }
    result = in_turns(variants, rounds)
    gain = result["2 processes, 4 keys"]["median"] / result["1 process, 4 keys"]["median"]
    show("throughput", {"target": target, "unit": "instances/s", "two_workers_over_one": gain, "variants": result})


if __name__ == "__main__":
    main()
