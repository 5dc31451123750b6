"""bAbI as text: stories, numbering, what is refused, and the official tasks."""

from __future__ import annotations

import numpy as np
import pytest

from ampviz.data.babi_text import babi_text, stories
from ampviz.data.vocabulary import Vocabulary
from ampviz.errors import DataError

LINES = [
    "1 Mary went home.",
    "2 John left.",
    "3 Where is Mary?\thome\t1",
    "4 Mary left.",
    "5 Is it Mary?\tyes\t1 4",
    "1 It rains.",
    "2 Who?\tit,it",
]


@pytest.fixture
def write(tmp_path):
    def write(lines=LINES):
        path = tmp_path / "qa.txt"
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    return write


def words_of(dataset, index) -> str:
    return " ".join(dataset.vocabulary.words[number] for number in dataset[index].fields["tokens"][0])


def test_a_question_comes_with_the_story_before_it(write):
    dataset = stories(write())
    assert [words_of(dataset, index) for index in range(len(dataset))] == [
        "mary went home . john left . where is mary ?",
        "mary went home . john left . mary left . is it mary ?",
        "it rains . who ?",
    ]
    first = dataset[0]
    assert first.fields["tokens"].shape == (1, first.state["n"]) == (1, 11)
    assert first.fields["tokens"].dtype == first.fields["label"].dtype == np.int64
    assert first.tables == {"sentences": [0, 4, 7], "support": [0]}
    assert dataset[1].tables == {"sentences": [0, 4, 7, 10], "support": [0, 2]}
    assert dataset[2].tables == {"sentences": [0, 3], "support": []}


def test_answers_are_classes_by_frequency(write):
    dataset = stories(write([*LINES, "1 It.", "2 Is it?\tyes\t1"]))
    assert dataset.answers.words == ("", "yes", "home", "it,it")
    assert [dataset[index].fields["label"].tolist() for index in range(4)] == [[2], [1], [3], [1]]


def test_given_vocabularies_number_what_they_know(write):
    dataset = stories(write(), vocabulary=Vocabulary(["mary", "it"]), answers=Vocabulary(["yes"]))
    assert dataset[2].fields["tokens"].tolist() == [[2, 0, 0, 0, 0]]
    assert [dataset[index].fields["label"].tolist() for index in range(3)] == [[0], [1], [0]]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("3 It rains.", "numbered 1, 2, 3, ... (expected 2, got 3)"),
        ("two It rains.", "expected 2, got two"),
        ("", "expected 2, got "),
        ("2 ", "the sentence is empty"),
        ("2", "the sentence is empty"),
        ("2 \tyes\t1", "the sentence is empty"),
        ("2 Who?\t\t1", "not a question"),
        ("2 Who?\tyes\t2", "not a question"),
        ("2 Who?\tyes\tone", "not a question"),
        ("2 Who?\tyes\t1\t1", "not a question"),
    ],
)
def test_a_bad_line_is_refused_with_file_and_line(write, line, what):
    path = write([*LINES[:6], line])
    with pytest.raises(DataError) as caught:
        stories(path)
    assert caught.value.where == f"{path}, line 7"
    assert what in str(caught.value)


def test_a_fact_of_another_story_supports_nothing(write):
    with pytest.raises(DataError, match="line 7: not a question"):
        stories(write([*LINES[:6], "2 Who?\tit\t4"]))


def test_files_without_questions_and_no_file_are_refused(write, tmp_path):
    with pytest.raises(DataError, match="no questions"):
        stories(write(LINES[:2]))
    with pytest.raises(DataError, match="no such file"):
        stories(tmp_path / "absent")


@pytest.mark.parametrize(
    ("task", "words", "answers"), [(2, 36, 7), (3, 37, 7), (15, 20, 5), (16, 20, 5), (18, 19, 3), (19, 22, 13)]
)
def test_the_official_tasks_have_a_thousand_questions_each(data_folder, task, words, answers):
    train, valid = babi_text(task, "train"), babi_text(task, "valid")
    assert len(train) == len(valid) == 1000
    assert (len(train.vocabulary), len(train.answers)) == (words, answers)
    assert valid.vocabulary.words == train.vocabulary.words
    assert valid.answers.words == train.answers.words
    for index in range(0, 1000, 10):
        instance = valid[index]
        assert instance.fields["tokens"].min() > 0
        assert instance.fields["label"][0] > 0
        assert max(instance.tables["support"]) < len(instance.tables["sentences"]) - 1


def test_the_first_question_of_basic_deduction_reads_as_in_the_file(data_folder):
    dataset = babi_text(15, "train")
    assert words_of(dataset, 0).startswith("mice are afraid of wolves . gertrude is a mouse .")
    assert words_of(dataset, 0).endswith("jessica is a wolf . what is gertrude afraid of ?")
    assert dataset.answers.words[dataset[0].fields["label"][0]] == "wolf"
    assert dataset[0].tables["support"] == [1, 0]


def test_an_unknown_task_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match=r"expected one of \[2, 3, 15, 16, 18, 19\], got 21"):
        babi_text(21, "train")
