"""Which recording the command line means."""

from __future__ import annotations

from pathlib import Path

from ampviz.errors import UsageError


def recording_called(name: str | None) -> Path:
    """The file of this name, or of the run folder of this name; without one, the newest recording.

    Raises UsageError where there is none.
    """
    from ampviz.runtime.rundir import RECORDING, newest_recording, runs_root

    if name is None:
        newest = newest_recording()
        if newest is None:
            raise UsageError("there is no recording", where=str(runs_root()), hint="`ampviz run` writes one")
        return newest
    path = Path(name)
    if not path.exists() and "/" not in name and (runs_root() / name).is_dir():
        path = runs_root() / name
    if path.is_dir():
        if not (path / RECORDING).exists():
            raise UsageError("has no recording", where=str(path), expected=RECORDING)
        path = path / RECORDING
    if not path.exists():
        raise UsageError("no such file", where=name, hint="`ampviz ls` lists the sessions")
    return path
