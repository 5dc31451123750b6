"""The exceptions: what their text holds, and the exit code each stands for."""

from __future__ import annotations

import pickle

import pytest

from ampviz import errors
from ampviz.errors import (
    AmpvizError,
    DataError,
    GraphError,
    KnobError,
    LinkError,
    NodeError,
    UsageError,
    WorkerError,
)

EXIT_CODES = {
    AmpvizError: 1, NodeError: 1, WorkerError: 1, LinkError: 1,
    UsageError: 2, GraphError: 2, DataError: 2, KnobError: 2,
}  # fmt: skip


def test_this_file_knows_every_exception():
    defined = {value for value in vars(errors).values() if isinstance(value, type)}
    assert defined == set(EXIT_CODES)


@pytest.mark.parametrize(("kind", "code"), EXIT_CODES.items())
def test_errors_of_the_request_exit_with_2_and_the_others_with_1(kind, code):
    assert kind("what").exit_code == code
    assert issubclass(kind, AmpvizError)
    assert issubclass(kind, UsageError) == (code == 2)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "it broke"),
        ({"where": "fc1"}, "fc1: it broke"),
        ({"expected": 3}, "it broke (expected 3)"),
        ({"got": 0}, "it broke (got 0)"),
        ({"got": ""}, "it broke (got )"),
        ({"expected": "an int", "got": False}, "it broke (expected an int, got False)"),
        ({"hint": "mend it"}, "it broke. Hint: mend it"),
        ({"where": "fc1", "got": "x", "hint": "mend it"}, "fc1: it broke (got x). Hint: mend it"),
        ({"where": "a", "expected": 1, "got": 2, "hint": "b"}, "a: it broke (expected 1, got 2). Hint: b"),
    ],
)
def test_the_text_holds_the_parts_that_are_known(facts, text):
    assert str(AmpvizError("it broke", **facts)) == text


def test_a_place_learned_later_shows_in_the_text():
    error = GraphError("it broke")
    error.where = "fc1 (Linear, model.py:3)"
    assert str(error) == "fc1 (Linear, model.py:3): it broke"


@pytest.mark.parametrize(
    "error",
    [
        AmpvizError("first\nsecond"),
        AmpvizError("it broke", where="a\n  b"),
        AmpvizError("it broke", expected="1\n2", got="3\r\n4"),
        AmpvizError("it broke", hint="do\n\nthis"),
    ],
)
def test_the_text_is_one_line(error):
    assert len(str(error).splitlines()) == 1


def test_no_word_is_lost_where_lines_are_joined():
    assert str(AmpvizError("first\n   second", hint="do\n\nthis")) == "first second. Hint: do this"


@pytest.mark.parametrize("kind", EXIT_CODES)
def test_errors_survive_pickling(kind):
    error = kind("it broke", where="fc1", expected=1, got=2, hint="mend it")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert str(copy) == str(error)
