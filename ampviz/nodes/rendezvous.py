"""Where the messages that belong together wait for each other, one of each port."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from itertools import compress, repeat
from typing import ClassVar

from ampviz.graph import Graph
from ampviz.message import FORWARD, Direction, Message
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.holder import Held, Holder
from ampviz.state import State

Part = tuple[State, int, Held | None]
"""A message: (state, rows, where its payload is held, if it has one)"""


class Rendezvous:
    """Messages that wait for those of the other ports with an equal `where`.

    Batches that arrive alike on all ports stay whole; others are looked up message by message. With `alone` every
    message is given back by itself, for payloads that cannot be stacked.
    """

    def __init__(self, ports: int, *, alone: bool = False):
        self._alone = alone
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
            one_by_one = [map(Batch.of, arrived) for arrived in meeting.batches if arrived is not None]
            return [list(parts) for parts in zip(*one_by_one, strict=True)]
        return self._put_apart(batch, wheres)

    def messages(self) -> Iterator[Message]:
        """Every message that waits."""
        for meeting in {id(meeting): meeting for meeting in self._whole.values()}.values():
            for batch in meeting.batches:
                yield from batch or ()
        for port, parts in enumerate(self._apart):
            for state, _, held in parts.values():
                yield port, state, None if held is None else self._holders[port].look([held])

    def drop(self, key: int) -> None:
        """Forget the messages of an instance."""
        self._part(list(self._whole))
        for holder, parts in zip(self._holders, self._apart, strict=True):
            for where in [where for where, (state, *_) in parts.items() if state[0] == key]:
                _, _, held = parts.pop(where)
                holder.free([] if held is None else [held])

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
        if len(set(wheres)) < len(wheres) or not own.keys().isdisjoint(wheres):
            raise _twice(batch, wheres, own)
        complete = list(wheres)
        for parts in self._apart:
            if parts is not own:
                complete = [where for where in complete if where in parts]
        if len(complete) < len(wheres):
            met = set(complete)
            early = [where not in met for where in wheres]
            self._hold(batch.where(early), list(compress(wheres, early)))
            batch = batch.where([where in met for where in wheres])
        return self._matched(batch, complete) if complete else []

    def _matched(self, batch: Batch, wheres: Sequence[Hashable]) -> list[list[Batch]]:
        """Messages of a port with those of the others that have waited for them."""
        columns = [[] if port == batch.port else list(map(parts.pop, wheres)) for port, parts in enumerate(self._apart)]
        groups: dict[object, list[int]] = {}
        for number, row in enumerate(zip(*filter(None, columns), strict=True)):
            kind = number if self._alone else tuple([held is None for _, _, held in row])
            groups.setdefault(kind, []).append(number)
        return [
            [
                self._together(port, [column[number] for number in some]) if column else batch.only(some)
                for port, column in enumerate(columns)
            ]
            for some in groups.values()
        ]

    def _hold(self, batch: Batch, wheres: Sequence[Hashable]) -> None:
        held = repeat(None) if batch.payload is None else self._holders[batch.port].put(batch.payload, batch.starts)
        counts = repeat(0) if batch.payload is None else batch.counts
        self._apart[batch.port].update(zip(wheres, zip(batch.states, counts, held)))  # noqa: B905 # one None for all

    def _together(self, port: int, parts: Sequence[Part]) -> Batch:
        """Messages of one port as one batch. Either all have payloads, or none has."""
        states = [state for state, _, _ in parts]
        if parts[0][2] is None:
            return Batch(port, states)
        payload = self._holders[port].take([held for _, _, held in parts])  # type: ignore[misc] # all have payloads
        return Batch(port, states, payload, [rows for _, rows, _ in parts])

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
