"""Where the messages of a worker's nodes go: into the queues of its own slots, or into the outbox for other workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat

from ampviz.message import Direction, Message
from ampviz.nodes.payload import Payload, split
from ampviz.nodes.sender import Sender
from ampviz.runtime.slot import Slot
from ampviz.state import State

Parcel = tuple[Direction, int, Sequence[State], Sequence[Payload] | Payload, Sequence[int] | None]
"""(direction, edge, states, payloads, None): messages of one edge; or with the rows of all payloads and how many each
has in the place of the last two."""


class Router:
    """Queues messages at the slots of one worker. `ready` holds the slots with messages by direction, in turn."""

    def __init__(self, slots: Mapping[int, Slot], placement: Sequence[int], clock: Callable[[], int]):
        self._slots, self._placement, self._clock = slots, placement, clock
        self.ready: tuple[dict[int, Slot], dict[int, Slot]] = ({}, {})
        self.outbox: list[tuple[int, Parcel]] = []  # worker, messages

    def enqueue(self, slot: Slot, direction: Direction, message: Message) -> None:
        """Put one message into a queue."""
        self._queue(slot, direction).append(message)

    def sender(self, direction: Direction, routes: Sequence[tuple[int, int, int]]) -> Sender:
        """The ways to send by ports that lead to (node, port, edge), with all that can be worked out beforehand."""
        outbox, queue_of = self.outbox, self._queue
        table = [(self._slots.get(node), port, edge, self._placement[node]) for node, port, edge in routes]

        def send(port: int, state: State, payload: Payload) -> None:
            slot, target_port, edge, worker = table[port]
            if slot is None:
                outbox.append((worker, (direction, edge, (state,), (payload,), None)))
            else:
                queue_of(slot, direction).append((target_port, state, payload))

        def send_all(port: int, states: Sequence[State], payloads: Sequence[Payload]) -> None:
            slot, target_port, edge, worker = table[port]
            if not states:
                return
            if slot is None:
                outbox.append((worker, (direction, edge, states, payloads, None)))
            else:
                queue_of(slot, direction).extend(zip(repeat(target_port), states, payloads))  # one port for all

        def send_rows(port: int, states: Sequence[State], payload: Payload, counts: Sequence[int]) -> None:
            slot, _, edge, worker = table[port]
            if slot is None:
                outbox.append((worker, (direction, edge, states, payload, counts)))
            else:
                send_all(port, states, split(payload, counts))

        return Sender(send, send_all, send_rows)

    def _queue(self, slot: Slot, direction: Direction) -> deque[Message]:
        """The queue that is about to get a message, ready from now on."""
        queue = slot.queues[direction]
        if not queue:
            self.ready[direction][slot.node.id] = slot
            if not slot.queues[1 - direction]:
                slot.ready_since = self._clock()
        return queue
