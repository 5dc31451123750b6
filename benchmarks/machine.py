"""How much a second worker can gain on this machine at all: matrix products in one process, and in two at once.

    python -m benchmarks.machine [--rounds N]

Two processors that share one core give hardly more than one; no placement of nodes changes that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np

from benchmarks.rounds import in_turns, options, ratio, show

_SECONDS = 1.0


def products() -> float:
    """GFLOP/s of (100, 784) x (784, 784) float32 products in this process."""
    x, W = np.ones((100, 784), np.float32), np.ones((784, 784), np.float32)
    out = x @ W
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < _SECONDS:
        np.matmul(x, W, out=out)
        count += 1
    return 2 * 100 * 784 * 784 * count / (time.perf_counter() - began) / 1e9


def together(processes: int) -> float:
    """The sum over so many processes of one BLAS thread each, started at once."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.machine", "--alone"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) for _ in range(processes)]
    return sum(json.loads(process.communicate()[0]) for process in running)


def main() -> None:
    parser = options(__doc__, rounds=5)
    parser.add_argument("--alone", action="store_true", help="measure in this process only, and print the number")
    chosen = parser.parse_args()
    if chosen.alone:
        print(json.dumps(products()))
        return
    result = in_turns({"1 process": lambda: together(1), "2 processes": lambda: together(2)}, chosen.rounds)
    gain = ratio(result["2 processes"], result["1 process"])
    show("machine", {"unit": "GFLOP/s", "two_processes_over_one": gain, "variants": result})


if __name__ == "__main__":
    main()
