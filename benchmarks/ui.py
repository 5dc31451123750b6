"""What watching costs, and how quick it is: training speed with nothing attached, with a recording, and with the UI on
a terminal of 140x45; frame times, and the time from a key to its effect on the screen while training at full load.

python -m benchmarks.ui [TARGET ...] [--instances N] [--rounds N] [--workers N]
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rounds import first_epoch_speed, in_turns, options, ratio, show, training_speed
from benchmarks.screen import screen

_KEYS = 20


def recorded(run: list[str]) -> float:
    """Instances a second with a recording."""
    with tempfile.TemporaryDirectory() as folder:
        return training_speed([*run, "--record", str(Path(folder) / "run.ampviz")])


def watched(run: list[str]) -> float:
    """The same with the UI on a terminal."""
    with screen("ampviz", "run", *run, "--no-record", "--json") as shown:
        shown.until("FINISHED")
        shown.press("q")
        shown.exit_code()
    return first_epoch_speed(shown.text[shown.text.rindex('{"target"') :].splitlines()[0])


def quickness(target: str, workers: int) -> dict[str, Any]:
    """Milliseconds of each frame, and from a key that turns a knob until its event is on the screen."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "frames.json"
        run = ["run", target, "--workers", str(workers), "--set", "max_active_keys=8", "--epochs", "1000000"]
        with screen("benchmarks.frames", str(file), *run) as shown:
            shown.until("inst/s")
            effects = []
            for keys in range(8, 8 + _KEYS):
                shown.press("]")
                effects.append(shown.until(f"max_active_keys {keys}→{keys + 1}"))
            shown.press("q")
            shown.until("Stop the run?")
            shown.press("n")
            shown.exit_code()
        frames = json.loads(file.read_text())
    clock, cpu = zip(*frames, strict=True)
    return {"frame_ms": quantiles(clock), "frame_cpu_ms": quantiles(cpu), "key_to_effect_ms": quantiles(effects)}


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Count, median, 95th of a hundred and largest, in milliseconds."""
    ordered = sorted(1000 * value for value in seconds)
    return {
        "count": len(ordered),
        "median": statistics.median(ordered),
        "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "high": ordered[-1],
    }


def main() -> None:
    parser = options(__doc__, rounds=5)
    parser.add_argument("targets", nargs="*", default=["listred", "sst"], metavar="TARGET", help="default: listred sst")
    parser.add_argument("--instances", type=int, default=1000, metavar="N", help="of the epoch, default: 1000")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default: 2")
    chosen = parser.parse_args()
    for target in chosen.targets:
        run = [target, "--workers", str(chosen.workers), "--epochs", "1", "--limit", str(chosen.instances)]
        run += ["--valid-limit", "1"]
        result = in_turns(
            {
                "headless": lambda run=run: training_speed([*run, "--no-record"]),
                "recorded": lambda run=run: recorded(run),
                "watched": lambda run=run: watched(run),
            },
            chosen.rounds,
        )
        cost = {name: 1 - ratio(result[name], result["headless"])["median"] for name in ("recorded", "watched")}
        quick = quickness(target, chosen.workers)
        show("ui", {"target": target, "unit": "instances/s", "cost": cost, "variants": result, **quick})


if __name__ == "__main__":
    main()
