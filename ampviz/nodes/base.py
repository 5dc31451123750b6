"""What every node has: how it talks to its worker, and the rules its messages obey.

Rules (paper, section 3): each forward message gets exactly one backward message with the same state, whose payload is
None where there is nothing to differentiate; when the last one of an instance has come home, no node remembers that
instance. Keys of validation instances are negative: nothing is remembered for them but what routing needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, ClassVar, Protocol

from numpy.typing import NDArray

from ampviz.building import GraphNode
from ampviz.graph import Graph
from ampviz.message import BACKWARD, Direction, Message
from ampviz.nodes.batch import Batch, Send
from ampviz.nodes.kept import Kept
from ampviz.nodes.payload import Payload
from ampviz.state import State, Tabled, Tables


class Host(Protocol):
    """What a worker offers to the nodes it hosts."""

    clock: Callable[[], int]  # nanoseconds
    seed: int  # of the session, for what is drawn while it runs

    def sender(self, node: Node) -> Send:
        """Sends forward, by output port."""
        ...

    def answerer(self, node: Node) -> Send:
        """Sends backward, by input port."""
        ...

    def tables(self, key: int) -> Tables:
        """The structure tables of an instance in flight."""
        ...

    def payloads(self, states: Sequence[State], name: str) -> list[NDArray[Any]]:
        """A field of the instances of these states, for a source that they begin at."""
        ...

    def came_home(self, keys: Sequence[int]) -> None:
        """A source has got its backward messages for these."""
        ...

    def loss(self, node: Node, states: Sequence[State], rows: int, total: float, metrics: Mapping[str, float]) -> None:
        """A loss node reports sums over the rows of these messages."""
        ...

    def updated(self, node: Node, since: int) -> None:
        """A node has updated its parameters; it began `since`, by the clock."""
        ...


class Node(GraphNode):
    """A graph node that processes messages. Subclasses define `forward` and `backward` for the messages of a port."""

    host: Host
    keeps: ClassVar[tuple[str, ...]] = ()  # attributes that hold something for instances in flight, by state

    def bind(self, host: Host, graph: Graph) -> None:
        """Join the worker that hosts this node. Called once, before the first message."""
        self.host = host
        self.send: Send = host.sender(self)
        self.answer: Send = host.answerer(self)
        self.kernel_ns = 0
        self.wanted = tuple(edge.gradient for edge in graph.incoming[self.id])  # inputs that can use a gradient
        edges = graph.incoming[self.id] + graph.outgoing[self.id]
        self.uniform = all(edge.type.fixed for edge in edges)  # payloads differ in rows only, and can be stacked

    def forward(self, batch: Batch) -> None:
        """Process forward messages of one input."""
        raise NotImplementedError

    def backward(self, batch: Batch) -> None:
        """Process backward messages of one output."""
        raise NotImplementedError

    def batch_limit(self, direction: Direction, limit: int) -> int:
        """How many messages one unit of work may take, at most `limit`."""
        return limit

    def with_tables(self, states: Sequence[State], reads: bool) -> Iterator[Tabled]:
        """These states with the tables of their instances, if an expression reads tables; else with None."""
        if not reads:
            return zip(states, repeat(None))
        tables = self.host.tables
        return zip(states, [tables(state[0]) for state in states], strict=True)

    def cached(self) -> int:
        """How many entries are remembered for instances in flight."""
        return sum([len(getattr(self, name)) for name in self.keeps])

    def remembered(self) -> Iterator[tuple[Direction, Message]]:
        """Each entry as a message with what is kept in place of a payload: the backward message that it waits for, or a
        forward one that came in and waits for others."""
        for name in self.keeps:
            for state, entry in getattr(self, name).items():
                yield BACKWARD, (0, state, entry)

    def drop(self, key: int) -> None:
        """Forget all that is remembered for an instance, of which no message will come any more."""
        for name in self.keeps:
            entries = getattr(self, name)
            for state in [state for state in entries if state[0] == key]:
                del entries[state]


class Transform(Node):
    """A node that leaves the state alone and has one output (PPT and NPT of the paper), and one input unless `forward`
    and `respond` of a subclass say otherwise.

    Subclasses give the kernel pair: `run(x) -> (y, saved)` and `pull(saved, dy) -> dx`, row-wise over axis 0, so that
    a call may serve several messages. Both `y` and `saved` have the rows of `x`.
    """

    keeps: ClassVar[tuple[str, ...]] = ("saved",)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self.saved = Kept()

    @property
    def version(self) -> int:
        """How often the parameters were updated."""
        return 0

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        raise NotImplementedError

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        raise NotImplementedError

    def prepare(self, saved: Payload, dy: Payload) -> tuple[Payload, Payload, Payload]:
        """What `collect` and `pull` would both compute: saved for both, dy for `collect`, dy for `pull`."""
        return saved, dy, dy

    def collect(self, batch: Batch, versions: Mapping[int, int], saved: Payload, dy: Payload) -> None:
        """Take the parameter gradient of these rows, so many of whose messages went forward at each version; nothing to
        do without parameters."""

    def forward(self, batch: Batch) -> None:
        self.transform(batch.states, batch.payload, batch.counts)

    def transform(self, states: Sequence[State], x: Payload, counts: Sequence[int]) -> None:
        """Run the kernel, remember what backward needs, and send the output."""
        clock = self.host.clock
        start = clock()
        y, saved = self.run(x)
        self.kernel_ns += clock() - start
        self.saved.keep(states, counts, saved, self.version)
        self.send(0, states, y, counts)

    def respond(self, states: Sequence[State], dx: Payload | None = None, counts: Sequence[int] = ()) -> None:
        """Answer the forward messages of these states with their gradients, or that there is none."""
        self.answer(0, states, dx, counts)

    def backward(self, batch: Batch) -> None:
        states, dy = batch.states, batch.payload
        if dy is None:
            self.saved.drop(states)
            self.respond(states)
            return
        clock = self.host.clock
        kept, versions = self.saved.take(states)
        start = clock()
        saved, dy, slopes = self.prepare(kept, dy)
        self.kernel_ns += clock() - start
        self.collect(batch, versions, saved, dy)
        if not any(self.wanted):
            self.respond(states)
            return
        start = clock()
        dx = self.pull(saved, slopes)
        self.kernel_ns += clock() - start
        self.respond(states, dx, batch.counts)
