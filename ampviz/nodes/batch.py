"""A batch: messages of one port that are processed together, and how nodes send them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, compress
from typing import Any, Protocol

import numpy as np

from ampviz.message import Message
from ampviz.nodes.payload import Payload, Place, each, gather, row_count, runs, split, stack
from ampviz.state import State


class Batch:
    """Messages of one port: their states, and their payloads as consecutive row ranges of one, `counts` of each.

    A payload of None says that there is nothing to differentiate, for all of them; `counts` is then empty. A batch and
    what it holds are read-only.
    """

    __slots__ = ("_starts", "counts", "payload", "port", "states")

    def __init__(self, port: int, states: Sequence[State], payload: Payload | None = None, counts: Sequence[int] = ()):
        self.port = port
        self.states = states
        self.counts = counts
        self.payload: Any = payload
        self._starts: list[int] | None = None

    @classmethod
    def of(cls, message: Message) -> Batch:
        """A batch of one message."""
        port, state, payload = message
        return cls(port, (state,), payload, () if payload is None else (row_count(payload),))

    def __len__(self) -> int:
        """The number of messages."""
        return len(self.states)

    def __iter__(self) -> Iterator[Message]:
        """Its messages one by one."""
        payloads = [None] * len(self.states) if self.payload is None else split(self.payload, self.counts)
        for state, payload in zip(self.states, payloads, strict=True):
            yield self.port, state, payload

    @property
    def starts(self) -> list[int]:
        """The first row of each message, and behind them the number of all rows."""
        if self._starts is None:
            self._starts = list(accumulate(self.counts, initial=0))
        return self._starts

    def place(self, number: int) -> Place:
        """Where the rows of a message are."""
        starts = self._starts or self.starts
        return self.payload, starts[number], starts[number + 1]

    def cut(self, count: int) -> tuple[Batch, Batch]:
        """The first `count` messages, and the rest."""
        head, rest = self.states[:count], self.states[count:]
        if self.payload is None:
            return Batch(self.port, head), Batch(self.port, rest)
        row, rows = self.starts[count], self.starts[-1]
        parts = (gather([(self.payload, 0, row)]), gather([(self.payload, row, rows)]))
        counts = (self.counts[:count], self.counts[count:])
        return Batch(self.port, head, parts[0], counts[0]), Batch(self.port, rest, parts[1], counts[1])

    def where(self, chosen: Sequence[bool]) -> Batch:
        """The messages for which `chosen` is true, in order."""
        return self if all(chosen) else self.only(list(compress(range(len(chosen)), chosen)))

    def only(self, numbers: Sequence[int]) -> Batch:
        """The messages of these numbers, in this order."""
        if len(numbers) == len(self.states) and list(numbers) == list(range(len(numbers))):
            return self
        states = [self.states[number] for number in numbers]
        if self.payload is None:
            return Batch(self.port, states)
        counts = [self.counts[number] for number in numbers]
        if min(self.counts) == 1 and row_count(self.payload) == len(self.states):
            rows = np.array(numbers, np.intp)
            return Batch(self.port, states, each(lambda array: array.take(rows, axis=0), self.payload), counts)
        starts = self.starts
        places = [(self.payload, starts[number], starts[number + 1]) for number in numbers]
        return Batch(self.port, states, gather(runs(places or [(self.payload, 0, 0)])), counts)

    def by(self, ports: Sequence[int]) -> list[tuple[int, Batch]]:
        """The messages that have the same number in `ports`, for each number in turn."""
        distinct = set(ports)
        if len(distinct) == 1:
            return [(ports[0], self)]
        return [(port, self.only([at for at, own in enumerate(ports) if own == port])) for port in sorted(distinct)]


def merged(batches: Sequence[Batch]) -> Batch:
    """Batches of one port as one. All have payloads of one kind, or none has."""
    if len(batches) == 1:
        return batches[0]
    states = [state for batch in batches for state in batch.states]
    if batches[0].payload is None:
        return Batch(batches[0].port, states)
    counts = [count for batch in batches for count in batch.counts]
    return Batch(batches[0].port, states, stack([batch.payload for batch in batches]), counts)


def difference(counts: Sequence[int], others: Sequence[int]) -> tuple[int, int] | None:
    """The first pair of row counts that differ, if there is one."""
    if list(counts) == list(others):
        return None
    return next(pair for pair in zip(counts, others, strict=True) if pair[0] != pair[1])


def agreed(batches: Sequence[Batch]) -> Sequence[int]:
    """The row counts of messages that belong together, number by number. Raises ValueError where they differ."""
    counts = batches[0].counts
    for other in batches[1:]:
        differ = difference(counts, other.counts)
        if differ:
            raise ValueError(f"joined messages differ in rows: {differ[0]} and {differ[1]}")
    return counts


class Send(Protocol):
    """Sends messages by a port: a state each, the rows of all payloads, and how many each has.

    Without a payload they say that there is nothing to differentiate.
    """

    def __call__(
        self, port: int, states: Sequence[State], payload: Payload | None = None, counts: Sequence[int] = (), /
    ) -> None: ...
