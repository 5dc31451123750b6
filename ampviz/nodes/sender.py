"""How a node sends in one direction: a message, several of one port, or the rows of several as one payload."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ampviz.nodes.payload import Payload, split
from ampviz.state import State

Send = Callable[[int, State, Payload], None]


class Sender(NamedTuple):
    """Three ways to send by a port. The payload is None where there is nothing to differentiate.

    `one` (port, state, payload); `all` (port, states, payloads), in order; `rows` (port, states, payload, row counts)
    hands over what a kernel has made for several messages, so that it need not be cut up to cross a socket.
    """

    one: Send
    all: Callable[[int, Sequence[State], Sequence[Payload]], None]
    rows: Callable[[int, Sequence[State], Payload, Sequence[int]], None]

    @classmethod
    def of(cls, one: Send) -> Sender:
        """The three ways by means of the first."""

        def send_all(port: int, states: Sequence[State], payloads: Sequence[Payload]) -> None:
            for state, payload in zip(states, payloads, strict=True):
                one(port, state, payload)

        def send_rows(port: int, states: Sequence[State], payload: Payload, counts: Sequence[int]) -> None:
            send_all(port, states, split(payload, counts))

        return cls(one, send_all, send_rows)


def send_by_port(
    send_all: Callable[[int, Sequence[State], Sequence[Payload]], None],
    ports: Sequence[int],
    states: Sequence[State],
    payloads: Sequence[Payload],
) -> None:
    """Send each message by its own port: those of one port together, in order."""
    distinct = set(ports)
    if len(distinct) == 1:
        send_all(ports[0], states, payloads)
        return
    for port in sorted(distinct):
        chosen = [index for index, own in enumerate(ports) if own == port]
        send_all(port, [states[index] for index in chosen], [payloads[index] for index in chosen])
