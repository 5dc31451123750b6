"""What watching costs: training speed with nothing attached, with a recording, and with the UI on a terminal of 140x45.

python -m benchmarks.ui [TARGET] [INSTANCES] [ROUNDS]
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from benchmarks.rounds import in_turns, show


def command(target: str, instances: int) -> list[str]:
    limits = ["--epochs", "1", "--limit", str(instances), "--valid-limit", "1"]
    return [sys.executable, "-m", "ampviz", "run", target, "--json", *limits]


def speed(line: str) -> float:
    return float(json.loads(line)["epochs"][0]["instances_per_s"])


def headless(target: str, instances: int, *arguments: str) -> float:
    """Instances a second without a viewer."""
    done = subprocess.run(
        [*command(target, instances), "--headless", *arguments], capture_output=True, text=True, check=True
    )
    return speed(done.stdout.splitlines()[-1])


def recorded(target: str, instances: int) -> float:
    """The same with a recording."""
    with tempfile.TemporaryDirectory() as folder:
        return headless(target, instances, "--record", str(Path(folder) / "run.sqlite"))


def watched(target: str, instances: int) -> float:
    """The same with the UI on a pseudo-terminal that takes everything at once."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 140, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    process = subprocess.Popen(
        command(target, instances), stdin=slave, stdout=slave, stderr=slave,
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
    return speed(drawn[drawn.rindex('{"target"') :].splitlines()[0])


def main() -> None:
    target = sys.argv[1] if len(sys.argv) > 1 else "listred"
    instances = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    result = in_turns(
        {
            "headless": lambda: headless(target, instances),
            "recorded": lambda: recorded(target, instances),
            "watched": lambda: watched(target, instances),
        },
        rounds,
    )
    plain = result["headless"]["median"]
    cost = {name: 1 - result[name]["median"] / plain for name in ("recorded", "watched")}
    show("ui", {"target": target, "unit": "instances/s", "cost": cost, "variants": result})


if __name__ == "__main__":
    main()
