"""Where the messages of a worker's nodes go: into the queues of its own slots, or into the outbox for other workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ampviz.message import Direction
from ampviz.nodes.batch import Batch, Send
from ampviz.nodes.payload import Payload
from ampviz.runtime.slot import Slot
from ampviz.state import State

Parcel = tuple[Direction, int, Sequence[State], Payload | None, Sequence[int]]
"""(direction, edge, states, the rows of all payloads, how many each has): messages of one edge"""


class Router:
    """Queues messages at the slots of one worker. `ready` holds the slots with messages by direction, in turn."""

    def __init__(self, slots: Mapping[int, Slot], placement: Sequence[int], clock: Callable[[], int]):
        self._slots, self._placement, self._clock = slots, placement, clock
        self.ready: tuple[dict[int, Slot], dict[int, Slot]] = ({}, {})
        self.outbox: list[tuple[int, Parcel]] = []  # worker, messages

    def enqueue(self, slot: Slot, direction: Direction, batch: Batch) -> None:
        """Put messages into a queue, which has some from now on."""
        queue = slot.queues[direction]
        if not queue.messages:
            self.ready[direction][slot.node.id] = slot
            if not slot.queues[1 - direction].messages:
                slot.ready_since = self._clock()
        queue.append(batch)

    def waiting(self) -> list[Slot]:
        """The slots in whose queues messages wait."""
        forward, backward = self.ready
        return list({**forward, **backward}.values())

    def drop(self, slot: Slot, key: int, *, waits: bool) -> None:
        """Take the messages of an instance out of a slot's queues; `waits`: whether time goes on for the others."""
        waited = any(slot.queues)
        for ready, queue in zip(self.ready, slot.queues, strict=True):
            queue.drop(key)
            if not queue:
                ready.pop(slot.node.id, None)
        if waits and waited and not any(slot.queues):
            slot.waiting_ns += self._clock() - slot.ready_since

    def sender(self, direction: Direction, routes: Sequence[tuple[int, int, int]]) -> Send:
        """The way to send by ports that lead to (node, port, edge), with all that can be worked out beforehand."""
        outbox, enqueue = self.outbox, self.enqueue
        table = [(self._slots.get(node), port, edge, self._placement[node]) for node, port, edge in routes]

        def send(
            port: int, states: Sequence[State], payload: Payload | None = None, counts: Sequence[int] = (), /
        ) -> None:
            slot, target_port, edge, worker = table[port]
            if slot is None:
                outbox.append((worker, (direction, edge, states, payload, counts)))
            else:
                enqueue(slot, direction, Batch(target_port, states, payload, counts))

        return send
