"""The Stanford Sentiment Treebank: sentences of film reviews as binary trees, rated 0 (very bad) to 4 at every node."""

from __future__ import annotations

from collections import Counter
from typing import Literal

from ampviz.data.files import locate
from ampviz.data.trees import Treebank, treebank
from ampviz.data.vocabulary import Vocabulary

CLASSES = 5
Split = Literal["train", "valid", "test"]
_FILE = {"train": "sst/train.txt", "valid": "sst/dev.txt", "test": "sst/test.txt"}


def sst(split: Split, *, vocabulary: Vocabulary | None = None) -> Treebank:
    """The 8,544 training, 1,101 validation or 2,210 test trees; see `Treebank` for what an instance has.

    The vocabulary is that of the training split unless given (`sst_vocabulary`).
    """
    if vocabulary is None and split != "train":
        vocabulary = sst_vocabulary()
    return treebank(locate(_FILE[split]), vocabulary, classes=CLASSES)


def sst_vocabulary(*others: Split) -> Vocabulary:
    """The words of the training split by how often they occur, then those that only the splits `others` have.

    Words are spelled as in GloVe. With others, a word that training never shows can still get its pretrained vector.
    """
    counts: Counter[str] = sst("train").counts()
    words = dict.fromkeys(Vocabulary.of(counts).words[1:])
    for split in others:
        words |= dict.fromkeys(Vocabulary.of(treebank(locate(_FILE[split])).counts()).words[1:])
    return Vocabulary(words)
