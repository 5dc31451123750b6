"""One process a worker, connected directly to each other by Unix sockets; uses asyncio.

Everything a worker shares with others is an inherited descriptor without a name (socket pairs, shared blocks), so
nothing is left behind however the session ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence

import msgspec

from ampviz.errors import WorkerError
from ampviz.runtime.backends.setup import WorkerSetup
from ampviz.runtime.commands import Command, Ready, Report, Shutdown
from ampviz.runtime.plan import ALL, ANY
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.store import ParameterStore
from ampviz.telemetry.board import Board
from ampviz.telemetry.channel import Channel, open_channel
from ampviz.telemetry.ring import TraceRing

_START_S = 120.0  # until a worker must have built its graph
_STOP_S = 5.0  # until a worker must have left before it is killed
_LAST_BREATH_S = 0.5  # between a dying process's closing of its sockets and its exit code
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
# glibc gives large arrays back to the system with every free and faults them in again page by page, which takes a tenth
# of the time of qm9: keep up to 1 GiB at hand, and take 64 MiB at once.
_ALLOCATOR = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 25), "MALLOC_TOP_PAD_": str(1 << 26)
}  # fmt: skip


class ProcessBackend:
    """Starts the worker processes of a session, carries commands and reports, watches for deaths."""

    def __init__(
        self,
        spec: RunSpec,
        placement: Sequence[int],
        store: ParameterStore,
        board: Board,
        rings: Sequence[TraceRing],
    ):
        self._target, self._variant, self._count = spec.target, spec.variant, spec.workers
        self._placement, self._store, self._board = tuple(placement), store, board
        self._rings = rings
        self._seed = spec.seed
        self._processes: list[subprocess.Popen[bytes]] = []
        self._channels: list[Channel[Report]] = []
        self._stopping = False
        self._turn = 0

    async def start(
        self, on_report: Callable[[int, Report], None], on_lost: Callable[[int, str], None] = lambda *_: None
    ) -> None:
        """Start all workers and wait until each is ready. Raises WorkerError if one is not, after stopping all.

        `on_lost(worker, text)` is called for a worker that dies later.
        """
        self._on_report, self._on_lost = on_report, on_lost
        self._ready = [asyncio.Event() for _ in range(self._count)]
        controls = self._spawn()
        decoder = msgspec.msgpack.Decoder(list[Report])
        for index, control in enumerate(controls):
            self._channels.append(
                await open_channel(
                    control,
                    decoder,
                    lambda reports, index=index: self._received(index, reports),  # type: ignore[misc] # early binding
                    lambda error, index=index: self._lost(index, error),  # type: ignore[misc] # as above
                )
            )
        try:
            async with asyncio.timeout(_START_S):
                for index, event in enumerate(self._ready):
                    await event.wait()
                    if self._channels[index].closed:
                        raise WorkerError(f"worker {index} did not start", hint="its own message stands above")
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise WorkerError(f"a worker was not ready after {_START_S:.0f} s") from error
            raise

    def send(self, address: int, commands: list[Command]) -> None:
        """Send to one worker, to ALL, or (ANY) to the one whose turn it is."""
        if address == ALL:
            for channel in self._channels:
                channel.send(commands)
            return
        if address == ANY:
            address, self._turn = self._turn, (self._turn + 1) % self._count
        self._channels[address].send(commands)

    async def stop(self) -> None:
        """Have every worker leave; kill what does not. Idempotent."""
        self._stopping = True
        for channel in self._channels:
            channel.send([Shutdown()])
        loop = asyncio.get_running_loop()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                await loop.run_in_executor(None, process.wait, _STOP_S)
            if process.poll() is None:
                process.kill()
                process.wait()
        for channel in self._channels:
            channel.close()
        self._processes, self._channels = [], []
        await asyncio.sleep(0)  # let the closed transports say so

    def refresh(self) -> None:
        """Nothing to do: workers write their own rows of the board."""

    def _spawn(self) -> list[socket.socket]:
        pairs = {
            (low, high): socket.socketpair() for high in range(self._count) for low in range(high)
        }  # one a pair of workers; the lower index takes the first end
        controls: list[socket.socket] = []
        try:
            for index in range(self._count):
                ours, theirs = socket.socketpair()
                ours.setblocking(False)
                controls.append(ours)
                ends = {str(high if low == index else low): pair[0 if low == index else 1]
                        for (low, high), pair in pairs.items() if index in (low, high)}  # fmt: skip
                self._processes.append(self._start_one(index, theirs, ends))
                theirs.close()
        finally:
            for pair in pairs.values():
                for end in pair:
                    end.close()
        return controls

    def _start_one(
        self, index: int, control: socket.socket, peers: dict[str, socket.socket]
    ) -> subprocess.Popen[bytes]:
        setup = WorkerSetup(
            target=self._target,
            variant=self._variant,
            index=index,
            workers=self._count,
            seed=self._seed,
            placement=self._placement,
            control=control.fileno(),
            store=self._store.block.fd,
            board=self._board.block.fd,
            trace=self._rings[index].block.fd,
            peers={name: end.fileno() for name, end in peers.items()},
        )
        return subprocess.Popen(
            [sys.executable, "-m", "ampviz.runtime.backends.hosted", msgspec.json.encode(setup).decode()],
            pass_fds=[setup.control, setup.store, setup.board, setup.trace, *setup.peers.values()],
            stdin=subprocess.DEVNULL,
            stdout=2,  # what a model prints must not mix with the session's own output
            env={**_ALLOCATOR, **os.environ, **_ONE_THREAD},
        )

    def _received(self, index: int, reports: list[Report]) -> None:
        for report in reports:
            if isinstance(report, Ready):
                self._ready[index].set()
            else:
                self._on_report(index, report)

    def _lost(self, index: int, error: Exception | None) -> None:
        if not self._ready[index].is_set():
            self._ready[index].set()
        elif not self._stopping:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._processes[index].wait(_LAST_BREATH_S)
            self._on_lost(index, f"worker {index} is gone ({_death(self._processes[index].returncode)})")


def _death(code: int | None) -> str:
    if code is None:
        return "it closed its channel"
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
