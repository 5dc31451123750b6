"""A session with its recording and link, headless or as a process of its own; uses asyncio on uvloop.

`python -m ampviz.runtime.serve JSON` is how the command line starts a session that a viewer will watch.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from msgspec import Struct

from ampviz.errors import AmpvizError
from ampviz.runtime.catalogue import conclude, entered
from ampviz.runtime.checkpoint import load_checkpoint
from ampviz.runtime.link_server import LinkServer
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.link import Finished
from ampviz.telemetry.recording import Recorder
from ampviz.telemetry.snapshot import Snapshot


class ServeRequest(Struct, frozen=True):
    """What to run and where; `resume` names a checkpoint to go on from."""

    spec: RunSpec
    folder: str
    resume: str | None = None


class Served(Struct, frozen=True):
    """How a session ended."""

    report: dict[str, Any]
    error: str
    checkpoint: Path | None


def make_session(request: ServeRequest) -> Session:
    """The session that is asked for. Raises AmpvizError of exit code 2 if it cannot be."""
    checkpoint = load_checkpoint(Path(request.resume)) if request.resume else None
    return Session(request.spec, Path(request.folder), checkpoint)


async def serve(
    session: Session, on_tick: Callable[[Snapshot], None] = lambda _: None, *, watched: bool = False
) -> Served:
    """Run a session to its end, with its recording if one is asked for and its link.

    `watched`: somebody sees every tick that `on_tick` gets, not only what is new in it.
    """
    spec = session.spec
    recorder = Recorder(Path(spec.recording), session.info(), spec.recording_mb) if spec.recording else None
    link = LinkServer(session, session.folder / "link")

    def tick(snapshot: Snapshot) -> None:
        if recorder is not None:
            broken = recorder.record(snapshot)
            if broken:
                session.controller.note("ERROR", f"the recording ends here: {broken}")
        link.tick(snapshot)
        on_tick(snapshot)

    session.on_tick = tick
    session.viewed = lambda: bool(link.viewers)
    session.traced = lambda: recorder is not None or session.viewed()
    session.watched = lambda: watched or session.traced()
    finished = Finished(1, "the session ended unexpectedly; see its log", {"exit": 1})
    with entered(session.folder, session.info()):
        await link.start()
        try:
            report = await session.run()
            finished = Finished(report["exit"], session.controller.error, report)
        except AmpvizError as problem:
            finished = Finished(1, str(problem), {"exit": 1})
            raise
        finally:
            try:
                conclude(session.folder, finished)
            finally:
                await link.finish(finished)
                if recorder is not None:
                    recorder.close()
    saved = session.checkpoint_path
    return Served(finished.report, finished.error, saved if saved.exists() else None)


def main() -> int:
    """Serve the request in the first argument; returns the exit code."""
    try:
        request = msgspec.json.decode(sys.argv[1], type=ServeRequest)
        served = uvloop.run(serve(make_session(request)))
    except AmpvizError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return int(served.report["exit"])


if __name__ == "__main__":
    sys.exit(main())
