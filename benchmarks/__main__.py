"""Runs every benchmark, a few minutes in all; one JSON line each on standard output, progress on standard error."""

import subprocess
import sys

COMMANDS = (
    ("machine",),
    ("dispatch",),
    ("wire",),
    ("throughput", "mnist"),
    ("throughput", "listred", "300"),
    ("ui", "listred", "1000"),
)


def main() -> int:
    failed = [
        " ".join(command)
        for command in COMMANDS
        if subprocess.run([sys.executable, "-m", f"benchmarks.{command[0]}", *command[1:]], check=False).returncode
    ]
    for name in failed:
        print(f"failed: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
