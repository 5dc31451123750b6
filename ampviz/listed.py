"""What each session of this user is doing, asked of those that live; uses asyncio."""

from __future__ import annotations

import asyncio
from pathlib import Path

from msgspec import Struct

from ampviz.errors import LinkError
from ampviz.runtime.catalogue import Entry, catalogue
from ampviz.telemetry.snapshot import Snapshot
from ampviz.tui.client import LinkClient

_PATIENCE_S = 2.0
_ENDED = {0: "finished", 130: "interrupted"}


class Listed(Struct, frozen=True):
    """One line of `ampviz ls`: what is not known is None."""

    id: str
    target: str
    status: str  # that of a live session, starting, no answer; finished, failed, interrupted, dead
    epoch: int | None
    epochs: int
    instances_per_s: float | None
    pid: int
    started: str
    viewers: int
    exit: int | None
    folder: str


def listed(root: Path) -> list[Listed]:
    """All sessions, the newest first."""
    return asyncio.run(_listed(catalogue(root)[::-1]))


async def _listed(entries: list[Entry]) -> list[Listed]:
    return list(await asyncio.gather(*(_live(entry) if entry.live else _ended(entry) for entry in entries)))


async def _live(entry: Entry) -> Listed:
    link = entry.folder / "link"
    client = LinkClient()
    try:
        await client.connect(link, deadline_s=_PATIENCE_S)
        async with asyncio.timeout(_PATIENCE_S):
            snapshot = await client.first_snapshot()
    except LinkError:
        return _line(entry, "no answer" if link.exists() else "starting")
    except TimeoutError:  # it listens before there are workers
        return _line(entry, "starting")
    finally:
        client.close()
    return _line(entry, snapshot.status.value, snapshot)


async def _ended(entry: Entry) -> Listed:
    if entry.outcome is None:
        return _line(entry, "dead")
    return _line(entry, _ENDED.get(entry.outcome.exit, "failed"))


def _line(entry: Entry, status: str, snapshot: Snapshot | None = None) -> Listed:
    info, epochs = entry.info, entry.outcome.report.get("epochs", ()) if entry.outcome else ()
    epoch, rate = (len(epochs), epochs[-1]["instances_per_s"]) if epochs else (None, None)
    if snapshot is not None:
        epoch, rate = snapshot.epoch, snapshot.instances_per_s
    return Listed(
        id=info.id,
        target=info.target,
        status=status,
        epoch=epoch,
        epochs=info.epochs,
        instances_per_s=rate,
        pid=info.pid,
        started=info.started,
        viewers=snapshot.viewers if snapshot else 0,
        exit=entry.outcome.exit if entry.outcome else None,
        folder=str(entry.folder),
    )
