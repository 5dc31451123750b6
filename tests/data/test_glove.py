"""GloVe vectors: lines against rows, spelling, words without a vector, bad lines, and the vectors of the treebank."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.data.glove import glove
from ampviz.data.sst import sst_vocabulary
from ampviz.data.vocabulary import Vocabulary, packed, unpacked_words
from ampviz.errors import DataError

LINES = ["the 0.5 -1 2e-1", "unk 7 8 9", "( 1 1 1", '" 2 2 2', "and/or 3 3 3", "8\u00a01/2 4 4 4"]


@pytest.fixture
def write(tmp_path):
    def write(lines, name="vectors.txt"):
        content = "".join(f"{line}\n" for line in lines).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
def test_each_word_gets_its_vector_in_the_order_of_the_vocabulary(write, name):
    rows = glove(Vocabulary(["8\u00a01/2", "the", "("]), write(LINES, name))
    np.testing.assert_array_equal(rows, np.float32([[7, 8, 9], [4, 4, 4], [0.5, -1, 0.2], [1, 1, 1]]))
    assert rows.dtype == np.float32


@pytest.mark.parametrize(
    ("word", "value"), [("THE", 0.5), ("-LRB-", 1), ("-lrb-", 1), ("``", 2), ("''", 2), ("And\\/Or", 3)]
)
def test_words_of_the_treebank_are_found_by_their_spelling(write, word, value):
    assert glove(Vocabulary([word]), write(LINES))[1, 0] == value


def test_words_without_a_vector_get_a_row_that_depends_on_seed_and_place(write):
    path, vocabulary = write(LINES), Vocabulary(["the", "absent", "gone"])
    rows = glove(vocabulary, path)
    np.testing.assert_array_equal(rows, glove(vocabulary, path, seed=0))
    other = glove(vocabulary, path, seed=1)
    assert (rows[2:] != other[2:]).all()
    np.testing.assert_array_equal(rows[:2], other[:2])
    assert (rows[2] != rows[3]).all()


def test_random_rows_spread_like_the_vectors_of_the_file(write):
    rng = np.random.default_rng(3)
    lines = [f"w{row} " + " ".join(map(str, rng.normal(0, 5, 50))) for row in range(40)]
    rows = glove(Vocabulary(f"absent{row}" for row in range(40)), write(lines))
    assert rows.std() == pytest.approx(5, rel=0.1)


def test_without_a_vector_for_unknown_words_their_row_is_random_too(write):
    rows = glove(Vocabulary([]), write(["a 1 2", "b 3 4"]))
    assert rows.shape == (1, 2)
    assert rows[0].tolist() not in ([1, 2], [3, 4])


def test_of_a_word_that_comes_twice_the_first_counts(write):
    assert glove(Vocabulary(["a"]), write(["a 1", "b 2", "a 3"]))[1].tolist() == [1]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("short 1 2", "ragged line (expected a word and 3 numbers, got 2)"),
        ("long 1 2 3 4", "got 4"),
        ("two words 1 2 3", "got 4"),
        ("trailing 1 2 3 ", "got 4"),
        ("", "got 0"),
        ("text 1 2 three", "not all are finite numbers"),
        ("gap 1  3", "not all are finite numbers"),
        ("nan 1 nan 3", "not all are finite numbers"),
        ("inf 1 2 inf", "not all are finite numbers"),
        ("both inf -inf 3", "not all are finite numbers"),
        ("huge 1 2 1e39", "not all are finite numbers"),
        ("digits 1 2 1_0", "not all are finite numbers"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(write, line, what):
    path = write([*LINES[:2], line, *LINES[2:]])
    with pytest.raises(DataError) as caught:
        glove(Vocabulary(["the"]), path)
    assert caught.value.where == f"{path}, line 3"
    assert what in str(caught.value)


@pytest.mark.parametrize(("lines", "what"), [([], "no vectors"), (["word"], "ragged line")])
def test_a_file_without_numbers_is_refused(write, lines, what):
    with pytest.raises(DataError, match=what):
        glove(Vocabulary(["the"]), write(lines))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        glove(Vocabulary([]), tmp_path / "absent")


def test_a_changed_file_is_read_again_and_an_unchanged_one_is_not(write, monkeypatch):
    vocabulary = Vocabulary(["a"])
    assert glove(vocabulary, write(["a 1"]))[1].tolist() == [1]
    path = write(["a 22"])
    assert glove(vocabulary, path)[1].tolist() == [22]
    monkeypatch.setattr("ampviz.data.glove._read", None)
    assert glove(vocabulary, path)[1].tolist() == [22]


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)))
@settings(max_examples=50, deadline=None)
def test_words_pack_and_unpack(words):
    assert unpacked_words(packed(words)) == words


@given(st.lists(st.text()), st.text())
@settings(max_examples=50, deadline=None)
def test_numbers_and_words_are_inverse(words, other):
    vocabulary = Vocabulary(words)
    assert [vocabulary[word] for word in vocabulary.words] == list(range(len(vocabulary)))
    assert set(vocabulary.words) == {"", *words}
    assert (other in vocabulary) == (vocabulary[other] > 0)
    assert vocabulary.numbers([other, ""]).tolist() == [vocabulary[other], 0]


def test_the_vectors_of_the_treebank_are_those_of_glove(data_folder):
    vocabulary = sst_vocabulary()
    rows = glove(vocabulary)
    assert rows.shape == (len(vocabulary), 100)
    np.testing.assert_allclose(rows[vocabulary["the"], :5], [-0.038194, -0.24487, 0.72812, -0.39961, 0.083172])
    drawn = np.random.default_rng(0).standard_normal(rows.shape, np.float32)
    ratio = np.divide(rows, drawn)
    without = np.isclose(ratio, ratio[vocabulary["a"], 0], rtol=1e-4).all(axis=1)
    assert 0.88 < 1 - without.mean() < 0.92
    assert not without[0]
