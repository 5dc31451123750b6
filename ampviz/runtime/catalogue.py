"""The sessions of this user as their run folders tell: what each is, which live, and how the others ended.

A session writes `session.json` when it begins and holds a lock on it until its process is gone, however it goes; so no
process id that was given out again, and no socket that a killed session left, is taken for a session that lives. At its
end it writes `outcome.json`, the last frame that its viewers get.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ampviz.telemetry.link import Finished
from ampviz.telemetry.snapshot import SessionInfo

_SESSION, _OUTCOME = "session.json", "outcome.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One session. Neither live nor with an outcome: it died."""

    folder: Path
    info: SessionInfo  # without nodes and edges
    live: bool
    outcome: Finished | None


@contextlib.contextmanager
def entered(folder: Path, info: SessionInfo) -> Iterator[None]:
    """While active, the folder's session lives."""
    short = msgspec.structs.replace(info, nodes=(), edges=())
    fresh = folder / f"{_SESSION}.new"
    with fresh.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # before it can be found
        file.write(msgspec.json.encode(short))
        file.flush()
        fresh.replace(folder / _SESSION)
        yield


def conclude(folder: Path, finished: Finished) -> None:
    """Leave the outcome in the folder."""
    fresh = folder / f"{_OUTCOME}.new"
    fresh.write_bytes(msgspec.json.encode(finished))
    fresh.replace(folder / _OUTCOME)


def catalogue(root: Path) -> list[Entry]:
    """The sessions below the folder of all run folders, oldest first."""
    if not root.is_dir():
        return []
    entries = (look_up(folder) for folder in sorted(root.iterdir()))
    return [entry for entry in entries if entry is not None]


def look_up(folder: Path) -> Entry | None:
    """The session of a run folder; None if it never began, or if what another version wrote is not understood."""
    live = is_live(folder)
    try:
        info = msgspec.json.decode((folder / _SESSION).read_bytes(), type=SessionInfo)
        outcome = folder / _OUTCOME
        finished = msgspec.json.decode(outcome.read_bytes(), type=Finished) if outcome.exists() else None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Entry(folder, info, live and finished is None, finished)  # one that has concluded is about to leave


def is_live(folder: Path) -> bool:
    """Whether the session's process is there."""
    try:
        descriptor = os.open(folder / _SESSION, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)  # lets the lock go, too
    return False
