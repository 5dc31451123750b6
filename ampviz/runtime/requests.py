"""What viewers ask of a session, and how each of it is done."""

from __future__ import annotations

from collections.abc import Sequence

from ampviz.errors import AmpvizError, UsageError
from ampviz.graph import EVERY, Graph
from ampviz.runtime.breakpoints import Breakpoints, node_called
from ampviz.runtime.commands import HoldNode, SetRules
from ampviz.runtime.controller import Controller
from ampviz.runtime.lints import Lints
from ampviz.runtime.plan import ALL, ANY
from ampviz.telemetry.link import (
    Drop,
    Hold,
    Pause,
    RemoveBreakpoint,
    Reply,
    Request,
    Resume,
    SetBreakpoint,
    SetKnob,
    Step,
    Stop,
    StopHow,
    SwitchLint,
    UndoKnob,
)


class Requests:
    """Does requests one at a time, through the controller; the session must send what is then in its outbox.

    `held` names the nodes that wait although messages do.
    """

    def __init__(
        self,
        graph: Graph,
        placement: Sequence[int],
        controller: Controller,
        breakpoints: Breakpoints,
        lints: Lints,
    ):
        self._graph, self._placement = graph, placement
        self._controller, self._breakpoints, self._lints = controller, breakpoints, lints
        self.held: tuple[str, ...] = ()

    def answer(self, request: Request) -> Reply:
        """Do what is asked; the reply says what is wrong where that cannot be."""
        try:
            return Reply(request.id, text=self._do(request))
        except AmpvizError as error:
            return Reply(request.id, str(error))

    def _do(self, request: Request) -> str:
        """The text of the reply, mostly none."""
        controller = self._controller
        match request:
            case Pause():
                controller.pause()
            case Resume():
                controller.resume()
            case Step():
                self._step(request)
            case SetKnob():
                controller.set_knob(request.name, request.value)
            case UndoKnob():
                controller.undo_knob()
            case SwitchLint():
                name = self._lints.switch(request.number, request.on)
                controller.note("LINT", f"{name} switched {'on' if request.on else 'off'}")
            case Drop():
                controller.drop(request.key)
            case Stop():
                controller.stop(save=request.how is StopHow.SAVE)
            case SetBreakpoint():
                entry = self._breakpoints.set(request)
                self._rules_changed()
                return str(entry.number)
            case RemoveBreakpoint():
                self._breakpoints.remove(request.number)
                self._rules_changed()
            case Hold():
                self._hold(request)
            case _:
                raise UsageError(f"not possible yet: {type(request).__name__}")
        return ""

    def _step(self, request: Step) -> None:
        """Step as asked: anywhere, on a worker, or on a node."""
        workers = self._controller.plan.workers
        if request.node:
            node = node_called(request.node, self._graph).id
            host = self._placement[node]
            if host == EVERY:  # that of the oldest instance
                host = self._controller.phases.owner(next(iter(self._controller.in_flight), 0))
            self._controller.step(request.goal, host, node)
        elif request.worker >= workers:
            raise UsageError("no such worker", expected=f"0 to {workers - 1}", got=request.worker)
        else:
            self._controller.step(request.goal, request.worker if request.worker >= 0 else ANY)

    def _rules_changed(self) -> None:
        self._controller.outbox.append((ALL, SetRules(self._breakpoints.rules())))

    def _hold(self, request: Hold) -> None:
        node = node_called(request.node, self._graph)
        others = tuple(name for name in self.held if name != node.name)
        self.held = (*others, node.name) if request.held else others
        self._controller.outbox.append((ALL, HoldNode(node.id, request.held)))
        self._controller.note("HOLD", f"{node.name} {'waits' if request.held else 'goes on'}")
