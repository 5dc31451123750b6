"""What watching costs: training speed with nothing attached, with a recording, and with the UI on a terminal of 140x45.

python -m benchmarks.ui [TARGET] [--instances N] [--rounds N]
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from benchmarks.rounds import first_epoch_speed, in_turns, options, show, training_speed


def recorded(run: list[str]) -> float:
    """Instances a second with a recording."""
    with tempfile.TemporaryDirectory() as folder:
        return training_speed([*run, "--record", str(Path(folder) / "run.ampviz")])


def watched(run: list[str]) -> float:
    """The same with the UI on a pseudo-terminal that takes everything at once."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 140, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    process = subprocess.Popen(
        [sys.executable, "-m", "ampviz", "run", *run, "--no-record", "--json"], stdin=slave, stdout=slave, stderr=slave,
        env={**environment, "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(slave)
    drawn, left = "", False
    try:
        while True:
            drawn += os.read(master, 1 << 16).decode(errors="replace")
            if not left and "FINISHED" in drawn:
                os.write(master, b"q")
                left = True
    except OSError:  # the terminal has no writer any more
        process.wait()
    finally:
        os.close(master)
    return first_epoch_speed(drawn[drawn.rindex('{"target"') :].splitlines()[0])


def main() -> None:
    parser = options(__doc__, rounds=5)
    parser.add_argument("target", nargs="?", default="listred", metavar="TARGET", help="default: listred")
    parser.add_argument("--instances", type=int, default=1000, metavar="N", help="of the epoch, default: 1000")
    chosen = parser.parse_args()
    run = [chosen.target, "--epochs", "1", "--limit", str(chosen.instances), "--valid-limit", "1"]
    result = in_turns(
        {
            "headless": lambda: training_speed([*run, "--no-record"]),
            "recorded": lambda: recorded(run),
            "watched": lambda: watched(run),
        },
        chosen.rounds,
    )
    plain = result["headless"]["median"]
    cost = {name: 1 - result[name]["median"] / plain for name in ("recorded", "watched")}
    show("ui", {"target": chosen.target, "unit": "instances/s", "cost": cost, "variants": result})


if __name__ == "__main__":
    main()
