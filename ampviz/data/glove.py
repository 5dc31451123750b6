"""GloVe word vectors in their text form: a word and its numbers a line, separated by single spaces."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ampviz.data.cache import Arrays, cached_arrays, fingerprint
from ampviz.data.files import lines, locate, unpacked
from ampviz.data.vocabulary import UNKNOWN, Vocabulary, packed, spelling, unpacked_words
from ampviz.errors import DataError

FILE = "glove/glove.6B.100d.sst-vocab.txt.gz"
_UNKNOWN_WORD = "unk"  # GloVe's own word for words it does not know
_FORMAT = 1  # of the cached arrays
_LARGEST = float(np.finfo(np.float32).max)


def glove(vocabulary: Vocabulary, path: Path | None = None, *, seed: int = 0) -> NDArray[np.float32]:
    """The vector of each word of a vocabulary (words, size) float32; from the words of the treebank unless `path`.

    A word is looked up as `spelling` writes it: GloVe 6B knows lower case only. The unknown word (row 0) gets the
    vector of `unk`. Words without a vector get a normal row with the deviation of the vectors in the file, the same for
    the same seed and row. Raises DataError with file and line for a line that is not a word and as many finite numbers
    as the first line has; of a word that comes twice, the first counts.
    """
    path = locate(FILE) if path is None else path
    if not path.is_file():
        raise DataError("no such file", where=str(path))
    arrays = cached_arrays("glove", f"{fingerprint(path)}-{_FORMAT}", lambda: _read(path))
    vectors = np.asarray(arrays["vectors"])
    row = {word: index for index, word in enumerate(unpacked_words(arrays["words"]))}
    found = np.array([row.get(spelling(word), -1) for word in vocabulary.words], np.int64)
    found[UNKNOWN] = row.get(_UNKNOWN_WORD, -1)
    rows = np.random.default_rng(seed).standard_normal((len(vocabulary), vectors.shape[1]), np.float32)
    rows *= arrays["deviation"][0]
    rows[found >= 0] = vectors[found[found >= 0]]
    return rows


def _read(path: Path) -> Arrays:
    text = lines(unpacked(path), str(path))
    if not text:
        raise DataError("there are no vectors", where=str(path))
    size = text[0].count(" ")
    vectors: dict[str, NDArray[np.float32]] = {}
    for number, line in enumerate(text, 1):
        word, *values = line.split(" ")
        if len(values) != size or not size:
            expected = f"a word and {size or 'some'} numbers"
            raise DataError("ragged line", where=f"{path}, line {number}", expected=expected, got=len(values))
        vector = _numbers(values)
        if vector is None:
            raise DataError("not all are finite numbers", where=f"{path}, line {number}", got=repr(line[:60]))
        vectors.setdefault(word, vector)
    table = np.stack(list(vectors.values()))
    return {"words": packed(list(vectors)), "vectors": table, "deviation": np.array([table.std(dtype=float)])}


def _numbers(values: list[str]) -> NDArray[np.float32] | None:
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return None
    finite = math.isfinite(sum(numbers)) and max(map(abs, numbers)) < _LARGEST
    return np.array(numbers, np.float32) if finite and "_" not in "".join(values) else None  # float takes 1_000
