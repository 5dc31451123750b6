"""What the commands print when they leave a session, live or ended, and their exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ampviz.errors import WorkerError

if TYPE_CHECKING:
    from ampviz.telemetry.link import Finished
    from ampviz.watched import Watched


def after_watching(watched: Watched, folder: Path, as_json: bool) -> int:
    """Say how the UI was left; returns the exit code, 130 where the session was made to stop without its outcome."""
    if watched.broken:
        raise WorkerError("the UI failed, the run goes on", hint=f"ampviz attach {folder.name}")
    if watched.detached:
        say_how_to_attach(folder.name)
        return 0
    return 130 if watched.finished is None else report_outcome(watched.finished, folder, as_json)


def report_outcome(finished: Finished, folder: Path, as_json: bool) -> int:
    """Print what is left to say of a session that has ended, the JSON last; returns its exit code."""
    if finished.error:
        print(f"ampviz: {finished.error}", file=sys.stderr)
    checkpoint = folder / "checkpoint.safetensors"
    if finished.exit == 130 and checkpoint.exists():
        print(f"state saved; go on with: ampviz resume {checkpoint}", file=sys.stderr)
    if as_json:
        print(json.dumps(finished.report), flush=True)
    return finished.exit


def say_how_to_attach(session: str) -> None:
    print(f"it goes on; look at it with: ampviz attach {session}", file=sys.stderr)
