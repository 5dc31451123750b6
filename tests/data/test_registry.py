"""The known data files: what they are called, and that those in the data folder are the ones that are known."""

from __future__ import annotations

import re

import pytest

from ampviz.data.files import FILES, datasets, find, locate


def test_the_data_sets_are_those_of_the_demos():
    assert datasets() == ["babi", "glove", "mnist", "qm9", "sst"]


@pytest.mark.parametrize("name", FILES)
def test_every_file_has_a_name_below_its_data_set_and_a_checksum(name):
    file = FILES[name]
    assert file.name == name
    assert name.startswith(f"{file.dataset}/")
    assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    assert file.nbytes > 0
    assert all(re.fullmatch(r"https?://\S+", address) for address in file.addresses)
    assert file.addresses or not file.member


def test_checksums_are_all_different():
    assert len({file.sha256 for file in FILES.values()}) == len(FILES)


@pytest.mark.parametrize("name", FILES)
def test_the_file_in_the_data_folder_is_the_one_that_is_known(data_folder, name):
    path = find(name)
    assert path is not None
    assert data_folder in path.parents
    assert locate(name) == path
