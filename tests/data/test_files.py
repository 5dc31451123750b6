"""Where data files are found, that they are the published ones, and how they are fetched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pooch
import pytest

from ampviz.data import files
from ampviz.data.files import DataFile, datasets, fetch, find, locate
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
