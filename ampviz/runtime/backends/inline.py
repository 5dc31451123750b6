"""All workers in one process, taking turns one unit of work each: deterministic, for tests, debugging and teaching.

Uses asyncio only to leave room for viewers between slices; `turn` alone is the whole machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from ampviz.data.dataset import Dataset
from ampviz.errors import NodeError
from ampviz.graph import Graph
from ampviz.runtime.commands import Command, Failed, Report, Stepped
from ampviz.runtime.plan import ALL, ANY
from ampviz.runtime.publish import publish
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.tracer import WAITING, Tracer
from ampviz.runtime.worker import Worker
from ampviz.subnormals import subnormals_as_zero
from ampviz.telemetry.board import Board
from ampviz.telemetry.ring import TraceRing

_SLICE_S = 0.005  # how long viewers and signals may have to wait


class InlineBackend:
    """Hosts worker machines in this process. `on_report(worker, report)` is called between units, never inside one."""

    def __init__(self, workers: Sequence[Worker], board: Board):
        self.workers, self._board = workers, board
        self.on_report: Callable[[int, Report], None] = lambda worker, report: None
        self._commands: deque[tuple[int, Command]] = deque()
        self._turn = 0  # the worker whose turn it is
        self._failed = False
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    @classmethod
    def of(
        cls,
        graphs: Sequence[Graph],
        placement: Sequence[int],
        store: ParameterStore,
        datasets: tuple[Dataset, Dataset | None],
        board: Board,
        rings: Sequence[TraceRing],
        seed: int,
    ) -> InlineBackend:
        """With a worker for each of these graphs, which writes its trace into the ring of the same number."""
        workers = []
        for index, (graph, ring) in enumerate(zip(graphs, rings, strict=True)):
            worker = Worker(index, graph, placement, store, datasets, clock=time.perf_counter_ns, seed=seed)
            worker.tracer = Tracer(index, ring)
            workers.append(worker)
        return cls(workers, board)

    def send(self, address: int, commands: Sequence[Command]) -> None:
        """Have commands applied before the next unit: by one worker, by ALL, or by the one whose turn it is (ANY)."""
        self._commands.extend((address, command) for command in commands)
        self._wake.set()

    def turn(self) -> bool:
        """Apply what was sent, then run one unit of work; False if nothing could be done."""
        worked = bool(self._commands)
        while self._commands:
            self._apply(*self._commands.popleft())
        worker = self._next_ready()
        if worker is None or worker.paused or self._failed:
            return worked
        self._guarded(worker, worker.run_unit)
        if worker.tracer is not None and len(worker.tracer.notes) >= WAITING:
            worker.tracer.write()
        return True

    async def start(
        self, on_report: Callable[[int, Report], None], on_lost: Callable[[int, str], None] = lambda *_: None
    ) -> None:
        """Begin to take turns in a task of the running loop; no worker can be lost here."""
        self.on_report = on_report
        self._task = asyncio.create_task(self._run(), name="ampviz-inline")

    async def stop(self) -> None:
        """End the task. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def refresh(self) -> None:
        """Bring the board up to date."""
        for worker in self.workers:
            publish(worker, self._board)

    async def _run(self) -> None:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the loss is checked instead
            await self._take_turns()

    async def _take_turns(self) -> None:
        while True:
            busy = self._slice()
            if busy and self.workers[0].slow_motion:
                await self._rest()
            elif busy:
                await asyncio.sleep(0)
            else:
                self._wake.clear()
                if not self._commands:
                    await self._wake.wait()

    def _slice(self) -> bool:
        """Take turns for a while, or one in slow motion; False if nothing is left to do."""
        end, busy = time.monotonic() + _SLICE_S, True
        with subnormals_as_zero():
            while busy and time.monotonic() < end:
                busy = self.turn()
                if self.workers[0].slow_motion:
                    break
        return busy

    async def _rest(self) -> None:
        """Wait between two messages of slow motion, and do meanwhile what is sent: it may end the wait."""
        began, worker = time.monotonic(), self.workers[0]
        while True:
            self._wake.clear()
            while self._commands:
                self._apply(*self._commands.popleft())
            left = began + worker.slow_motion - time.monotonic()
            if worker.paused or left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._wake.wait()

    def _next_ready(self) -> Worker | None:
        count = len(self.workers)
        for offset in range(count):
            worker = self.workers[(self._turn + offset) % count]
            if worker.ready:
                self._turn = (worker.index + 1) % count
                return worker
        return None

    def _apply(self, address: int, command: Command) -> None:
        if address == ANY:
            worker = self._next_ready()
            if worker is None:
                self.on_report(0, Stepped("", False))
                return
            targets = [worker]
        else:
            targets = list(self.workers) if address == ALL else [self.workers[address]]
        for target in targets:
            self._guarded(target, partial(target.apply, command))

    def _guarded(self, worker: Worker, action: Callable[[], object]) -> None:
        try:
            action()
        except NodeError as error:
            self._failed = True
            worker.reports.append(Failed(error.what, error.where, error.hint))
        for target, parcel in worker.outbox:
            self.workers[target].deliver(*parcel)
        worker.outbox.clear()
        for reporting in self.workers:  # a paused worker tells when what it got changes its next message
            reports, reporting.reports[:] = list(reporting.reports), []
            for report in reports:
                self.on_report(reporting.index, report)
