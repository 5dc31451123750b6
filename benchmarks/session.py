"""`ampviz run` as a user starts it, headless, and what its processes used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Measured:
    """The outcome of a run, and the CPU seconds of all its processes, start-up included."""

    outcome: dict[str, Any]
    cpu_s: float

    @property
    def epochs(self) -> list[dict[str, Any]]:
        return list(self.outcome["epochs"])


@contextmanager
def started(arguments: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """A run without the UI, whose outcome comes on standard output and whose progress goes to a pipe.

    It keeps its run folder to itself; killed if it has not ended.
    """
    command = [sys.executable, "-m", "ampviz", "run", *arguments, "--headless", "--json"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "AMPVIZ_STATE": folder}
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def measured(arguments: Sequence[str]) -> Measured:
    """Run to the end; ends the benchmark, with what was said, if that fails."""
    before = _children_cpu()
    with started(arguments) as process:
        out, errors = process.communicate()
    if process.returncode:
        sys.exit(errors)
    return Measured(json.loads(out.splitlines()[-1]), _children_cpu() - before)


def _children_cpu() -> float:
    """CPU seconds of all processes that ended below this one."""
    usage = os.times()
    return usage.children_user + usage.children_system


def processes(root: int) -> Mapping[int, str]:
    """The descendants of a process that live now, and their command lines. Linux only."""
    found: dict[int, str] = {}
    frontier = [root]
    while frontier:
        pid = frontier.pop()
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            command = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:  # it has just ended
            continue
        if pid != root:
            found[pid] = command.replace("\0", " ")
        frontier += [int(child) for child in children]
    return found
