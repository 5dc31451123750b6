"""List reduction: what does an operation make of a list of digits? Generated from a seed (paper, section 6)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ampviz.data.dataset import Instance
from ampviz.errors import DataError

OPERATIONS = ("mean", "mean of even positions - mean of odd positions", "max - min", "length")
VOCABULARY = 14  # the digits 0..9, then the four operations
CLASSES = 10
_LONGEST = 9
_SPLITS = {"train": (0, 100_000), "valid": (1, 10_000)}  # seed and number of lists


class ListReduction:
    """Lists of equal length in buckets of `rows`; the buckets stand in random order.

    An instance has `tokens` (rows, n) int64 with the operation first, `label` (rows,) int64 and the state field `n`.
    """

    def __init__(self, buckets: list[tuple[NDArray[np.int64], NDArray[np.int64]]]):
        self._buckets = buckets

    def __len__(self) -> int:
        return len(self._buckets)

    def __getitem__(self, index: int) -> Instance:
        tokens, label = self._buckets[index]
        return Instance({"tokens": tokens, "label": label}, {"n": tokens.shape[1]})


def list_reduction(
    split: Literal["train", "valid"], *, lists: int | None = None, rows: int = 100, seed: int | None = None
) -> ListReduction:
    """The data set of a split: 100,000 lists of seed 0, or 10,000 of seed 1, unless told otherwise."""
    default_seed, default_lists = _SPLITS[split]
    lists = default_lists if lists is None else lists
    if lists < 1 or rows < 1:
        raise DataError("at least one list and one row are needed", where="list_reduction", got=(lists, rows))
    rng = np.random.default_rng(default_seed if seed is None else seed)
    operations = rng.integers(0, len(OPERATIONS), lists)
    lengths = rng.integers(1, _LONGEST + 1, lists)
    digits = rng.integers(0, 10, (lists, _LONGEST))
    buckets = []
    for length in range(1, _LONGEST + 1):
        chosen = np.flatnonzero(lengths == length)
        tokens = np.column_stack([operations[chosen] + 10, digits[chosen, :length]])
        label = answers(operations[chosen], digits[chosen, :length])
        buckets += [
            (tokens[start : start + rows], label[start : start + rows]) for start in range(0, len(chosen), rows)
        ]
    return ListReduction([buckets[index] for index in rng.permutation(len(buckets))])


def answers(operations: NDArray[Any], digits: NDArray[Any]) -> NDArray[np.int64]:
    """The class of each list: operations (rows,) 0..3, digits (rows, length). Rounded half to even, modulo 10."""
    length = digits.shape[1]
    odd = digits[:, 1::2]
    values = np.choose(
        operations,
        [
            digits.mean(axis=1),
            digits[:, 0::2].mean(axis=1) - (odd.mean(axis=1) if length > 1 else 0.0),
            digits.max(axis=1) - digits.min(axis=1),
            np.full(len(digits), float(length)),
        ],
    )
    classes: NDArray[np.int64] = np.rint(values).astype(np.int64) % CLASSES
    return classes
