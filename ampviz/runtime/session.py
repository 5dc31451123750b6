"""One running training: joins controller, backend, store, board and viewers; uses asyncio."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from ampviz.experiment import load_experiment
from ampviz.nodes.loss import Loss
from ampviz.runtime.adviser import Adviser
from ampviz.runtime.backends.inline import InlineBackend
from ampviz.runtime.backends.process import ProcessBackend
from ampviz.runtime.breakpoints import Breakpoints
from ampviz.runtime.checkpoint import Checkpoint, save_checkpoint
from ampviz.runtime.commands import Hit, Report, Seen, Trace
from ampviz.runtime.controller import Controller
from ampviz.runtime.fold import Fold
from ampviz.runtime.info import session_info
from ampviz.runtime.inquiry import Inquiries
from ampviz.runtime.interrupts import Interrupts
from ampviz.runtime.outcome import outcome
from ampviz.runtime.plan import ALL, Plan, Progress
from ampviz.runtime.profile import placed
from ampviz.runtime.requests import Requests
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.stall import StallWatch
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.trail import Trail
from ampviz.runtime.watches import Watches
from ampviz.telemetry.board import Board
from ampviz.telemetry.link import Inspect, Reply, Request
from ampviz.telemetry.ring import TraceRing
from ampviz.telemetry.snapshot import SessionInfo, Snapshot, Status

TICK_S = 0.1
_IDLE_TICK_S = 0.5  # while nobody watches: a tick costs 1 to 2 ms of CPU that the workers could use
_SOON_S = 0.01


class Session:
    """One training from a RunSpec, or from a Checkpoint where one left off.

    Making it loads the experiment and traces the model (raises AmpvizError of exit code 2 for anything wrong with the
    request); `run` trains. `on_tick` gets every Snapshot; it must return quickly. Who begins to watch calls `hurry`.
    """

    def __init__(self, spec: RunSpec, folder: Path, checkpoint: Checkpoint | None = None):
        self.spec, self.folder = spec, folder
        self.experiment = load_experiment(spec.target)
        self.graph = self.experiment.graph(spec.variant)
        knobs = self.experiment.knob_values(self.graph, checkpoint.knobs if checkpoint else spec.knobs)
        self.placement, _ = placed(self.experiment, self.graph, spec, knobs)
        self.store = ParameterStore(self.graph, self.experiment.optimizer, spec.seed)
        if checkpoint:
            self.store.load(checkpoint.arrays)
        self.board = Board(len(self.graph.nodes), spec.workers)
        progress = checkpoint.progress if checkpoint else Progress()
        plan = Plan.of(spec, self.experiment, self.graph, self.placement)
        self.controller = Controller(plan, knobs, clock=time.perf_counter, progress=progress, settle=self.store.average)
        self._rings = [TraceRing() for _ in range(spec.workers)]
        self.trail = Trail(self._rings, round(self.controller.time.started * 1e9))
        self.backend = self._backend()
        self.on_tick: Callable[[Snapshot], None] = lambda snapshot: None
        self.watched: Callable[[], bool] = lambda: True  # whether ticks are shown or recorded
        self.traced: Callable[[], bool] = lambda: True  # whether somebody will read the trace
        self.viewed: Callable[[], bool] = lambda: True  # whether somebody looks at it now
        self._tracing = Trace(on=True)  # what workers note of what they do
        losses = [node for node in self.graph.nodes if isinstance(node, Loss)]
        self._watches = Watches(
            [node.name for node in self.graph.nodes], {name for node in losses for name in node.metrics}
        )
        self.breakpoints = Breakpoints(self.graph, self._watches.names())
        self._adviser = Adviser(self.info())
        self.requests = Requests(self.graph, self.placement, self.controller, self.breakpoints, self._adviser.lints)
        self._inquiries = Inquiries(self.graph, self.placement, self.controller, self.trail, lambda: self.requests.held)
        self._fold = Fold(self.controller, self.board, self.trail)
        self._stall = StallWatch(self.graph, self.board)
        self._epochs_at_save = len(progress.epochs)
        self._ended = asyncio.Event()
        self._due = asyncio.Event()  # a tick, before its time: somebody waits to see what became of a request
        self._started = False  # whether there are workers to send to; what is asked for before waits for them

    @property
    def checkpoint_path(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def info(self) -> SessionInfo:
        """What viewers are told once."""
        return session_info(self.folder.name, self.spec, self.graph, self.placement, self.controller.plan.epochs)

    async def run(self) -> dict[str, Any]:
        """Train to the end and return the outcome. Leaves no process behind, whatever happens."""
        with Interrupts(self._interrupt):
            try:
                await self.backend.start(self._report, self._lost)
                self._started = True
                began = time.perf_counter()
                self.controller.start()
                self._flush()
                await self._tick_until_ended()
                if self.controller.status is Status.INTERRUPTED and not self.controller.in_flight:
                    self.save()
                seconds = time.perf_counter() - began
            finally:
                await self.backend.stop()
                self._inquiries.end()
            self.backend.refresh()
            self._tick()
            result = outcome(self.spec, self.graph, self.placement, self.controller, self.board, seconds)
        self.discard()
        return result

    def discard(self) -> None:
        """Let the shared memory go; `run` does so at its end."""
        self.store.close()
        self.board.close()
        self.trail.close()

    def request(self, request: Request) -> Reply:
        """Do what a viewer asks."""
        reply = self.requests.answer(request)
        self._flush()
        self.hurry()
        return reply

    def hurry(self) -> None:
        """Have a tick before its time."""
        self._due.set()

    def inspect(self, request: Inspect, reply: Callable[[Reply], None]) -> None:
        """Show what a viewer wants to see: `reply` is called once, within seconds, when the workers have answered."""
        if self._started:
            self._inquiries.ask(request, reply)
            self._flush()
        else:
            reply(Reply(request.id, "there are no workers yet"))

    def save(self) -> None:
        """Write a checkpoint; only between phases, when nothing is in flight."""
        knobs = self.controller.knobs.as_dict()
        save_checkpoint(self.checkpoint_path, self.spec, self.controller.progress, knobs, self.store.arrays())
        self.controller.note("CHECKPOINT", f"saved {self.checkpoint_path}")

    # Inside

    def _hit(self, hit: Hit) -> None:
        entry = self.breakpoints.hit(hit.number)
        if entry is None and not hit.pause:
            return
        text = f": {entry.text}" if entry else ""
        self._stopped("BREAK", f"breakpoint {hit.number} at {hit.token}{text}", pause=hit.pause)

    def _stopped(self, kind: str, reason: str, *, pause: bool) -> None:
        """Tell what a breakpoint or watch has met, and pause for it if it says so."""
        self.controller.note(kind, reason)
        if pause and not self.controller.status.ended:
            self.controller.stop_at(reason)
            self._flush()

    def _backend(self) -> InlineBackend | ProcessBackend:
        if self.spec.backend == "process":
            return ProcessBackend(self.spec, self.placement, self.store, self.board, self._rings)
        graphs = [self.graph] * self.spec.workers
        if self.controller.plan.by_key:  # each worker has nodes of its own
            graphs = [self.experiment.graph(self.spec.variant) for _ in graphs]
            for graph in graphs:
                self.store.equipped(graph)
        datasets = (self.experiment.train, self.experiment.valid)
        return InlineBackend.of(graphs, self.placement, self.store, datasets, self.board, self._rings, self.spec.seed)

    def _report(self, worker: int, report: Report) -> None:
        if isinstance(report, Hit):
            self._hit(report)
        elif isinstance(report, Seen):
            self._inquiries.heard(worker, report)
            return
        self.controller.report(worker, report)
        if len(self.controller.progress.epochs) > self._epochs_at_save:
            self._epochs_at_save = len(self.controller.progress.epochs)
            self.save()
            if not self.watched():
                self.hurry()  # a log is to have its line when the epoch ends
        self._flush()

    def _lost(self, worker: int, text: str) -> None:
        self.controller.fail(text)
        self._flush()

    def _flush(self) -> None:
        if self._started:
            for address, entries in itertools.groupby(self.controller.outbox, key=itemgetter(0)):
                self.backend.send(address, [command for _, command in entries])
            self.controller.outbox.clear()
        if self.controller.status.ended:
            self._ended.set()
            self._due.set()

    async def _tick_until_ended(self) -> None:
        while not self._ended.is_set():
            self._tick()
            stalled = self._stall.look(self.controller)
            if stalled:
                self.controller.fail(stalled)
                self._flush()
            try:
                async with asyncio.timeout(TICK_S if self.watched() else _IDLE_TICK_S):
                    await self._due.wait()
            except TimeoutError:
                continue
            self._due.clear()
            if not self._ended.is_set():  # workers may have something to say to it
                await asyncio.sleep(_SOON_S)

    def _tick(self) -> None:
        self._trace_if_read()
        self._inquiries.look()
        self.backend.refresh()
        snapshot = msgspec.structs.replace(self._fold.snapshot(), held=self.requests.held)
        snapshot = self._adviser.look(snapshot)
        for entry in self._watches.look(snapshot, self.breakpoints.listed()):
            self.breakpoints.hit(entry.number)
            self._stopped("WATCH", f"watch {entry.number}: {entry.text}", pause=entry.pause)
        self.on_tick(msgspec.structs.replace(snapshot, breakpoints=self.breakpoints.listed()))

    def _trace_if_read(self) -> None:
        """Have workers trace while somebody watches or records; it costs them time that nobody would get back."""
        wanted = Trace(self.traced(), self.viewed())
        if wanted != self._tracing:
            self._tracing = wanted
            self.controller.outbox.append((ALL, wanted))
            self._flush()
            if wanted.on:
                self.trail.whole_since = round(self.controller.time.now * 1e9)

    def _interrupt(self) -> None:
        """First ctrl-c: what is in flight comes home and a checkpoint is written. Second: at once."""
        self.controller.stop(save=self.controller.status is not Status.STOPPING)
        self._flush()
