"""Where the messages that belong together wait for each other, one of each port."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from itertools import compress, islice, repeat
from typing import ClassVar

from ampviz.graph import Graph
from ampviz.message import FORWARD, Direction, Message
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.holder import Holder
from ampviz.state import State

Part = tuple[State, int | None]
"""A message: its state, and its number in the holder of its port, if it has a payload"""


class Rendezvous:
    """Messages that wait for those of the other ports with an equal `where`.

    Batches that arrive alike on all ports stay whole; others are looked up message by message. After some that were not
    alike the next ones are not expected to be, until two of them were. With `alone` every message is given back by
    itself, for payloads that cannot be stacked.
    """

    def __init__(self, ports: int, *, alone: bool = False):
        self._alone = alone
        self._alike = True  # whether the last batches that met were alike, and the next may be
        self._last: list[Hashable] = []  # each where of the last batch that did not meet whole
        self._whole: dict[Hashable, _Meeting] = {}  # by each where of the batches
        self._apart: list[dict[Hashable, Part]] = [{} for _ in range(ports)]
        self._holders = [Holder() for _ in range(ports)]

    def __len__(self) -> int:
        return len(self._whole) + len(set().union(*self._apart))

    def put(self, batch: Batch, wheres: Sequence[Hashable]) -> list[list[Batch]]:
        """Let the messages of a batch in. What is complete now: groups with a batch of each port, which belong together
        number by number; either all messages of such a batch have payloads, or none has.

        Raises ValueError if a port delivers for one `where` twice.
        """
        meeting = self._whole.get(wheres[0])
        if meeting is None and self._alike and not self._waits(wheres):
            meeting = self._opened(batch, wheres)
        if meeting is not None and meeting.batches[batch.port] is None and meeting.wheres == list(wheres):
            meeting.batches[batch.port] = batch
            if None in meeting.batches:
                return []
            for where in wheres:
                del self._whole[where]
            if not self._alone:
                return [meeting.batches]  # type: ignore[list-item] # no batch is None any more
            one_by_one = [map(Batch.of, arrived) for arrived in meeting.batches if arrived is not None]
            return [list(parts) for parts in zip(*one_by_one, strict=True)]
        before, self._last = self._last, list(wheres)
        self._alike = before == self._last
        return self._put_apart(batch, wheres)

    def messages(self) -> Iterator[Message]:
        """Every message that waits."""
        for meeting in {id(meeting): meeting for meeting in self._whole.values()}.values():
            for batch in meeting.batches:
                yield from batch or ()
        for port, parts in enumerate(self._apart):
            for state, number in parts.values():
                yield port, state, None if number is None else self._holders[port].look([number])[0]

    def drop(self, key: int) -> None:
        """Forget the messages of an instance."""
        self._part(list(self._whole))
        for holder, parts in zip(self._holders, self._apart, strict=True):
            for where in [where for where, (state, _) in parts.items() if state[0] == key]:
                _, number = parts.pop(where)
                holder.free([] if number is None else [number])

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
        met = wheres
        for port, parts in enumerate(self._apart):
            if port != batch.port:
                met = list(filter(parts.__contains__, met)) if parts else []
        if len(met) == len(wheres):
            return self._matched(batch, wheres)
        if not met:
            self._hold(batch, wheres)
            return []
        complete = set(met)
        early = [where not in complete for where in wheres]
        self._hold(batch.where(early), list(compress(wheres, early)))
        return self._matched(batch.where([where in complete for where in wheres]), met)

    def _hold(self, batch: Batch, wheres: Sequence[Hashable]) -> None:
        silent = batch.payload is None
        numbers = repeat(None) if silent else self._holders[batch.port].put(batch.payload, batch.counts)
        own = self._apart[batch.port]
        before = len(own)
        own.update(zip(wheres, zip(batch.states, numbers)))  # noqa: B905 # one None for all
        if len(own) < before + len(wheres):
            raise _twice(batch, wheres, set(islice(own, before)))

    def _matched(self, batch: Batch, wheres: Sequence[Hashable]) -> list[list[Batch]]:
        """Messages of a port with those of the others that have waited for them."""
        try:
            columns = [
                [] if port == batch.port else list(map(parts.pop, wheres)) for port, parts in enumerate(self._apart)
            ]
        except KeyError:
            raise _twice(batch, wheres, ()) from None
        numbers = [[number for _, number in column] for column in columns]
        if not self._alone and all(own.count(None) in (0, len(wheres)) for own in numbers):
            return [self._group(batch, columns)]
        groups: dict[object, list[int]] = {}
        for number, row in enumerate(zip(*filter(None, numbers), strict=True)):
            kind = number if self._alone else tuple([own is None for own in row])
            groups.setdefault(kind, []).append(number)
        return [
            self._group(batch.only(some), [[column[number] for number in some] if column else [] for column in columns])
            for some in groups.values()
        ]

    def _group(self, batch: Batch, columns: list[list[Part]]) -> list[Batch]:
        """What has come, and what has waited for it at the other ports."""
        return [self._together(port, column) if column else batch for port, column in enumerate(columns)]

    def _together(self, port: int, parts: Sequence[Part]) -> Batch:
        """Messages of one port as one batch. Either all have payloads, or none has."""
        states = [state for state, _ in parts]
        if parts[0][1] is None:
            return Batch(port, states)
        payload, counts = self._holders[port].take([number for _, number in parts])  # type: ignore[misc] # all have payloads
        return Batch(port, states, payload, counts)

    def _part(self, wheres: Sequence[Hashable]) -> None:
        """Have the batches that wait whole for some of these wait message by message."""
        for where in wheres if self._whole else ():
            meeting = self._whole.get(where)
            if meeting is not None:
                for each in meeting.wheres:
                    del self._whole[each]
                for batch in filter(None, meeting.batches):
                    self._hold(batch, meeting.wheres)


class Meets(Node):
    """A node whose messages of one direction, `meets`, wait for those of its other ports."""

    meets: ClassVar[Direction]

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        ports = self.inputs if self.meets is FORWARD else self.outputs
        self._waiting = Rendezvous(len(ports), alone=not self.uniform)

    def cached(self) -> int:
        return super().cached() + len(self._waiting)

    def remembered(self) -> Iterator[tuple[Direction, Message]]:
        yield from ((self.meets, message) for message in self._waiting.messages())
        yield from super().remembered()

    def drop(self, key: int) -> None:
        super().drop(key)
        self._waiting.drop(key)


class _Meeting:
    """Batches of some ports with equal `wheres`, number by number."""

    __slots__ = ("batches", "wheres")

    def __init__(self, wheres: list[Hashable], batches: list[Batch | None]):
        self.wheres, self.batches = wheres, batches


def _twice(batch: Batch, wheres: Sequence[Hashable], before: Container[Hashable]) -> ValueError:
    state = next(
        state
        for number, (state, where) in enumerate(zip(batch.states, wheres, strict=True))
        if where in before or where in wheres[:number]
    )
    return ValueError(f"input {batch.port} delivered state {state} twice before the other inputs came")
