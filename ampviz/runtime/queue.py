"""The messages that wait at a node in one direction: batches, cut and put together as a unit of work needs it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from ampviz.message import Message
from ampviz.nodes.batch import Batch, merged
from ampviz.nodes.payload import row_count
from ampviz.state import State


class Queue:
    """Batches in the order in which they came. Its length is the number of messages.

    `fixed` says for each port whether all payloads that come there can be stacked.
    """

    __slots__ = ("_batches", "_fixed", "messages", "rows")

    def __init__(self, fixed: Sequence[bool]):
        self._fixed = fixed
        self._batches: deque[Batch] = deque()
        self.messages = 0  # that wait: the length, without a call
        self.rows = 0  # that wait; those of a batch without payload count as its messages

    def __len__(self) -> int:
        return self.messages

    def __iter__(self) -> Iterator[Message]:
        """The messages one by one."""
        for batch in self._batches:
            yield from batch

    @property
    def head(self) -> tuple[int, State]:
        """Port and state of the first message. Needs one."""
        batch = self._batches[0]
        return batch.port, batch.states[0]

    @property
    def oldest(self) -> int:
        """The key of the first message; validation keys count as if positive. Needs one."""
        return abs(self._batches[0].states[0][0])

    def append(self, batch: Batch) -> None:
        """Put messages at the end."""
        self._batches.append(batch)
        self.messages += len(batch.states)
        self.rows += _rows(batch)

    def take(self, count: int) -> list[Batch]:
        """The first `count` messages, which must be there: those of a port together where they can be stacked."""
        batches = self._batches
        if count == self.messages:
            taken = list(batches)
            batches.clear()
            self.messages = self.rows = 0
            return taken if len(taken) == 1 else self._put_together(taken)
        self.messages -= count
        taken = []
        while count:
            batch = batches.popleft()
            size = len(batch.states)
            if size > count:
                batch, rest = batch.cut(count)
                batches.appendleft(rest)
                size = count
            taken.append(batch)
            self.rows -= _rows(batch)
            count -= size
        return taken if len(taken) == 1 else self._put_together(taken)

    def drop(self, key: int) -> None:
        """Take out the messages of an instance."""
        left = [batch.where([state[0] != key for state in batch.states]) for batch in self._batches]
        self._batches = deque([batch for batch in left if batch.states])
        self.messages = sum([len(batch.states) for batch in self._batches])
        self.rows = sum(map(_rows, self._batches))

    def _put_together(self, batches: list[Batch]) -> list[Batch]:
        kinds: dict[tuple[int, bool, int], list[Batch]] = {}
        for number, batch in enumerate(batches):
            silent = batch.payload is None
            alone = -1 if silent or self._fixed[batch.port] else number
            kinds.setdefault((batch.port, silent, alone), []).append(batch)
        return [merged(kind) for kind in kinds.values()]


def _rows(batch: Batch) -> int:
    messages, rows = len(batch.states), row_count(batch.payload)
    return rows if rows > messages else messages
