"""Where the messages that belong together wait for each other, one of each port."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from itertools import compress, islice
from typing import Any, ClassVar

from ampviz.graph import Graph
from ampviz.message import FORWARD, Direction, Message
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.holder import Holder
from ampviz.state import State


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
        self._apart = [_Side(port) for port in range(ports)]

    def __len__(self) -> int:
        return len(self._whole) + len(set().union(*[side.numbers for side in self._apart]))

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
        for side in self._apart:
            yield from side.messages()

    def drop(self, key: int) -> None:
        """Forget the messages of an instance."""
        self._part(list(self._whole))
        for side in self._apart:
            side.drop(key)

    def _waits(self, wheres: Sequence[Hashable]) -> bool:
        """Whether a message waits for one of these."""
        if not self._whole.keys().isdisjoint(wheres):
            return True
        return any(not side.numbers.keys().isdisjoint(wheres) for side in self._apart if side.numbers)

    def _opened(self, batch: Batch, wheres: Sequence[Hashable]) -> _Meeting:
        meeting = _Meeting(list(wheres), [None] * len(self._apart))
        fresh = dict.fromkeys(wheres, meeting)
        if len(fresh) < len(wheres):
            raise _twice(batch, wheres, ())
        self._whole |= fresh
        return meeting

    def _put_apart(self, batch: Batch, wheres: Sequence[Hashable]) -> list[list[Batch]]:
        self._part(wheres)
        own, met = self._apart[batch.port], wheres
        for side in self._apart:
            if side is not own:
                met = list(filter(side.numbers.__contains__, met)) if side.numbers else []
        if len(met) == len(wheres):
            return self._matched(batch, wheres)
        if not met:
            own.hold(batch, wheres)
            return []
        complete = set(met)
        early = [where not in complete for where in wheres]
        own.hold(batch.where(early), list(compress(wheres, early)))
        return self._matched(batch.where([not waits for waits in early]), met)

    def _matched(self, batch: Batch, wheres: Sequence[Hashable]) -> list[list[Batch]]:
        """Messages of a port with those of the others that have waited for them."""
        others = [side for side in self._apart if side.port != batch.port]
        try:
            columns = [list(map(side.numbers.pop, wheres)) for side in others]
        except KeyError:
            raise _twice(batch, wheres, ()) from None
        if not self._alone and all(numbers.count(None) in (0, len(wheres)) for numbers in columns):
            parts = [side.take(wheres, numbers) for side, numbers in zip(others, columns, strict=True)]
            return [[*parts[: batch.port], batch, *parts[batch.port :]]]
        groups: dict[object, list[int]] = {}
        for number, row in enumerate(zip(*columns, strict=True)):
            kind = number if self._alone else tuple([own is None for own in row])
            groups.setdefault(kind, []).append(number)
        complete = []
        for some in groups.values():
            own = [wheres[number] for number in some]
            parts = [
                side.take(own, [numbers[number] for number in some])
                for side, numbers in zip(others, columns, strict=True)
            ]
            complete.append([*parts[: batch.port], batch.only(some), *parts[batch.port :]])
        return complete

    def _part(self, wheres: Sequence[Hashable]) -> None:
        """Have the batches that wait whole for some of these wait message by message."""
        for where in wheres if self._whole else ():
            meeting = self._whole.get(where)
            if meeting is not None:
                for each in meeting.wheres:
                    del self._whole[each]
                for batch in filter(None, meeting.batches):
                    self._apart[batch.port].hold(batch, meeting.wheres)


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


class _Side:
    """The messages of one port that wait one by one."""

    __slots__ = ("holder", "numbers", "port", "states")

    def __init__(self, port: int):
        self.port = port
        self.numbers: dict[Hashable, int | None] = {}  # by where: the number in the holder, None without a payload
        self.states: dict[Hashable, State] = {}  # by where, of messages whose state is not where they meet
        self.holder = Holder()

    def hold(self, batch: Batch, wheres: Sequence[Hashable]) -> None:
        before = len(self.numbers)
        if batch.payload is None:
            self.numbers |= dict.fromkeys(wheres)
        else:
            self.numbers.update(zip(wheres, self.holder.put(batch.payload, batch.counts), strict=True))
        if len(self.numbers) < before + len(wheres):
            raise _twice(batch, wheres, set(islice(self.numbers, before)))
        if wheres is not batch.states and list(wheres) != list(batch.states):
            self.states.update(zip(wheres, batch.states, strict=True))

    def take(self, wheres: Sequence[Hashable], numbers: list[int | None]) -> Batch:
        """Messages as one batch; either all have payloads, or none has. Their numbers are taken out already."""
        states: Any = [self.states.pop(where, where) for where in wheres] if self.states else wheres
        if numbers[0] is None:
            return Batch(self.port, states)
        return Batch(self.port, states, *self.holder.take(numbers))  # type: ignore[arg-type] # all have payloads

    def messages(self) -> Iterator[Message]:
        for where, number in self.numbers.items():
            yield self.port, self._state(where), None if number is None else self.holder.look([number])[0]

    def drop(self, key: int) -> None:
        """Forget the messages of an instance."""
        for where in [where for where in self.numbers if self._state(where)[0] == key]:
            number = self.numbers.pop(where)
            self.states.pop(where, None)
            self.holder.free([] if number is None else [number])

    def _state(self, where: Any) -> State:
        state: State = self.states.get(where, where)
        return state


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
