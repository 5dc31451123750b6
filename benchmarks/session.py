"""`ampviz run` as a user starts it, headless, and what its processes used."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
NUMPYS_KERNELS = {"AMPVIZ_KERNELS": "numpy"}  # settings of a run as it is without the extra numba


def installed(name: str) -> str | None:
    """The version of a distribution that is installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True)
class Measured:
    """The outcome of a run, and the CPU seconds that all its processes used after it told of its first epoch.

    It tells up to a tick (0.1 s) late. Without /proc the seconds are those of the whole run.
    """

    outcome: dict[str, Any]
    warm_cpu_s: float

    @property
    def epochs(self) -> list[dict[str, Any]]:
        return list(self.outcome["epochs"])


@contextmanager
def started(
    arguments: Sequence[str], settings: Mapping[str, str] | None = None
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """A run without the UI, with its progress on a pipe (`stderr`), and the file that its outcome goes to.

    `settings` are environment variables for it. It keeps its run folder to itself; killed if it has not ended.
    """
    command = [sys.executable, "-m", "ampviz", "run", *arguments, "--headless", "--json"]
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as out:
        environment = {**os.environ, **(settings or {}), "AMPVIZ_STATE": folder}
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.PIPE, text=True, env=environment, cwd=ROOT
        )  # fmt: skip
        try:
            yield process, out
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def measured(arguments: Sequence[str], settings: Mapping[str, str] | None = None) -> Measured:
    """Run to the end; ends the benchmark, with what was said, if that fails."""
    before, first = _children_cpu(), 0.0
    said = []
    with started(arguments, settings) as (process, out):
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if line.startswith("epoch 1/"):
                first = sum(map(_cpu, (process.pid, *processes(process.pid))))
        if process.wait():
            sys.exit("".join(said))
        out.seek(0)
        outcome = json.loads(out.read().splitlines()[-1])
    return Measured(outcome, _children_cpu() - before - first)


def _children_cpu() -> float:
    """CPU seconds of all processes that ended below this one."""
    usage = os.times()
    return usage.children_user + usage.children_system


def _cpu(pid: int) -> float:
    """CPU seconds of a process that lives; 0 if it does not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
