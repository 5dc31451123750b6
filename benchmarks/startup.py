"""How long a user waits: `import ampviz`, and `ampviz run listred` until its first instance is trained.

    python -m benchmarks.startup [--rounds N]

The first instance counts as trained when the run says that an epoch of one instance has ended, which is a tick later.
With numba, which has its kernels on disk by then, it takes longer, and is shown beside what the goal is for.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial

from benchmarks.rounds import in_turns, options, show
from benchmarks.session import NUMPYS_KERNELS, ROOT, installed, started

GOALS = {"import ampviz": 0.15, "first instance": 1.5}
_IMPORT = "import time; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def importing(module: str) -> float:
    """Seconds that an import takes in a fresh interpreter, without the interpreter's own start."""
    command = [sys.executable, "-c", _IMPORT.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout)


def first_instance(settings: Mapping[str, str] | None = None) -> float:
    """Seconds from the command to the end of an epoch of one instance, with these environment variables."""
    began = time.perf_counter()
    with started(["listred", "--epochs", "1", "--limit", "1", "--set", "validate=off"], settings) as (process, _):
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("epoch 1/1"):
                return time.perf_counter() - began
    sys.exit("the run ended without an epoch")


def main() -> None:
    chosen = options(__doc__, rounds=7).parse_args()
    variants: dict[str, Callable[[], float]] = {
        "import ampviz": lambda: importing("ampviz"),
        "import ampviz.nodes": lambda: importing("ampviz.nodes"),
        "first instance": partial(first_instance, NUMPYS_KERNELS),
    }
    if installed("numba"):
        first_instance()  # compiles, if nothing has yet
        variants["first instance, numba's kernels"] = first_instance
    result = in_turns(variants, chosen.rounds)
    for name, goal in GOALS.items():
        result[name]["goal"] = goal
    show("startup", {"unit": "s", "variants": result})


if __name__ == "__main__":
    main()
