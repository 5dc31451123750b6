"""Trees in brackets: they print and parse back, their numbering, what is refused, and the data set of a file."""

from __future__ import annotations

import gzip
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.data.trees import parse_tree, treebank
from ampviz.data.vocabulary import Vocabulary
from ampviz.errors import DataError
from tests.data.treetext import TREES, leaves_of, rebuilt, text_of

LINES = ["(3 (2 It) (4 (4 works) (2 .)))", "(1 No)", "(0 (1 (2 It) (1 fails)) (2 .))"]


@given(TREES)
@settings(max_examples=50, deadline=None)
def test_a_tree_prints_and_parses_back(tree):
    text = text_of(tree)
    assert str(parse_tree(text)) == text


@given(TREES)
@settings(max_examples=50, deadline=None)
def test_the_tables_say_the_same_as_the_brackets(tree):
    parsed = parse_tree(text_of(tree))
    assert list(zip(parsed.labels, parsed.words, strict=False)) == leaves_of(tree)
    assert rebuilt(parsed.words, parsed.labels, parsed.parent, parsed.side, len(parsed.labels) - 1) == tree


@given(TREES)
@settings(max_examples=50, deadline=None)
def test_children_come_before_their_parents_and_the_root_last(tree):
    parsed = parse_tree(text_of(tree))
    root = len(parsed.labels) - 1
    assert root == 2 * len(parsed.words) - 2
    assert parsed.parent[root] == -1
    assert all(node < parent <= root for node, parent in enumerate(parsed.parent[:root]))


@given(TREES, st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_spaces_between_brackets_do_not_matter(tree, count):
    text = text_of(tree)
    loose = text.replace("(", "( ").replace(")", " )").replace(" ", " " * count)
    assert parse_tree(loose) == parse_tree(text)


@given(TREES, st.data())
@settings(max_examples=50, deadline=None)
def test_a_tree_with_a_bracket_lost_or_doubled_is_refused(tree, data):
    text = text_of(tree)
    place = data.draw(st.sampled_from([index for index, letter in enumerate(text) if letter in "()"]))
    for broken in (text[:place] + text[place + 1 :], text[:place] + text[place] + text[place:]):
        with pytest.raises(DataError, match="here"):
            parse_tree(broken, where="here")


@pytest.mark.parametrize("space", ["\u00a0", "\u2028", "\x85", "\t", "\x0b", "\u3000"])
def test_only_the_ascii_space_separates(space):
    assert parse_tree(f"(2 (2 8{space}1\\/2) (3 {space}))").words == [f"8{space}1\\/2", space]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the sentence is empty"),
        ("   ", "the sentence is empty"),
        ("()", "unknown label"),
        ("(3)", "not binary (expected 2 children, got 0)"),
        ("(3 )", "not binary (expected 2 children, got 0)"),
        ("(3 (2 a))", "not binary (expected 2 children, got 1)"),
        ("(3 (2 a) (2 b) (2 c))", "not binary (expected 2 children, got 3)"),
        ("(3 a b)", "'a' is out of place"),
        ("(3 (2 a) b)", "'b' is out of place"),
        ("word", "'word' is out of place"),
        (")", "')' is out of place"),
        ("(3 a) (2 b)", "'(2 b)' stands after the end"),
        ("(3 a))", "')' stands after the end"),
        ("(3 (2 a) (2 b)", "1 closing brackets are missing"),
        ("(3 (2 (1 a)", "2 closing brackets are missing"),
        ("(5 a)", "unknown label (expected 0 to 4, got '5')"),
        ("(-1 a)", "got '-1'"),
        ("(03 a)", "got '03'"),
        ("(\u0663 a)", "unknown label"),
        ("(good a)", "got 'good'"),
        ("((2 a) (2 b))", "unknown label (expected 0 to 4, got '')"),
    ],
)
def test_what_is_not_one_binary_tree_is_refused_with_its_place(text, what):
    with pytest.raises(DataError) as caught:
        parse_tree(text, where="f.txt, line 7")
    assert str(caught.value).startswith("f.txt, line 7: ")
    assert what in str(caught.value)


def test_a_tree_deeper_than_the_stack_of_python_is_read():
    depth = 3000
    parsed = parse_tree("(2 (1 a) " * depth + "(0 b)" + ")" * depth)
    assert len(parsed.words) == depth + 1
    assert parsed.parent[:2] == [2 * depth, 2 * depth - 1]


def test_the_number_of_classes_is_asked_for():
    assert parse_tree("(7 a)", classes=8).labels == [7]
    with pytest.raises(DataError, match="expected 0 to 1"):
        parse_tree("(2 a)", classes=2)


@pytest.fixture
def write(tmp_path):
    """Writes lines to a file of trees and returns its path."""

    def write(lines=LINES, name="trees.txt", end="\n"):
        content = "".join(line + end for line in lines).encode()
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write


@pytest.mark.parametrize(("name", "end"), [("a.txt", "\n"), ("a.txt.gz", "\n"), ("a.txt", "\r\n")])
def test_a_file_of_trees_is_a_data_set(write, name, end):
    trees = treebank(write(name=name, end=end))
    assert [str(trees.tree(index)) for index in range(len(trees))] == LINES
    first = trees[0]
    assert first.fields.keys() == {"words", "labels"}
    assert first.fields["labels"].tolist() == [2, 4, 2, 4, 3]
    assert first.fields["words"].dtype == first.fields["labels"].dtype == np.int64
    assert first.tables == {
        "leaves": [0, 1, 2],
        "parent": [4, 3, 3, 4, -1],
        "side": [0, 0, 1, 1, 0],
        "labels": [2, 4, 2, 4, 3],
        "root": 4,
        "nodes": 5,
    }
    assert not first.state
    assert trees[1].tables == {"leaves": [0], "parent": [-1], "side": [0], "labels": [1], "root": 0, "nodes": 1}


def test_tables_hold_plain_integers(write):
    tables = treebank(write())[2].tables
    lists = (tables[name] for name in ("leaves", "parent", "side", "labels"))
    for value in (*chain(*lists), tables["root"], tables["nodes"]):
        assert type(value) is int


def test_fields_cannot_be_written(write):
    for field in treebank(write())[0].fields.values():
        with pytest.raises(ValueError, match="read-only"):
            field[0] = 1


def test_the_vocabulary_of_a_file_is_by_frequency_then_alphabet(write):
    assert treebank(write()).vocabulary.words == ("", ".", "it", "fails", "no", "works")


def test_words_get_the_numbers_of_the_vocabulary_and_0_where_it_has_none(write):
    trees = treebank(write(), Vocabulary(["fails", "it"]))
    assert [trees[index].fields["words"].tolist() for index in range(3)] == [[2, 0, 0], [0], [2, 1, 0]]


def test_words_are_spelled_as_in_glove(write):
    trees = treebank(write(["(2 (2 -LRB-) (2 (2 ``) (2 1\\/2)))", "(2 (2 '') (2 -rrb-))"]))
    assert set(trees.vocabulary.words) == {"", "(", ")", '"', "1/2"}
    assert trees.counts() == {"(": 1, ")": 1, '"': 2, "1/2": 1}


def test_an_index_outside_is_an_error_and_a_negative_one_counts_from_the_end(write):
    trees = treebank(write())
    with pytest.raises(IndexError):
        trees[3]
    assert trees[-1].fields["words"].tolist() == trees[2].fields["words"].tolist()


@pytest.mark.parametrize("fault", ["", "(3 (2 a))", "(9 a)", "(3 (2 a) (2 b)"])
def test_the_line_of_a_bad_tree_is_named(write, fault):
    path = write([*LINES, fault, *LINES])
    with pytest.raises(DataError) as caught:
        treebank(path)
    assert caught.value.where == f"{path}, line 4"


def test_bytes_that_are_no_text_name_the_line(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_bytes(b"(1 No)\n(1 \xff)\n")
    with pytest.raises(DataError, match="not UTF-8") as caught:
        treebank(path)
    assert caught.value.where == f"{path}, line 2"


def test_a_missing_and_an_empty_file_are_refused(tmp_path, write):
    with pytest.raises(DataError, match="no such file"):
        treebank(tmp_path / "absent")
    with pytest.raises(DataError, match="there are no trees"):
        treebank(write([]))


def test_classes_are_checked_although_the_file_is_cached(write):
    path = write()
    treebank(path)
    with pytest.raises(DataError, match="unknown label"):
        treebank(path, classes=3)
