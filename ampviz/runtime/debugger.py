"""The debugger's side of a worker: where it stands still, what it steps, and what it tells of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ampviz.message import BACKWARD, FORWARD, Direction
from ampviz.nodes.base import Node
from ampviz.runtime.commands import Halted, Hit, Rule, Stepped
from ampviz.runtime.router import Router
from ampviz.runtime.slot import Slot
from ampviz.runtime.traps import SlotTraps, Trap

if TYPE_CHECKING:
    from ampviz.runtime.worker import Worker


class Debugger:
    """Pauses, steps and traps of one worker, with nothing to do for it while nobody debugs."""

    def __init__(self, worker: Worker, router: Router):
        self._worker, self._router = worker, router
        self._announced = ""  # the message that was last reported as the next one of a pause
        self.updated = False  # whether a node has updated since the last step began

    def set_paused(self, paused: bool) -> None:
        """Stand still, or go on."""
        worker, now = self._worker, self._worker.clock()
        if paused != worker.paused:  # nobody waits for a worker that stands still
            for slot in self._router.waiting():
                slot.waiting_ns += now - slot.ready_since if paused else 0
                slot.ready_since = now
            if worker.tracer is not None:
                worker.tracer.pause(now, paused)
        worker.paused = paused
        if paused:
            self.announce(anyway=True)

    def next_token(self) -> str:
        """The name of the message that the next unit begins with; "" if none waits."""
        if not self._worker.ready:
            return ""
        slot, direction = self._worker.choice()
        return str(slot.head(direction))

    def announce(self, *, anyway: bool = False) -> None:
        """Say which message is next, if that is another one than was said before."""
        token = self.next_token()
        if anyway or token != self._announced:
            self._announced = token
            self._worker.reports.append(Halted(token))

    def step(self, node: int, stop: bool) -> None:
        """Process one message, of one node if it is named (>= 0). Raises NodeError if that fails."""
        worker, choice = self._worker, None
        if node < 0 and worker.ready:
            choice = worker.choice()
        elif node in worker.slots:
            slot = worker.slots[node]
            choice = next(((slot, way) for way in (BACKWARD, FORWARD) if slot.queues[way]), None)
        token, self.updated = "", False
        if choice:
            slot, direction = choice
            token = str(slot.head(direction))
            if not worker.run_unit(choice, stop=stop):
                token = ""
        worker.reports.append(Stepped(token, self.updated))
        self.announce(anyway=True)

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """Keep the traps that stay as they are, with their hits."""
        for index, slot in self._worker.slots.items():
            before = {trap.rule: trap for trap in slot.traps.traps} if slot.traps else {}
            traps = [before.get(rule) or Trap.of(rule, self._worker.graph) for rule in rules if rule.node == index]
            slot.traps = SlotTraps(traps) if traps else None

    def free(self, traps: SlotTraps, slot: Slot, direction: Direction, take: int) -> int:
        """How many of the next messages may be processed; halts before the first if that meets a breakpoint."""
        worker = self._worker
        token = str(slot.head(direction))
        take = traps.free(slot, direction, take, worker.clock(), worker.residents.admitted)
        for trap in traps.hit:
            worker.reports.append(Hit(trap.rule.number, token, trap.rule.pause))
        if not take:
            self.set_paused(True)
        return take

    def stop_after(self, node: Node, action: str, token: str, figures: Mapping[str, float]) -> None:
        """Halt if an update (U) or a loss (F) that has just happened meets a breakpoint of its node."""
        traps = self._worker.slots[node.id].traps
        if traps is None:
            return
        for trap in traps.after(action, lambda name: figures.get(name, 0.0)):
            self._worker.reports.append(Hit(trap.rule.number, token, trap.rule.pause))
            if trap.rule.pause and not self._worker.paused:
                self.set_paused(True)
