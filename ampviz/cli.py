"""The command line: assembles the subcommands, and turns errors and ctrl-c into exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from ampviz import __version__
from ampviz.commands import data, export, graph, replay, run, sessions
from ampviz.errors import AmpvizError

_EXAMPLES = """examples:
  ampviz run listred            train a recurrent network and watch it
  ampviz attach                 watch the newest run that is under way; ampviz ls lists them
  ampviz graph mnist            print the graph of a model
  ampviz replay                 the newest recording on the screen
  ampviz export --to perfetto   the newest recording, for ui.perfetto.dev
  ampviz data list              which data files are there
  ampviz resume CHECKPOINT      go on where an interrupted session stopped
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # before numpy: one worker is one core, and sums keep one order
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except AmpvizError as error:
        print(f"ampviz: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 # the reader left; let nothing complain at exit
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("ampviz", description=__doc__, epilog=_EXAMPLES, formatter_class=plain)
    parser.description = "Asynchronous model-parallel training, with a visual debugger in the terminal."
    parser.add_argument("--version", action="version", version=f"ampviz {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (run, sessions, replay, export, graph, data):
        module.add_to(commands)
    return parser
