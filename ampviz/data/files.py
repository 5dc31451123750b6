"""Where data files are found: the folder AMPVIZ_DATA, then the user's cache; checked against known checksums."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_dir

from ampviz.errors import DataError, UsageError

_MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A published file: its name below a data folder, size in bytes, sha256, and the addresses that serve it."""

    name: str
    nbytes: int
    sha256: str
    addresses: tuple[str, ...]

    @property
    def dataset(self) -> str:
        return self.name.split("/", 1)[0]


def _mnist(name: str, nbytes: int, sha256: str) -> DataFile:
    return DataFile(f"mnist/{name}", nbytes, sha256, tuple(base + name for base in _MNIST))


FILES = {
    file.name: file
    for file in (
        _mnist(
            "train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        _mnist(
            "train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        _mnist(
            "t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        _mnist("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    )
}


def cache_root() -> Path:
    """The user's cache folder; `AMPVIZ_CACHE` overrides it."""
    return Path(os.environ.get("AMPVIZ_CACHE") or user_cache_dir("ampviz"))


def locate(name: str) -> Path:
    """The path of a known data file, its checksum verified. Raises DataError where it is absent or another file."""
    path = find(name)
    if path is None:
        file = FILES[name]
        raise DataError(
            "not found in AMPVIZ_DATA nor in the cache",
            where=name,
            hint=f"`ampviz data fetch {file.dataset}` downloads it, or set AMPVIZ_DATA to a folder that has it",
        )
    verify(path, FILES[name])
    return path


def find(name: str) -> Path | None:
    """Where a data file lies, unverified; None if nowhere."""
    folders = [Path(os.environ["AMPVIZ_DATA"])] if os.environ.get("AMPVIZ_DATA") else []
    for folder in [*folders, cache_root() / "data"]:
        if (folder / name).is_file():
            return folder / name
    return None


def verify(path: Path, file: DataFile) -> None:
    """Raise DataError unless the file at `path` has the published size and checksum."""
    size = path.stat().st_size
    if size != file.nbytes:
        raise DataError("the file is not the published one", where=str(path), expected=f"{file.nbytes} bytes", got=size)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != file.sha256:
        raise DataError("the checksum is wrong", where=str(path), expected=file.sha256, got=digest)


def datasets() -> list[str]:
    """The names that `fetch` takes."""
    return sorted({file.dataset for file in FILES.values()})


def fetch(dataset: str) -> list[Path]:
    """Download the files of a data set into the cache; those that are there already stay. Raises DataError."""
    import pooch  # imported here: it brings an HTTP client, which no training needs

    wanted = [file for file in FILES.values() if file.dataset == dataset]
    if not wanted:
        raise UsageError(f"no data set is called {dataset!r}", hint=f"one of {', '.join(datasets())}")
    paths = []
    for file in wanted:
        target = cache_root() / "data" / file.name
        errors: list[str] = []
        for address in file.addresses:
            try:
                pooch.retrieve(address, f"sha256:{file.sha256}", target.name, target.parent, progressbar=False)
            except (OSError, ValueError) as error:
                errors.append(f"{address}: {error}")
            else:
                break
        else:
            raise DataError("could not be downloaded", where=file.name, hint="; ".join(errors))
        paths.append(target)
    return paths
