"""The Stanford Sentiment Treebank as published: counts, labels, vocabulary, and that it is parsed only once."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from ampviz.data import files, trees
from ampviz.data.sst import CLASSES, sst, sst_vocabulary
from ampviz.data.vocabulary import UNKNOWN, Vocabulary

COUNTS = {
    "train": (8544, 163_563, 318_582, [1092, 2218, 1624, 2322, 1288], 52),
    "valid": (1101, 21_274, 41_447, [139, 289, 229, 279, 165], 49),
    "test": (2210, 42_405, 82_600, [279, 633, 389, 510, 399], 56),
}


pytestmark = pytest.mark.usefixtures("published")


@pytest.mark.parametrize("split", COUNTS)
def test_the_treebank_is_what_was_published(split):
    dataset = sst(split)
    instances = [dataset[index] for index in range(len(dataset))]
    words = [len(instance.fields["words"]) for instance in instances]
    roots = [instance.fields["labels"][instance.tables["root"]] for instance in instances]
    nodes = sum(instance.tables["nodes"] for instance in instances)
    assert (len(dataset), sum(words), nodes, np.bincount(roots).tolist(), max(words)) == COUNTS[split]


def test_every_tree_prints_as_its_line(data_folder):
    lines = gzip.decompress((data_folder / "sst/dev.txt.gz").read_bytes()).decode().split("\n")[:-1]
    dataset = sst("valid")
    assert [str(dataset.tree(index)) for index in range(len(dataset))] == lines


def test_a_word_with_a_no_break_space_stays_one_word():
    assert any("\u00a0" in word for word in sst_vocabulary("valid", "test").words)


def test_the_vocabulary_is_that_of_the_training_split():
    train, valid = sst("train"), sst("valid")
    assert train.vocabulary.words == valid.vocabulary.words == sst_vocabulary().words
    assert train.vocabulary.words[:4] == ("", ".", "the", ",")
    seen = np.unique(np.concatenate([train[index].fields["words"] for index in range(len(train))]))
    assert seen.tolist() == list(range(1, len(train.vocabulary)))
    unknown = sum(np.count_nonzero(valid[index].fields["words"] == UNKNOWN) for index in range(len(valid)))
    assert 0 < unknown < 0.06 * COUNTS["valid"][1]


def test_words_of_other_splits_follow_those_of_training():
    few, all_words = sst_vocabulary(), sst_vocabulary("valid", "test")
    assert all_words.words[: len(few)] == few.words
    assert len(all_words) == 19_538 - 1 + 1  # both kinds of quotes are one word, and there is the unknown one
    test = sst("test", vocabulary=all_words)
    assert all(test[index].fields["words"].min() > UNKNOWN for index in range(len(test)))


def test_labels_are_the_five_classes():
    dataset = sst("valid")
    labels = np.concatenate([dataset[index].fields["labels"] for index in range(len(dataset))])
    assert set(labels.tolist()) == set(range(CLASSES))


def test_a_second_start_parses_nothing(monkeypatch):
    first = sst("valid")[7]
    monkeypatch.setattr(trees, "parse_tree", None)
    again = sst("valid", vocabulary=Vocabulary([]))[7]
    assert again.tables == first.tables


def test_a_plain_file_serves_as_well_as_a_gzipped_one(data_folder, monkeypatch, tmp_path):
    content = gzip.decompress((data_folder / "sst/dev.txt.gz").read_bytes())
    folder = tmp_path / "own" / "sst"
    folder.mkdir(parents=True)
    (folder / "dev.txt").write_bytes(content)
    monkeypatch.setenv("AMPVIZ_DATA", str(tmp_path / "own"))
    assert files.locate("sst/dev.txt") == folder / "dev.txt"
    assert hashlib.sha256(content).hexdigest() == files.FILES["sst/dev.txt"].sha256
