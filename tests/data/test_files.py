"""Where data files are found, that they are the published ones, and how they are fetched."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pooch
import pytest

from ampviz.data import files
from ampviz.data.files import DataFile, datasets, fetch, find, lines, locate, member
from ampviz.errors import DataError, UsageError

CONTENT = b"what was published"
NAME = "toy/data.bin"
TOY = DataFile(
    NAME,
    len(CONTENT),
    hashlib.sha256(CONTENT).hexdigest(),
    ("https://first.invalid/data.bin", "https://second.invalid/data.bin"),
)


@pytest.fixture(autouse=True)
def known_files(monkeypatch):
    """One known file, and no folder of the user's."""
    monkeypatch.setattr(files, "FILES", {NAME: TOY})
    monkeypatch.delenv("AMPVIZ_DATA", raising=False)


@pytest.fixture
def cached(tmp_path) -> Path:
    """The path of the file in the cache."""
    return tmp_path / "cache" / "data" / NAME


@pytest.fixture
def own(tmp_path, monkeypatch) -> Path:
    """The path of the file in a folder of the user's own."""
    monkeypatch.setenv("AMPVIZ_DATA", str(tmp_path / "own"))
    return tmp_path / "own" / NAME


def put(path: Path, content: bytes = CONTENT) -> Path:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_a_file_in_the_cache_is_found(cached):
    assert find(NAME) is None
    put(cached)
    assert find(NAME) == locate(NAME) == cached


def test_the_users_folder_wins_over_the_cache(own, cached):
    put(cached)
    assert locate(NAME) == cached
    put(own)
    assert locate(NAME) == own


def test_a_broken_file_in_the_users_folder_is_an_error_and_not_passed_over(own, cached):
    put(cached)
    put(own, b"x" * len(CONTENT))
    with pytest.raises(DataError, match="checksum") as caught:
        locate(NAME)
    assert caught.value.where == str(own)


def test_a_folder_of_that_name_is_not_a_file(own, cached):
    own.mkdir(parents=True)
    put(cached)
    assert find(NAME) == cached


def test_a_missing_file_says_how_to_get_it():
    with pytest.raises(DataError, match="not found") as caught:
        locate(NAME)
    assert caught.value.where == NAME
    assert "`ampviz data fetch toy`" in caught.value.hint
    assert "AMPVIZ_DATA" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (CONTENT[:-1], f"expected {len(CONTENT)} bytes, got {len(CONTENT) - 1}"),
        (b"", f"expected {len(CONTENT)} bytes, got 0"),
        (CONTENT.swapcase(), f"expected {TOY.sha256}"),
    ],
    ids=["short", "empty", "other"],
)
def test_another_file_is_refused(cached, content, what):
    put(cached, content)
    with pytest.raises(DataError, match=what) as caught:
        locate(NAME)
    assert caught.value.where == str(cached)


@pytest.fixture
def network(monkeypatch, tmp_path):
    """A network of addresses that either serve the file or fail; lists what was asked for."""

    class Network(list):
        failures: dict[str, Exception] = {}  # noqa: RUF012 # replaced by the tests, never filled

        def retrieve(self, url, known_hash, fname=None, path=None, **options):
            self.append(url)
            if url in self.failures:
                raise self.failures[url]
            assert known_hash == f"sha256:{TOY.sha256}"
            put(Path(path) / fname)
            return str(Path(path) / fname)

    network = Network()
    monkeypatch.setattr(pooch, "retrieve", network.retrieve)
    return network


def test_fetching_puts_the_file_where_it_is_found(network, cached):
    assert fetch("toy") == [cached]
    assert network == [TOY.addresses[0]]
    assert locate(NAME) == cached


@pytest.mark.parametrize("failure", [OSError("no route to host"), ValueError("SHA256 hash does not match")])
def test_a_failing_address_is_passed_over_for_the_next(network, cached, failure):
    network.failures = {TOY.addresses[0]: failure}
    assert fetch("toy") == [cached]
    assert network == list(TOY.addresses)


def test_all_addresses_failing_is_one_error_that_names_each(network):
    network.failures = {address: OSError(f"refused {number}") for number, address in enumerate(TOY.addresses)}
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        fetch("toy")
    assert caught.value.where == NAME
    for number, address in enumerate(TOY.addresses):
        assert f"{address}: refused {number}" in caught.value.hint


def test_an_unknown_data_set_is_refused_with_the_known_ones(network):
    assert datasets() == ["toy"]
    with pytest.raises(UsageError, match="'tyo'") as caught:
        fetch("tyo")
    assert "toy" in caught.value.hint
    assert not network


def test_a_file_fetched_before_is_not_downloaded_again(cached):
    put(cached)
    assert fetch("toy") == [cached]


def test_a_gzipped_copy_serves_and_its_content_is_what_counts(cached):
    packed = cached.with_name("data.bin.gz")
    put(packed, gzip.compress(CONTENT))
    assert locate(NAME) == packed
    packed.write_bytes(gzip.compress(CONTENT.swapcase()))
    with pytest.raises(DataError, match="the checksum is wrong"):
        locate(NAME)
    packed.write_bytes(gzip.compress(CONTENT)[:-4])
    with pytest.raises(DataError, match="not a whole gzip file"):
        locate(NAME)
    put(cached.parent / "plain" / "x").replace(cached)
    assert locate(NAME) == cached


@pytest.fixture
def derived(monkeypatch):
    """The known file has no address."""
    monkeypatch.setattr(files, "FILES", {NAME: DataFile(NAME, TOY.nbytes, TOY.sha256)})


def test_a_file_without_an_address_has_to_be_brought_along(derived, cached):
    with pytest.raises(DataError, match="not found") as caught:
        fetch("toy")
    assert caught.value.where == NAME
    assert "has no address: set AMPVIZ_DATA" in caught.value.hint
    put(cached)
    assert fetch("toy") == [cached]


def zipped(name: str, content: bytes) -> bytes:
    """A zip archive of one file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def taped(name: str, content: bytes) -> bytes:
    """A gzipped tar archive of one file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.fixture
def archives(monkeypatch):
    """The known file comes in an archive; addresses serve what is put in the dict, and list what was asked for."""
    addresses = ("https://first.invalid/all.zip", "https://second.invalid/other.tar.gz")
    file = DataFile(NAME, TOY.nbytes, TOY.sha256, addresses, member="inner/data.txt")
    monkeypatch.setattr(files, "FILES", {NAME: file})
    served: dict[str, bytes] = {}

    def retrieve(url, known_hash, fname, path, **options):
        assert known_hash is None
        target = Path(path) / fname
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(served.pop(url))

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    return served


@pytest.mark.parametrize("pack", [zipped, taped])
def test_a_file_is_taken_out_of_the_archive_that_is_served(archives, cached, pack):
    archives["https://first.invalid/all.zip"] = pack("inner/data.txt", CONTENT)
    assert fetch("toy") == [cached]
    assert cached.read_bytes() == CONTENT
    assert fetch("toy") == [cached]
    assert [path.name for path in cached.parent.iterdir()] == [cached.name]


@pytest.mark.parametrize(
    "broken", [zipped("inner/data.txt", CONTENT.swapcase()), zipped("other", CONTENT), b"no archive", b""]
)
def test_a_wrong_archive_is_passed_over_for_the_next(archives, cached, broken):
    archives["https://first.invalid/all.zip"] = broken
    archives["https://second.invalid/other.tar.gz"] = taped("inner/data.txt", CONTENT)
    assert fetch("toy") == [cached]
    assert cached.read_bytes() == CONTENT


def test_archives_that_all_fail_leave_no_file(archives, cached):
    archives["https://first.invalid/all.zip"] = zipped("inner/data.txt", b"short")
    archives["https://second.invalid/other.tar.gz"] = taped("inner/data.txt", CONTENT)[:60]
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        fetch("toy")
    assert "expected 18 bytes, got 5" in caught.value.hint
    assert "the archive cannot be read" in caught.value.hint
    assert not list(cached.parent.iterdir())


def test_a_wrong_archive_is_asked_for_again_the_next_time(archives, cached):
    archives["https://first.invalid/all.zip"] = zipped("inner/data.txt", CONTENT.swapcase())
    archives["https://second.invalid/other.tar.gz"] = b""
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch("toy")
    archives["https://first.invalid/all.zip"] = zipped("inner/data.txt", CONTENT)
    assert fetch("toy") == [cached]


@pytest.mark.parametrize("pack", [zipped, taped])
def test_an_archive_without_the_file_is_a_data_error(tmp_path, pack):
    path = tmp_path / "archive"
    path.write_bytes(pack("there", CONTENT))
    assert member(path, "there") == CONTENT
    with pytest.raises(DataError, match="the archive has no file absent"):
        member(path, "absent")
    with pytest.raises(DataError, match="no such file"):
        member(tmp_path / "absent", "there")


def test_lines_end_at_line_feeds_only():
    assert lines("a\u2028b\x0bc\r\n\x85d\n\ne".encode(), "f") == ["a\u2028b\x0bc", "\x85d", "", "e"]
    assert lines(b"", "f") == []
    assert lines(b"a\n\n", "f") == ["a", ""]
