"""`ampviz replay`: a recording on the screen."""

from __future__ import annotations

import argparse

from ampviz.errors import UsageError
from ampviz.terminal import on_terminal

_EXAMPLES = """examples:
  ampviz replay                       the newest recording
  ampviz replay run.ampviz            a file written with --record
  ampviz replay 20260101-120000-mnist the session of this name, also one that is under way

space plays and stands still, < > change the speed, , . go from event to event (t: of which kind), ? lists all keys.

exit codes: 0 left, 2 wrong usage or no recording
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `replay`."""
    plain = argparse.RawDescriptionHelpFormatter
    replay = commands.add_parser("replay", help="show a recording", epilog=_EXAMPLES, formatter_class=plain)
    replay.add_argument("file", metavar="FILE", nargs="?", help="a recording, or a session's name; default: the newest")
    replay.set_defaults(command=_replay)


def _replay(options: argparse.Namespace) -> int:
    from ampviz.commands.recordings import recording_called
    from ampviz.watched import replay

    path = recording_called(options.file)
    if not on_terminal():
        raise UsageError("a replay needs a terminal", where=str(path), hint="`ampviz export` writes it for other tools")
    replay(path)
    return 0
