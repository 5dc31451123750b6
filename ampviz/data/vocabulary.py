"""Words and their numbers, and word lists as arrays for the cache."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN = 0  # the number of every word that a vocabulary does not have
_SPELLINGS = {"-lrb-": "(", "-rrb-": ")", "``": '"', "''": '"'}


def spelling(word: str) -> str:
    """A word of a treebank as GloVe spells it: lower case, brackets and quotes as themselves, `\\/` as `/`."""
    lower = word.lower().replace("\\/", "/")
    return _SPELLINGS.get(lower, lower)


class Vocabulary:
    """Numbers for words: 0 stands for all unknown words, the others follow in the given order. `len` counts the 0.

    `words[number]` is the word; `words[0]` is the empty string, which is no word.
    """

    def __init__(self, words: Iterable[str]):
        self.words = tuple(dict.fromkeys(["", *words]))
        self._number = {word: number for number, word in enumerate(self.words)}

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Vocabulary:
        """Words by how often they occur: the frequent ones first, equally frequent ones by the alphabet."""
        return cls(sorted(counts, key=lambda word: (-counts[word], word)))

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return bool(word) and word in self._number

    def __getitem__(self, word: str) -> int:
        return self._number.get(word, UNKNOWN)

    def numbers(self, words: Iterable[str]) -> NDArray[np.int64]:
        """The number of each word (words,)."""
        number = self._number
        return np.array([number.get(word, UNKNOWN) for word in words], np.int64)


def packed(words: Sequence[str]) -> NDArray[np.uint8]:
    """Words as one array of bytes, for the cache; no word may hold a line feed."""
    return np.frombuffer("\n".join(words).encode(), np.uint8)


def unpacked_words(array: NDArray[Any]) -> list[str]:
    """The words that `packed` made an array of."""
    return array.tobytes().decode().split("\n") if len(array) else []


def distinct(words: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The different words by the alphabet, and the place of each word among them (words,)."""
    types = sorted(set(words))
    place = {word: index for index, word in enumerate(types)}
    return types, np.array([place[word] for word in words], np.int64)
