"""Where the messages that belong together wait for each other, one of each port."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from ampviz.message import Message
from ampviz.nodes.batch import Batch
from ampviz.nodes.payload import gather, runs


class Meeting:
    """Messages of each port that stand one after the other in a batch of that port: (the batch, number of the first).

    `wheres` says for each what it is joined by. Batches that arrive alike on all ports stay whole so.
    """

    __slots__ = ("missing", "parts", "wheres")

    def __init__(self, wheres: Sequence[Hashable], parts: list[tuple[Batch, int] | None]):
        self.wheres, self.parts = wheres, parts
        self.missing = parts.count(None)


class Rendezvous:
    """Messages that wait for those of the other ports with an equal `where`."""

    def __init__(self, ports: int):
        self._ports = ports
        self._meetings: dict[Hashable, Meeting] = {}

    def __len__(self) -> int:
        return len(self._meetings)

    def put(self, batch: Batch, wheres: Sequence[Hashable]) -> list[Meeting]:
        """Let the messages of a batch in; the meetings that are complete now, in the order in which they came to be.

        Raises ValueError if a port delivers for one `where` twice.
        """
        meetings, port, at, count = self._meetings, batch.port, 0, len(wheres)
        complete = []
        while at < count:
            meeting = meetings.get(wheres[at])
            if meeting is None:
                meeting = self._open(batch, wheres, at)
            size = len(meeting.wheres)
            if size > 1 and list(wheres[at : at + size]) != meeting.wheres:
                self._part(meeting)
                meeting, size = meetings[wheres[at]], 1
            if meeting.parts[port] is not None:
                raise ValueError(f"input {port} delivered state {batch.states[at]} twice before the other inputs came")
            meeting.parts[port] = (batch, at)
            meeting.missing -= 1
            if not meeting.missing:
                for where in meeting.wheres:
                    del meetings[where]
                complete.append(meeting)
            at += size
        return complete

    def messages(self) -> Iterator[Message]:
        """Every message that waits."""
        for where, meeting in self._meetings.items():
            number = meeting.wheres.index(where)
            for part in meeting.parts:
                if part is not None:
                    batch, first = part
                    payload = None if batch.payload is None else gather([batch.place(first + number)])
                    yield batch.port, batch.states[first + number], payload

    def drop(self, key: int) -> None:
        """Forget the messages of an instance."""
        for meeting in {id(meeting): meeting for meeting in self._meetings.values()}.values():
            self._part(meeting)
        self._meetings = {
            where: meeting
            for where, meeting in self._meetings.items()
            if not any(part is not None and part[0].states[part[1]][0] == key for part in meeting.parts)
        }

    def _open(self, batch: Batch, wheres: Sequence[Hashable], at: int) -> Meeting:
        """One meeting for the messages from number `at` on, as far as there is none for them."""
        stop = len(wheres)
        if not self._meetings.keys().isdisjoint(wheres):
            stop = next((index for index in range(at, stop) if wheres[index] in self._meetings), stop)
        own = list(wheres[at:stop])
        meeting = Meeting(own, [None] * self._ports)
        fresh = dict.fromkeys(own, meeting)
        if len(fresh) < len(own):
            raise ValueError(f"input {batch.port} delivered one of {own} twice before the other inputs came")
        self._meetings |= fresh
        return meeting

    def _part(self, meeting: Meeting) -> None:
        """Let each message of a meeting wait for itself."""
        for number, where in enumerate(meeting.wheres):
            parts = [None if part is None else (part[0], part[1] + number) for part in meeting.parts]
            self._meetings[where] = Meeting([where], parts)


def side(meetings: Sequence[Meeting], port: int) -> Batch:
    """What a port brought to these meetings, in their order. Either all of it has payloads, or nothing."""
    parts = [(*meeting.parts[port], len(meeting.wheres)) for meeting in meetings]  # type: ignore[misc] # they are complete
    batch: Batch = parts[0][0]
    if len(parts) == 1 and parts[0][2] == len(batch.states):
        return batch
    states = [state for own, start, size in parts for state in own.states[start : start + size]]
    if batch.payload is None:
        return Batch(port, states)
    counts = [number for own, start, size in parts for number in own.counts[start : start + size]]
    return Batch(port, states, gather(runs([own.place(start, size) for own, start, size in parts])), counts)
