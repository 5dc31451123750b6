"""Run folders: one per session below the user's state directory, private, with its log, checkpoint and link socket."""

from __future__ import annotations

import contextlib
import datetime
import os
import shutil
from pathlib import Path

from platformdirs import user_state_dir

from ampviz.runtime.catalogue import is_live

RECORDING = "recording.ampviz"
_KEEP = 20


def runs_root() -> Path:
    """The folder of all run folders; `AMPVIZ_STATE` overrides where the state directory is."""
    return Path(os.environ.get("AMPVIZ_STATE") or user_state_dir("ampviz")) / "runs"


def make_run_folder(target: str) -> Path:
    """A fresh private folder, named by time and target; drops the oldest of those whose session has ended."""
    root = runs_root()
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    _prune(root)
    name = "".join(c if c.isalnum() else "-" for c in target.rsplit("/", 1)[-1]).strip("-")
    stamp = f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{name}"
    number = 0
    while True:
        folder = root / (f"{stamp}-{number}" if number else stamp)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            number += 1
        else:
            return folder


def newest_recording() -> Path | None:
    """The recording of the session that started last and has one."""
    return max(runs_root().glob(f"*/{RECORDING}"), default=None)


def _prune(root: Path) -> None:
    folders = sorted(folder for folder in root.iterdir() if folder.is_dir())
    for folder in folders[: max(0, len(folders) - _KEEP + 1)]:
        drop_run_folder(folder)


def drop_run_folder(folder: Path) -> None:
    """Remove a run folder, and the private folder of a socket whose path would have been too long for it.

    That of a session that lives stays.
    """
    if is_live(folder):
        return
    link = folder / "link"
    if link.is_symlink():
        elsewhere = link.readlink().parent
        with contextlib.suppress(OSError):
            link.resolve().unlink(missing_ok=True)
            elsewhere.rmdir()
    shutil.rmtree(folder, ignore_errors=True)
