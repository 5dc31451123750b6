"""Where the messages that belong together wait for each other, one of each port."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from itertools import repeat

from ampviz.message import Message
from ampviz.nodes.batch import Batch
from ampviz.nodes.payload import gather, runs

Part = tuple[Batch, int]
"""(batch, number of a message in it)"""


class Rendezvous:
    """Messages that wait for those of the other ports with an equal `where`.

    Batches that arrive alike on all ports stay whole; others are looked up message by message. With `alone` every
    message is given back by itself, for payloads that cannot be stacked.
    """

    def __init__(self, ports: int, *, alone: bool = False):
        self._alone = alone
        self._whole: dict[Hashable, _Meeting] = {}  # by each where of the batches
        self._apart: list[dict[Hashable, Part]] = [{} for _ in range(ports)]

    def __len__(self) -> int:
        return len(self._whole) + len(set().union(*self._apart))

    def put(self, batch: Batch, wheres: Sequence[Hashable]) -> list[list[Batch]]:
        """Let the messages of a batch in. What is complete now: groups with a batch of each port, which belong together
        number by number; either all messages of such a batch have payloads, or none has.

        Raises ValueError if a port delivers for one `where` twice.
        """
        meeting = self._whole.get(wheres[0])
        if meeting is None and not self._waits(wheres):
            meeting = self._opened(batch, wheres)
        if meeting is not None and meeting.batches[batch.port] is None and meeting.wheres == list(wheres):
            meeting.batches[batch.port] = batch
            if None in meeting.batches:
                return []
            for where in wheres:
                del self._whole[where]
            if not self._alone:
                return [meeting.batches]  # type: ignore[list-item] # no batch is None any more
            return [list(parts) for parts in zip(*map(_singles, meeting.batches), strict=True)]  # type: ignore[arg-type]
        return self._put_apart(batch, wheres)

    def messages(self) -> Iterator[Message]:
        """Every message that waits."""
        for meeting in {id(meeting): meeting for meeting in self._whole.values()}.values():
            for batch in meeting.batches:
                yield from batch or ()
        for parts in self._apart:
            for batch, number in parts.values():
                yield from batch.only([number])

    def drop(self, key: int) -> None:
        """Forget the messages of an instance."""
        self._part(list(self._whole))
        self._apart = [
            {where: part for where, part in parts.items() if part[0].states[part[1]][0] != key} for parts in self._apart
        ]

    def _waits(self, wheres: Sequence[Hashable]) -> bool:
        """Whether a message waits for one of these."""
        if not self._whole.keys().isdisjoint(wheres):
            return True
        return any(not parts.keys().isdisjoint(wheres) for parts in self._apart if parts)

    def _opened(self, batch: Batch, wheres: Sequence[Hashable]) -> _Meeting:
        meeting = _Meeting(list(wheres), [None] * len(self._apart))
        fresh = dict.fromkeys(wheres, meeting)
        if len(fresh) < len(wheres):
            raise _twice(batch, wheres, ())
        self._whole |= fresh
        return meeting

    def _put_apart(self, batch: Batch, wheres: Sequence[Hashable]) -> list[list[Batch]]:
        self._part(wheres)
        own = self._apart[batch.port]
        fresh = dict(zip(wheres, zip(repeat(batch), range(len(wheres)))))  # noqa: B905 # one batch for all
        if len(fresh) < len(wheres) or not own.keys().isdisjoint(fresh):
            raise _twice(batch, wheres, own)
        own |= fresh
        complete = list(wheres)
        for parts in self._apart:
            if parts is not own:
                complete = [where for where in complete if where in parts]
        if not complete:
            return []
        columns = [list(map(parts.pop, complete)) for parts in self._apart]
        if self._alone:
            return [[together([part]) for part in row] for row in zip(*columns, strict=True)]
        kinds = [[batch.payload is None for batch, _ in column] for column in columns]
        if all(len(set(kind)) == 1 for kind in kinds):
            return [[together(column) for column in columns]]
        patterns: dict[tuple[bool, ...], list[int]] = {}
        for number, pattern in enumerate(zip(*kinds, strict=True)):
            patterns.setdefault(pattern, []).append(number)
        return [[together([column[number] for number in some]) for column in columns] for some in patterns.values()]

    def _part(self, wheres: Sequence[Hashable]) -> None:
        """Have the batches that wait whole for some of these wait message by message."""
        for where in wheres if self._whole else ():
            meeting = self._whole.get(where)
            if meeting is not None:
                for each in meeting.wheres:
                    del self._whole[each]
                for parts, batch in zip(self._apart, meeting.batches, strict=True):
                    if batch is not None:
                        parts.update(zip(meeting.wheres, zip(repeat(batch), range(len(batch)))))  # noqa: B905 # as above


class _Meeting:
    """Batches of some ports with equal `wheres`, number by number."""

    __slots__ = ("batches", "wheres")

    def __init__(self, wheres: list[Hashable], batches: list[Batch | None]):
        self.wheres, self.batches = wheres, batches


def together(parts: Sequence[Part]) -> Batch:
    """Messages of one port out of several batches as one batch. Either all have payloads, or none has."""
    states = [batch.states[number] for batch, number in parts]
    first = parts[0][0]
    if first.payload is None:
        return Batch(first.port, states)
    counts = [batch.counts[number] for batch, number in parts]
    return Batch(first.port, states, gather(runs([batch.place(number) for batch, number in parts])), counts)


def _singles(batch: Batch) -> list[Batch]:
    return [batch.only([number]) for number in range(len(batch))]


def _twice(batch: Batch, wheres: Sequence[Hashable], before: Container[Hashable]) -> ValueError:
    state = next(
        state
        for number, (state, where) in enumerate(zip(batch.states, wheres, strict=True))
        if where in before or where in wheres[:number]
    )
    return ValueError(f"input {batch.port} delivered state {state} twice before the other inputs came")
