"""Where data files are found: the folder AMPVIZ_DATA, then the user's cache; checked against known checksums."""

from __future__ import annotations

import gzip
import hashlib
import os
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path

from platformdirs import user_cache_dir

from ampviz.data.registry import FILES, DataFile
from ampviz.errors import DataError, UsageError

__all__ = [
    "FILES",
    "DataFile",
    "cache_root",
    "datasets",
    "fetch",
    "find",
    "lines",
    "locate",
    "member",
    "unpacked",
    "verify",
]


def cache_root() -> Path:
    """The user's cache folder; `AMPVIZ_CACHE` overrides it."""
    return Path(os.environ.get("AMPVIZ_CACHE") or user_cache_dir("ampviz"))


def locate(name: str) -> Path:
    """The path of a known data file, its checksum verified. Raises DataError where it is absent or another file."""
    path = find(name)
    if path is None:
        raise DataError("not found in AMPVIZ_DATA nor in the cache", where=name, hint=_how_to_get(FILES[name]))
    verify(path, FILES[name])
    return path


def find(name: str) -> Path | None:
    """Where a data file lies, plain or gzipped (`name.gz`), unverified; None if nowhere."""
    folders = [Path(os.environ["AMPVIZ_DATA"])] if os.environ.get("AMPVIZ_DATA") else []
    for folder in [*folders, cache_root() / "data"]:
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def verify(path: Path, file: DataFile) -> None:
    """Raise DataError unless the file at `path` has the known size and checksum, unpacked where it is `name.gz`."""
    gzipped = path.suffix == ".gz" and not file.name.endswith(".gz")
    size = path.stat().st_size
    if not gzipped and size != file.nbytes:
        raise DataError("the file is not the published one", where=str(path), expected=f"{file.nbytes} bytes", got=size)
    digest = hashlib.sha256(unpacked(path) if gzipped else path.read_bytes()).hexdigest()
    if digest != file.sha256:
        raise DataError("the checksum is wrong", where=str(path), expected=file.sha256, got=digest)


def unpacked(path: Path) -> bytes:
    """The bytes of a file, gunzipped where its name ends in .gz. Raises DataError where that cannot be done."""
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except FileNotFoundError:
        raise DataError("no such file", where=str(path)) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"not a whole gzip file: {error}", where=str(path)) from error
    except OSError as error:
        raise DataError(f"cannot be read: {error}", where=str(path)) from error


def lines(content: bytes, where: str) -> list[str]:
    """The lines of a UTF-8 text, which end at LF or CR LF and nowhere else. Raises DataError for other bytes."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(f"not UTF-8: {error.reason}", where=f"{where}, line {line}") from None
    found = text.replace("\r\n", "\n").split("\n")
    return found if found[-1] else found[:-1]


def member(archive: Path, name: str) -> bytes:
    """The bytes of one file in an archive: zip, tar or tar.gz. Raises DataError where it cannot be had."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                return zipped.read(name)
        with tarfile.open(archive) as tape:
            file = tape.extractfile(name)
            if file is None:
                raise KeyError(name)
            return file.read()
    except FileNotFoundError:
        raise DataError("no such file", where=str(archive)) from None
    except KeyError:
        raise DataError(f"the archive has no file {name}", where=str(archive)) from None
    except (OSError, EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"the archive cannot be read: {error}", where=str(archive)) from error


def datasets() -> list[str]:
    """The names that `fetch` takes."""
    return sorted({file.dataset for file in FILES.values()})


def fetch(dataset: str) -> list[Path]:
    """Download the files of a data set into the cache; those that are there already stay.

    Raises DataError where an address fails, and, after the others were fetched, for a file that has no address and is
    nowhere yet.
    """
    wanted = [file for file in FILES.values() if file.dataset == dataset]
    if not wanted:
        raise UsageError(f"no data set is called {dataset!r}", hint=f"one of {', '.join(datasets())}")
    fetched = [_download(file) for file in wanted if file.addresses]
    return fetched + [locate(file.name) for file in wanted if not file.addresses]


def _download(file: DataFile) -> Path:
    target = cache_root() / "data" / file.name
    errors: list[str] = []
    for address in file.addresses:
        try:
            if file.member:
                _download_member(file, address, target)
            else:
                _retrieve(address, f"sha256:{file.sha256}", target)
        except (OSError, ValueError, DataError) as error:
            errors.append(f"{address}: {error}")
        else:
            return target
    raise DataError("could not be downloaded", where=file.name, hint="; ".join(errors))


def _download_member(file: DataFile, address: str, target: Path) -> None:
    """Put one file of an archive at `target`, once it is known to be the right one."""
    if target.is_file():
        verify(target, file)
        return
    archive = cache_root() / "archives" / address.rpartition("/")[2]
    _retrieve(address, None, archive)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        fresh = Path(folder) / target.name
        try:
            fresh.write_bytes(member(archive, file.member))
            verify(fresh, file)
        except DataError:
            archive.unlink(missing_ok=True)  # else the wrong archive would stay for good
            raise
        fresh.replace(target)


def _retrieve(address: str, known_hash: str | None, target: Path) -> None:
    import pooch  # imported here: it brings an HTTP client, which no training needs

    pooch.retrieve(address, known_hash, target.name, target.parent, progressbar=False)


def _how_to_get(file: DataFile) -> str:
    if file.addresses:
        return f"`ampviz data fetch {file.dataset}` downloads it, or set AMPVIZ_DATA to a folder that has it"
    return "it was derived from published data and has no address: set AMPVIZ_DATA to a folder that has it"
