"""`ampviz data`: which data files are there, and downloading them."""

from __future__ import annotations

import argparse


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `data`."""
    data = commands.add_parser("data", help="data files: list, fetch").add_subparsers(metavar="ACTION", required=True)
    data.add_parser("list", help="which data files are there").set_defaults(command=_data_list)
    fetch = data.add_parser("fetch", help="download a data set into the cache")
    fetch.add_argument("dataset", metavar="DATASET")
    fetch.set_defaults(command=_data_fetch)


def _data_list(options: argparse.Namespace) -> int:
    from ampviz.data.files import FILES, find

    width = max(map(len, FILES))
    for file in FILES.values():
        path = find(file.name)
        print(f"{file.dataset:8} {file.name:{width}} {file.nbytes:>12,} bytes  {path or 'missing'}")
    return 0


def _data_fetch(options: argparse.Namespace) -> int:
    from ampviz.data.files import fetch

    for path in fetch(options.dataset):
        print(path)
    return 0
