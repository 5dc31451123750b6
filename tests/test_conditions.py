"""Conditions: they mean what Python would make of them, and an error points at its column."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.conditions import Condition
from ampviz.errors import UsageError

FIGURES = {"a": 2.0, "b": -3.5, "embed.staleness": 7.0, "fc1-2.queue": 1.0, "broken": math.nan, "huge": math.inf}


def holds(text: str) -> bool:
    return Condition.parse(text, FIGURES).holds(FIGURES.__getitem__)


NUMBERS = st.one_of(st.sampled_from(["a", "b"]), st.integers(0, 9).map(str))
SUMS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(" ".join), inner.map(lambda text: f"-({text})")
    ),
    max_leaves=6,
)
COMPARISONS = st.tuples(SUMS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), SUMS).map(" ".join)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map(lambda text: f"not ({text})"),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=5,
)


@given(CONDITIONS)
@settings(max_examples=200, deadline=None)
def test_a_condition_means_what_python_makes_of_it(text):
    assert holds(text) is bool(eval(text, {"__builtins__": {}}, {"a": 2.0, "b": -3.5}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("embed.staleness > 6", True),
        ("fc1-2.queue == 1", True),
        ("a - b == 5.5", True),
        ("broken is nan", True),
        ("broken is not nan", False),
        ("huge is inf and a is not inf", True),
        ("broken > 0 or broken <= 0", False),
        ("a / 0 is nan", True),
        ("1e-3 < .5", True),
        ("a", True),
        ("a-2", False),
    ],
)
def test_what_python_does_not_say(text, expected):
    if text == "a-2":  # one name, since names may hold dashes
        with pytest.raises(UsageError, match="no figure is called 'a-2'"):
            holds(text)
        return
    assert holds(text) is expected


@pytest.mark.parametrize(
    ("text", "column", "what"),
    [
        ("", 1, "a value is missing"),
        ("a >", 4, "a value is missing"),
        ("a > 1 b", 7, "nothing more was expected here"),
        ("(a > 1", 7, "a parenthesis is not closed"),
        ("a is big", 6, "not a kind of number"),
        ("a > 1 and $", 11, "not a number, name or sign"),
        ("stalenes > 1", 1, "no figure is called 'stalenes'"),
        ("__import__('os')", 1, "no figure is called '__import__'"),
    ],
)
def test_an_error_names_its_column(text, column, what):
    with pytest.raises(UsageError) as caught:
        Condition.parse(text, [*FIGURES, "staleness"])
    assert caught.value.where.startswith(f"column {column} of")
    assert what in str(caught.value)


def test_the_nearest_names_are_offered():
    with pytest.raises(UsageError, match="did you mean staleness"):
        Condition.parse("stalenes > 1", ["staleness", "age"])


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_condition_or_a_usage_error(text):
    with contextlib.suppress(UsageError):
        Condition.parse(text, FIGURES).holds(FIGURES.__getitem__)


def test_the_names_that_are_read_are_known():
    assert Condition.parse("a > 1 and not (b < a)", FIGURES).names == {"a", "b"}
