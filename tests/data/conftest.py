"""What the tests with the published data sets share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def warm_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for all tests of a file: parsing takes longest."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def published(data_folder: Path, monkeypatch: pytest.MonkeyPatch, warm_cache: Path) -> Path:
    """The folder of the published data sets, which are parsed once for all tests of a file."""
    monkeypatch.setenv("AMPVIZ_CACHE", str(warm_cache))
    return data_folder
