"""bAbI tasks as text, the official form: numbered sentences of a story, and questions with their answers among them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from ampviz.data.cache import Arrays, cached_arrays, fingerprint
from ampviz.data.dataset import Instance
from ampviz.data.files import FILES, lines, locate, unpacked
from ampviz.data.vocabulary import Vocabulary, distinct, packed, unpacked_words
from ampviz.errors import DataError

_SPLIT = {"train": "train", "valid": "test"}
_NAME = re.compile(r"babi/.*/qa(\d+)_[^/]*_(train|test)\.txt")
_WORD = re.compile(r"\w+|[^\w\s]")
_FORMAT = 1  # of the cached arrays


class Question(NamedTuple):
    """A question with the sentences before it in its story, itself the last; `support` numbers them from 0."""

    sentences: list[list[str]]
    answer: str
    support: list[int]


class Stories:
    """Questions with their stories, one an instance, in the order of the file.

    `tokens` (1, n) int64: the words of the story so far, then of the question, in lower case; `label` (1,) int64: the
    number of the answer, which is a class of its own even where it is a list; state field `n`. Tables: `sentences`
    (where each begins, the question last) and `support` (the sentences that the answer rests on).
    Words and answers that the vocabularies do not have are number 0.
    """

    def __init__(self, arrays: Arrays, vocabulary: Vocabulary | None, answers: Vocabulary | None):
        words, replies = unpacked_words(arrays["words"]), unpacked_words(arrays["replies"])
        given = Counter(replies[reply] for reply in arrays["answers"])
        self.vocabulary = Vocabulary(words) if vocabulary is None else vocabulary
        self.answers = Vocabulary.of(given) if answers is None else answers
        self._tokens = self.vocabulary.numbers(words)[arrays["tokens"]]
        self._label = self.answers.numbers(replies)[arrays["answers"]]
        for array in (self._tokens, self._label):
            array.flags.writeable = False
        self._sentences, self._support = np.asarray(arrays["sentences"]), np.asarray(arrays["support"])
        self._bounds: list[list[int]] = arrays["bounds"].tolist()  # of tokens, sentences, support

    def __len__(self) -> int:
        return len(self._label)

    def __getitem__(self, index: int) -> Instance:
        at = range(len(self))[index]
        (token, sentence, fact), (token_end, sentence_end, fact_end) = self._bounds[at : at + 2]
        fields = {"tokens": self._tokens[None, token:token_end], "label": self._label[at : at + 1]}
        tables = {
            "sentences": self._sentences[sentence:sentence_end].tolist(),
            "support": self._support[fact:fact_end].tolist(),
        }
        return Instance(fields, {"n": token_end - token}, tables)


def babi_text(
    task: int,
    split: Literal["train", "valid"],
    *,
    vocabulary: Vocabulary | None = None,
    answers: Vocabulary | None = None,
) -> Stories:
    """The questions of an official task (2, 3, 15, 16, 18 or 19), `valid` being its test file.

    Words and answers are numbered as the training split has them, unless given.
    """
    names = {match.groups(): match.string for match in map(_NAME.fullmatch, FILES) if match}
    name = names.get((str(task), _SPLIT[split]))
    if name is None:
        known = sorted({int(number) for number, _ in names})
        raise DataError("the text of the task is not known", where="babi", expected=f"one of {known}", got=task)
    if split != "train" and (vocabulary is None or answers is None):
        train = babi_text(task, "train")
        vocabulary, answers = vocabulary or train.vocabulary, answers or train.answers
    return stories(locate(name), vocabulary=vocabulary, answers=answers)


def stories(path: Path, *, vocabulary: Vocabulary | None = None, answers: Vocabulary | None = None) -> Stories:
    """The questions of a file in the official form, plain or gzipped; its own words and answers unless given.

    Raises DataError with file and line where numbers do not go up by one from 1, a sentence has no words, a question
    has no answer, or rests on a line that is no sentence of its story.
    """

    def build() -> Arrays:
        questions = _questions(lines(unpacked(path), str(path)), str(path))
        if not questions:
            raise DataError("there are no questions", where=str(path))
        return _flat(questions)

    if not path.is_file():
        raise DataError("no such file", where=str(path))
    return Stories(cached_arrays("stories", f"{fingerprint(path)}-{_FORMAT}", build), vocabulary, answers)


def _questions(text: list[str], where: str) -> list[Question]:
    questions: list[Question] = []
    number, story, places = 0, list[list[str]](), dict[str, int]()
    for row, line in enumerate(text, 1):
        place = f"{where}, line {row}"
        count, _, rest = line.partition(" ")
        if count == "1":
            number, story, places = 0, [], {}
        number += 1
        if count != str(number):
            raise DataError("the lines of a story are numbered 1, 2, 3, ...", where=place, expected=number, got=count)
        sentence, *answer = rest.split("\t")
        words = _WORD.findall(sentence.lower())
        if not words:
            raise DataError("the sentence is empty", where=place)
        if not answer:
            places[count] = len(story)
            story.append(words)
            continue
        support = answer[1].split(" ") if len(answer) == 2 else []
        if len(answer) > 2 or not answer[0] or not all(fact in places for fact in support):
            expected = "question, answer and sentences of its story, separated by tabs"
            raise DataError("not a question", where=place, expected=expected, got=repr(rest))
        questions.append(Question([*story, words], answer[0], [places[fact] for fact in support]))
    return questions


def _flat(questions: list[Question]) -> Arrays:
    """Questions end to end, and where each begins."""
    tokens = [[word for sentence in question.sentences for word in sentence] for question in questions]
    starts = [np.cumsum([0, *(len(sentence) for sentence in question.sentences[:-1])]) for question in questions]
    words, numbers = distinct([word for row in tokens for word in row])
    replies, answers = distinct([question.answer for question in questions])
    lengths = [
        (len(row), len(start), len(question.support))
        for row, start, question in zip(tokens, starts, questions, strict=True)
    ]
    return {
        "words": packed(words),
        "tokens": numbers,
        "replies": packed(replies),
        "answers": answers,
        "sentences": np.concatenate(starts),
        "support": np.array([fact for question in questions for fact in question.support], np.int64),
        "bounds": np.cumsum([(0, 0, 0), *lengths], axis=0),
    }
