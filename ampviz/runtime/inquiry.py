"""Questions of viewers that only workers can answer: who was asked, what they said, and who keeps silent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from ampviz.errors import AmpvizError, UsageError
from ampviz.graph import EVERY, Graph
from ampviz.message import Token
from ampviz.runtime.breakpoints import node_called
from ampviz.runtime.commands import Look, Seen
from ampviz.runtime.controller import Controller
from ampviz.runtime.trail import Trail
from ampviz.telemetry.inspection import Detail, Hop, KeyDetail, NodeDetail
from ampviz.telemetry.link import Inspect, InspectKey, InspectMessage, InspectNode, Reply

SILENCE_S = 2.0  # after which a worker is said not to answer
_HOPS = 400  # of a path, the newest
_AT_ONCE = 32  # questions that may wait for their answers

Answer = Callable[[Reply], None]


@dataclass(slots=True)
class _Question:
    request: Inspect
    reply: Answer
    asked: float
    silent: set[int]  # workers that have not answered
    parts: list[Detail] = field(default_factory=list)


class Inquiries:
    """Asks the workers through the controller's outbox. Every question is answered once, whatever happens.

    `trail` knows the ways of the instances; `held` gives the names of the nodes that wait although messages do.
    """

    def __init__(
        self,
        graph: Graph,
        placement: Sequence[int],
        controller: Controller,
        trail: Trail,
        held: Callable[[], Collection[str]],
    ):
        self._graph, self._placement, self._controller = graph, placement, controller
        self._trail, self._held = trail, held
        self._open: dict[int, _Question] = {}
        self._next = 0

    def ask(self, request: Inspect, reply: Answer) -> None:
        """Have it answered through `reply`: at once where it cannot be, else when the workers have spoken."""
        try:
            silent = self._asked(request)
            if len(self._open) >= _AT_ONCE:
                raise UsageError("too many questions wait for their answers", expected=f"at most {_AT_ONCE}")
        except AmpvizError as error:
            reply(Reply(request.id, str(error)))
            return
        self._next += 1
        self._open[self._next] = _Question(request, reply, self._controller.time.now, silent)
        self._controller.outbox += [(worker, Look(self._next, request)) for worker in sorted(silent)]

    def heard(self, worker: int, seen: Seen) -> None:
        """Take the answer of one worker."""
        question = self._open.get(seen.number)
        if question is None:
            return  # it came too late
        if seen.detail is None:
            self._close(seen.number, error=seen.error)
            return
        question.silent.discard(worker)
        question.parts.append(seen.detail)
        if not question.silent:
            self._close(seen.number, self._whole(question.parts))

    def look(self) -> None:
        """Give up on workers that have been silent for too long; for every tick."""
        now = self._controller.time.now
        for number, question in list(self._open.items()):
            if now - question.asked > SILENCE_S:
                who = ", ".join(f"worker {worker}" for worker in sorted(question.silent))
                self._close(number, error=f"no answer from {who} within {SILENCE_S:g} s: busy with a long kernel?")

    def end(self) -> None:
        """The session is over: there is nobody left to answer."""
        for number in list(self._open):
            self._close(number, error="the session has ended")

    def _asked(self, request: Inspect) -> set[int]:
        """The workers that know. Raises UsageError for what cannot be there."""
        if self._controller.status.ended:
            raise UsageError("the session has ended")
        match request:
            case InspectNode(node=name):
                host = self._placement[node_called(name, self._graph).id]
                return {host} if host != EVERY else set(range(self._controller.plan.workers))
            case InspectMessage(token=text):
                token = Token.parse(text)
                host = self._placement[node_called(token.node, self._graph).id]
                return {host if host != EVERY else self._controller.phases.owner(dict(token.state)["key"])}
            case InspectKey(key=key):
                if key not in self._controller.in_flight:
                    raise UsageError(f"key {key} is not in flight")
                return set(range(self._controller.plan.workers))

    def _whole(self, parts: Sequence[Detail]) -> Detail:
        """What the parts of all workers come to, and what only the session knows."""
        match parts[0]:
            case NodeDetail():
                return self._of_node([part for part in parts if isinstance(part, NodeDetail)])
            case KeyDetail(key=key):
                return self._of_key(key, [part for part in parts if isinstance(part, KeyDetail)])
            case detail:
                return detail

    def _of_node(self, parts: Sequence[NodeDetail]) -> NodeDetail:
        """One worker's, or where all host the node what they have together."""
        first, counts = parts[0], ("queued_forward", "queued_backward", "cached", "pending")
        added = {name: sum(getattr(part, name) for part in parts) for name in counts}
        listed = {
            name: sum((getattr(part, name) for part in parts), ()) for name in ("forward", "backward", "remembered")
        }
        held = first.node in self._held()
        return msgspec.structs.replace(first, held=held, **added, **listed)

    def _of_key(self, key: int, parts: Sequence[KeyDetail]) -> KeyDetail:
        admitted = self._controller.in_flight.get(key, self._controller.time.now)
        records = self._trail.of_key(key)
        return KeyDetail(
            key,
            self._controller.time.now - admitted,
            places=tuple(token for part in parts for token in part.places),
            remembered=tuple(token for part in parts for token in part.remembered),
            queued=sum(part.queued for part in parts),
            cached=sum(part.cached for part in parts),
            path=tuple(self._hop(record) for record in records[-_HOPS:]),
            complete=len(records) <= _HOPS and self._trail.whole_since <= admitted * 1e9,
        )

    def _hop(self, record: np.void) -> Hop:
        token = f"{self._graph.nodes[record['node']].name}.{'FB'[record['action']]}"
        return Hop(int(record["start"]) / 1e9, int(record["duration"]) / 1e9, token, int(record["worker"]))

    def _close(self, number: int, detail: Detail | None = None, error: str = "") -> None:
        question = self._open.pop(number)
        question.reply(Reply(question.request.id, error, detail=detail))
