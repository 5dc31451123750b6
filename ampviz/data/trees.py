"""Binary trees with a label at every node, in the bracket notation of the Penn Treebank: `(3 (2 It) (4 works))`.

Within a line only the ASCII space separates: a word may hold any other character but brackets. Nodes are numbered
leaves first, in the order of the words, then the branches, children before their parents; so the root comes last.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ampviz.data.cache import Arrays, cached_arrays, fingerprint
from ampviz.data.dataset import Instance
from ampviz.data.files import lines, unpacked
from ampviz.data.vocabulary import Vocabulary, distinct, packed, spelling, unpacked_words
from ampviz.errors import DataError

NOBODY = -1  # the parent of the root
_FORMAT = 1  # of the cached arrays
_PART = re.compile(r"\( *([^() ]+) +([^() ]+) *\)|\( *([^() ]*)|(\))|([^() ]+)")
_LEAF, _OPEN, _CLOSE = 2, 3, 4  # the last group of each part; 5 is a word that stands alone


@dataclass(frozen=True, slots=True)
class Tree:
    """A binary tree: `words` by leaf, and by node `labels`, `parent` (-1 for the root) and `side` (0 left, 1 right)."""

    words: list[str]
    labels: list[int]
    parent: list[int]
    side: list[int]

    def __str__(self) -> str:
        """The line that `parse_tree` reads as this tree."""
        texts: list[list[str]] = [[word] for word in self.words] + [[] for _ in self.labels[len(self.words) :]]
        for node, label in enumerate(self.labels[:-1]):
            texts[self.parent[node]].insert(self.side[node], f"({label} {' '.join(texts[node])})")
        return f"({self.labels[-1]} {' '.join(texts[-1])})"


def parse_tree(text: str, *, classes: int = 5, where: str = "") -> Tree:
    """The tree in one line of text. Raises DataError, with `where`, for anything but one whole binary tree.

    Every node is `(label word)` or `(label node node)`, with a label in 0..classes-1.
    """
    known = {str(label): label for label in range(classes)}
    words: list[str] = []
    labels: tuple[list[int], list[int]] = ([], [])  # of leaves, of branches
    pairs: list[list[int]] = []  # the children of each branch: a leaf's number, or ~ the branch's
    opened: list[tuple[int, list[int]]] = []  # label and children so far
    done = False
    for part in _PART.finditer(text):
        kind = part.lastindex
        if done:
            raise DataError(f"{part[0]!r} stands after the end of the tree", where=where)
        if kind == _OPEN:
            opened.append((_label(part[3], known, where), []))
            continue
        if kind == _LEAF:
            node = len(words)
            words.append(part[2])
            labels[0].append(_label(part[1], known, where))
        elif kind == _CLOSE and opened:
            label, children = opened.pop()
            if len(children) != 2:
                raise DataError("a node is not binary", where=where, expected="2 children", got=len(children))
            node = ~len(pairs)
            pairs.append(children)
            labels[1].append(label)
        else:
            raise DataError(f"{part[0]!r} is out of place", where=where, expected="(label word) or (label node node)")
        done = not opened
        if opened:
            opened[-1][1].append(node)
    if not done:
        missing = f"{len(opened)} closing brackets are missing"
        raise DataError(missing if opened else "the sentence is empty", where=where)
    return _numbered(words, labels[0] + labels[1], pairs)


def _label(text: str, known: dict[str, int], where: str) -> int:
    label = known.get(text)
    if label is None:
        raise DataError("unknown label", where=where, expected=f"0 to {len(known) - 1}", got=repr(text))
    return label


def _numbered(words: list[str], labels: list[int], pairs: list[list[int]]) -> Tree:
    parent, side = [NOBODY] * len(labels), [0] * len(labels)
    for branch, children in enumerate(pairs, len(words)):
        for place, child in enumerate(children):
            node = child if child >= 0 else len(words) + ~child
            parent[node], side[node] = branch, place
    return Tree(words, labels, parent, side)


class Treebank:
    """Trees of one file, with words numbered by a vocabulary.

    An instance has `words` (leaves,) int64 and `labels` (nodes,) int64, and the tables `leaves` (the nodes of the
    words), `parent` (by node, -1 for the root), `side` (by node, 0 left and 1 right), `labels` (by node), `root` and
    `nodes` (how many).
    """

    def __init__(self, arrays: Arrays, vocabulary: Vocabulary | None = None):
        self._types = unpacked_words(arrays["types"])
        self._tokens, self._labels, self._parent, self._side = (
            np.asarray(arrays[name]) for name in ("tokens", "labels", "parent", "side")
        )
        self._nodes: list[int] = arrays["nodes"].tolist()  # where each tree begins, and the end
        self._leaves: list[int] = arrays["leaves"].tolist()
        self.vocabulary = Vocabulary.of(self.counts()) if vocabulary is None else vocabulary
        self._words = self.vocabulary.numbers(map(spelling, self._types))[self._tokens]
        self._words.flags.writeable = False

    def __len__(self) -> int:
        return len(self._nodes) - 1

    def __getitem__(self, index: int) -> Instance:
        node, end, leaf, last = self._bounds(index)
        tables = {
            "leaves": list(range(last - leaf)),
            "parent": self._parent[node:end].tolist(),
            "side": self._side[node:end].tolist(),
            "labels": self._labels[node:end].tolist(),
            "root": end - node - 1,
            "nodes": end - node,
        }
        return Instance({"words": self._words[leaf:last], "labels": self._labels[node:end]}, tables=tables)

    def tree(self, index: int) -> Tree:
        """A tree with its words as they stand in the file."""
        node, end, leaf, last = self._bounds(index)
        columns = (array[node:end].tolist() for array in (self._labels, self._parent, self._side))
        return Tree([self._types[token] for token in self._tokens[leaf:last]], *columns)

    def counts(self) -> Counter[str]:
        """How often each word occurs, spelled as in GloVe (see `spelling`)."""
        counts: Counter[str] = Counter()
        for word, count in zip(self._types, np.bincount(self._tokens, minlength=len(self._types)), strict=True):
            counts[spelling(word)] += int(count)
        return counts

    def _bounds(self, index: int) -> tuple[int, int, int, int]:
        at = range(len(self))[index]
        return self._nodes[at], self._nodes[at + 1], self._leaves[at], self._leaves[at + 1]


def treebank(path: Path, vocabulary: Vocabulary | None = None, *, classes: int = 5) -> Treebank:
    """The trees of a file, one a line, plain or gzipped; the vocabulary is that of the file unless given.

    The first fault ends it: DataError with file and line for a tree that `parse_tree` refuses, or an empty line.
    """

    def build() -> Arrays:
        text = lines(unpacked(path), str(path))
        if not text:
            raise DataError("there are no trees", where=str(path))
        return _flat(
            [parse_tree(line, classes=classes, where=f"{path}, line {row}") for row, line in enumerate(text, 1)]
        )

    if not path.is_file():
        raise DataError("no such file", where=str(path))
    return Treebank(cached_arrays("trees", f"{fingerprint(path)}-{classes}-{_FORMAT}", build), vocabulary)


def _flat(trees: list[Tree]) -> Arrays:
    """Trees end to end, and where each begins."""
    types, tokens = distinct([word for tree in trees for word in tree.words])
    return {
        "types": packed(types),
        "tokens": tokens,
        "labels": np.array([label for tree in trees for label in tree.labels]),
        "parent": np.array([node for tree in trees for node in tree.parent]),
        "side": np.array([side for tree in trees for side in tree.side]),
        "nodes": np.cumsum([0, *(len(tree.labels) for tree in trees)]),
        "leaves": np.cumsum([0, *(len(tree.words) for tree in trees)]),
    }
