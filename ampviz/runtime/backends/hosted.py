"""A worker process: hosts one worker machine behind sockets; uses asyncio on uvloop.

Started as `python -m ampviz.runtime.backends.hosted SETUP` with its descriptors inherited. It ends when the
controller says so or closes the control channel, so that it never outlives its session.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

import msgspec
import numpy as np
import uvloop

from ampviz.errors import AmpvizError, NodeError, WorkerError
from ampviz.experiment import load_experiment
from ampviz.graph import EVERY
from ampviz.runtime.backends.setup import WorkerSetup
from ampviz.runtime.commands import CameHome, Command, Failed, LossSeen, Ready, Shutdown
from ampviz.runtime.peer import Peer, connect_peer
from ampviz.runtime.publish import publish
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.tracer import WAITING, Tracer
from ampviz.runtime.wire import Frame
from ampviz.runtime.worker import Worker
from ampviz.subnormals import subnormals_as_zero
from ampviz.telemetry.board import Board
from ampviz.telemetry.channel import Channel, open_channel
from ampviz.telemetry.ring import TraceRing

_SLICE_NS = 200_000  # how long units run before the sockets are looked at again
_ALONE_NS = 1_000_000  # the same where no other worker sends: a look costs as much as a small unit, and can wait
_REPORT_NS = 1_000_000  # how long reports wait for others: a send costs as much as ten messages without a kernel
_AT_EASE_NS = 20_000_000  # the same while instances are at hand, and the session need not hurry to admit others
_PUBLISH_S = 0.05
_ALLOCATIONS = 20_000  # more than are freed, until the collector looks for cycles


class HostedWorker:
    """The shell around one worker machine: receives, runs it in slices, sends."""

    def __init__(self, setup: WorkerSetup):
        experiment = load_experiment(setup.target)
        graph = experiment.graph(setup.variant)
        self.setup = setup
        store = ParameterStore(graph, experiment.optimizer, fd=setup.store)
        self.board = Board(len(graph.nodes), setup.workers, fd=setup.board)
        self.worker = Worker(
            setup.index,
            graph,
            setup.placement,
            store,
            (experiment.train, experiment.valid),
            clock=time.perf_counter_ns,
            seed=setup.seed,
        )
        self.worker.tracer = self.tracer = Tracer(setup.index, TraceRing(fd=setup.trace))
        alone = all(worker == EVERY for worker in setup.placement)
        self._slice_ns = _ALONE_NS if alone else _SLICE_NS
        self.peers: dict[int, Peer] = {}
        self.control: Channel[Command] | None = None
        self._turn_due = False
        self._resting: asyncio.TimerHandle | None = None  # until the next message of slow motion
        self._failed = False
        self._reported = 0  # when reports were sent last

    async def run(self) -> None:
        """Connect, say so, and work until told to leave."""
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()
        for index, fd in self.setup.peers.items():
            lost = functools.partial(self._peer_lost, int(index))
            self.peers[int(index)] = await connect_peer(socket.socket(fileno=fd), self._deliver, lost)
        decoder = msgspec.msgpack.Decoder(list[Command])
        self.control = await open_channel(
            socket.socket(fileno=self.setup.control), decoder, self._command, lambda _: self._leave()
        )
        self.control.send([Ready(os.getpid())])
        gc.freeze()  # what set-up made lives to the end: no collection needs to walk it
        gc.set_threshold(_ALLOCATIONS)  # messages are no cycles: reference counts free them
        self._publish()
        await self.ended
        self.control.close()
        for peer in self.peers.values():
            peer.close()

    def _deliver(self, frames: list[Frame]) -> None:
        for frame in frames:
            self.worker.deliver(*frame)
        if self.worker.paused:  # it may have told that another message is next
            self._flush()
        self._call_turn()

    def _command(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, Shutdown):
                self._publish()
                self._leave()
                return
            self._guarded(functools.partial(self.worker.apply, command))
        resting = self._resting
        if resting is not None and resting.when() > asyncio.get_running_loop().time() + self.worker.slow_motion:
            resting.cancel()  # it is less slow from now on
            self._turn_due, self._resting = False, None
        self._flush()
        self._call_turn()

    def _call_turn(self) -> None:
        if not self._turn_due and self.worker.ready and not self.worker.paused and not self._failed:
            self._turn_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        """Run units for a slice of time, then send; the loop looks at the sockets before the next turn."""
        self._turn_due, self._resting = False, None
        self._guarded(self._slice)
        worker = self.worker
        self._flush()
        if worker.slow_motion and worker.ready:
            self._turn_due = True
            self._resting = asyncio.get_running_loop().call_later(worker.slow_motion, self._turn)
        else:
            self._call_turn()

    def _slice(self) -> None:
        worker, clock = self.worker, self.worker.clock
        end = clock() + self._slice_ns
        while worker.ready and not worker.paused and not self._failed:
            worker.run_unit()
            if clock() >= end or worker.slow_motion:
                break

    def _guarded(self, action: Callable[[], object]) -> None:
        try:
            action()
        except NodeError as error:
            self._failed = True
            self.worker.reports.append(Failed(error.what, error.where, error.hint))

    def _flush(self) -> None:
        worker = self.worker
        if worker.paused:  # somebody watches the single step
            publish(worker, self.board, self._unsent())
        elif len(self.tracer.notes) >= WAITING:
            self.tracer.write()
        if worker.outbox:
            for target, parcel in worker.outbox:
                self.peers[target].send(*parcel)
            worker.outbox.clear()
            for peer in self.peers.values():
                peer.flush()
        if worker.reports and self.control is not None and self._is_time_to_report():
            self._reported = worker.clock()
            self.control.send(worker.reports)
            worker.reports.clear()

    def _is_time_to_report(self) -> bool:
        """Losses and instances that came home wait for each other a moment, while there is other work to do."""
        worker = self.worker
        if not worker.ready or worker.paused or worker.slow_motion or self._failed:
            return True
        if worker.clock() - self._reported >= (_AT_EASE_NS if worker.residents.waiting else _REPORT_NS):
            return True
        return not all(isinstance(report, LossSeen | CameHome) for report in worker.reports)

    def _publish(self) -> None:
        publish(self.worker, self.board, self._unsent())
        if not self.ended.done():
            asyncio.get_running_loop().call_later(_PUBLISH_S, self._publish)

    def _unsent(self) -> int:
        return sum(peer.unsent for peer in self.peers.values())

    def _peer_lost(self, index: int, error: Exception | None) -> None:
        """Report a broken stream. A peer that died is not this worker's to report: the session sees it by itself."""
        if not self.ended.done() and self.control is not None and isinstance(error, WorkerError):
            self.control.send([Failed(f"lost worker {index}: {error}", f"worker {self.setup.index}", "")])

    def _leave(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def main() -> int:
    """Run the worker that the JSON in the first argument describes; returns the exit code."""
    np.seterr(over="ignore", invalid="ignore", divide="ignore")  # the loss is checked instead
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-c reaches the whole group; the session decides what it means
    try:
        hosted = HostedWorker(msgspec.json.decode(sys.argv[1], type=WorkerSetup))
    except AmpvizError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    with subnormals_as_zero():
        uvloop.run(hosted.run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
