"""List reduction: the answers against exact arithmetic, and the shape and spread of the generated lists."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.data.listred import CLASSES, OPERATIONS, VOCABULARY, answers, list_reduction
from ampviz.errors import DataError

LISTS = st.lists(st.integers(0, 9), min_size=1, max_size=9)


def mean(values: list[int]) -> Fraction:
    return Fraction(sum(values), len(values)) if values else Fraction(0)


def half_to_even(value: Fraction) -> int:
    below = math.floor(value)
    rest = value - below
    if rest == Fraction(1, 2):
        return below + below % 2
    return below + (rest > Fraction(1, 2))


def answer(operation: int, digits: list[int]) -> int:
    """What the operation makes of one list, in exact arithmetic."""
    value = [
        mean(digits),
        mean(digits[0::2]) - mean(digits[1::2]),
        Fraction(max(digits) - min(digits)),
        Fraction(len(digits)),
    ][operation]
    return half_to_even(value) % 10


def computed(operation: int, digits: list[int]) -> int:
    return int(answers(np.array([operation]), np.array([digits]))[0])


@given(st.integers(0, 3), LISTS)
@settings(max_examples=50, deadline=None)
def test_the_answer_to_a_list_is_exact(operation, digits):
    assert computed(operation, digits) == answer(operation, digits)


@given(st.integers(1, 9).flatmap(lambda n: st.lists(st.lists(st.integers(0, 9), min_size=n, max_size=n), min_size=1)))
@settings(max_examples=25, deadline=None)
def test_each_row_is_answered_by_itself(lists):
    operations = np.arange(len(lists)) % 4
    together = answers(operations, np.array(lists))
    assert together.tolist() == [computed(*pair) for pair in zip(operations, lists, strict=True)]
    assert together.dtype == np.int64


@pytest.mark.parametrize(
    ("operation", "digits", "expected"),
    [
        (0, [0, 1], 0),
        (0, [1, 2], 2),
        (0, [2, 3], 2),
        (0, [3, 4, 4, 3], 4),
        (0, [9, 9], 9),
        (1, [7], 7),
        (1, [0, 3], 7),
        (1, [0, 9], 1),
        (1, [0, 2, 1], 8),
        (1, [0, 1, 1], 0),
        (1, [2, 0, 1, 0], 2),
        (2, [4], 0),
        (2, [9, 0, 5], 9),
        (3, [0], 1),
        (3, [5] * 9, 9),
    ],
)
def test_halves_round_to_even_and_negatives_count_from_ten(operation, digits, expected):
    assert answer(operation, digits) == expected
    assert computed(operation, digits) == expected


@pytest.mark.parametrize("rows", [1, 7, 100])
def test_buckets_have_lists_of_one_length_and_at_most_rows(rows):
    dataset = list_reduction("train", lists=500, rows=rows)
    buckets = [dataset[index] for index in range(len(dataset))]
    assert sum(len(bucket.fields["tokens"]) for bucket in buckets) == 500
    for bucket in buckets:
        tokens, label = bucket.fields["tokens"], bucket.fields["label"]
        assert 1 <= len(tokens) <= rows
        assert tokens.shape == (len(label), bucket.state["n"])
        assert tokens.dtype == label.dtype == np.int64
        assert not bucket.tables


def test_every_list_is_an_operation_then_digits_then_its_answer():
    dataset = list_reduction("valid", lists=300, rows=50)
    for index in range(len(dataset)):
        fields = dataset[index].fields
        for tokens, label in zip(fields["tokens"].tolist(), fields["label"].tolist(), strict=True):
            assert 10 <= tokens[0] < VOCABULARY == 10 + len(OPERATIONS)
            assert all(0 <= digit <= 9 for digit in tokens[1:])
            assert 1 <= len(tokens) - 1 <= 9
            assert label == answer(tokens[0] - 10, tokens[1:]) < CLASSES


def test_buckets_of_a_length_are_full_but_for_the_last():
    dataset = list_reduction("train", lists=5000, rows=100)
    sizes: dict[int, list[int]] = {}
    for index in range(len(dataset)):
        tokens = dataset[index].fields["tokens"]
        sizes.setdefault(tokens.shape[1], []).append(len(tokens))
    for of_one_length in sizes.values():
        assert sum(size < 100 for size in of_one_length) <= 1


@pytest.fixture(scope="module")
def training():
    """The whole training split."""
    return list_reduction("train")


def test_the_training_split_spreads_evenly(training):
    counts, lengths, digits, labels = (np.zeros(size, int) for size in (4, 11, 10, 10))
    for index in range(len(training)):
        tokens, label = training[index].fields["tokens"], training[index].fields["label"]
        counts += np.bincount(tokens[:, 0] - 10, minlength=4)
        lengths[tokens.shape[1]] += len(tokens)
        digits += np.bincount(tokens[:, 1:].ravel(), minlength=10)
        labels += np.bincount(label, minlength=10)
    assert counts.sum() == lengths.sum() == labels.sum() == 100_000
    np.testing.assert_allclose(counts / 100_000, 1 / 4, atol=0.01)
    np.testing.assert_allclose(lengths[2:] / 100_000, 1 / 9, atol=0.01)
    np.testing.assert_allclose(digits / digits.sum(), 1 / 10, atol=0.01)
    assert labels.min() > 3_000


def test_the_lengths_of_the_buckets_stand_in_random_order(training):
    lengths = np.array([training[index].state["n"] for index in range(len(training))])
    assert abs(np.corrcoef(np.arange(len(lengths)), lengths)[0, 1]) < 0.15
    assert np.count_nonzero(np.diff(lengths)) > len(lengths) / 2


def rows_of(dataset) -> list[tuple[int, ...]]:
    return [
        (*tokens, label)
        for index in range(len(dataset))
        for tokens, label in zip(
            dataset[index].fields["tokens"].tolist(), dataset[index].fields["label"].tolist(), strict=True
        )
    ]


def test_a_seed_gives_the_same_lists_every_time_and_another_gives_others():
    first = rows_of(list_reduction("train", lists=400, seed=3))
    assert rows_of(list_reduction("train", lists=400, seed=3)) == first
    assert rows_of(list_reduction("train", lists=400, seed=4)) != first


def test_the_splits_are_seed_0_and_seed_1():
    assert rows_of(list_reduction("train", lists=50)) == rows_of(list_reduction("valid", lists=50, seed=0))
    assert rows_of(list_reduction("valid", lists=50)) == rows_of(list_reduction("train", lists=50, seed=1))
    assert len(rows_of(list_reduction("valid"))) == 10_000


@pytest.mark.parametrize("wrong", [{"lists": 0}, {"rows": 0}, {"lists": -1}])
def test_no_lists_or_no_rows_are_refused(wrong):
    with pytest.raises(DataError, match="at least one list"):
        list_reduction("train", **wrong)
