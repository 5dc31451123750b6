"""The board: counters of every node and worker in shared memory. Each worker has rows of its own; anyone may read.

A reader may see a row half way through being written; the next tick is right again, and nothing is computed from it
that training depends on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.shared import SharedBlock
from ampviz.telemetry.snapshot import NodeStats, WorkerStats

STALENESS_BINS = 64

NODE = np.dtype(
    [(name, np.int64) for name in (
        "queued_forward", "queued_backward", "max_queue", "forward", "backward", "updates", "busy_ns", "waiting_ns",
        "cached", "pending", "staleness_sum", "staleness_max",
    )] + [("staleness", np.int64, (STALENESS_BINS,)), ("gradient_norm", np.float64)]
)  # fmt: skip
WORKER = np.dtype([(name, np.int64) for name in ("pid", "busy_ns", "kernel_ns", "messages", "unsent", "beats")])

_LARGEST = ("max_queue", "staleness_max", "gradient_norm")  # of these the largest among workers counts, else the sum
_SECOND = 1e9


class Board:
    """Rows for every node and worker of a session. Without `fd` it makes the shared block, with one it maps it."""

    def __init__(self, nodes: int, workers: int, fd: int | None = None):
        rows = workers * nodes
        self.block = SharedBlock(rows * NODE.itemsize + workers * WORKER.itemsize, fd)
        self.nodes: NDArray[np.void] = np.frombuffer(self.block.memory, NODE, rows).reshape(workers, nodes)
        self.workers: NDArray[np.void] = np.frombuffer(self.block.memory, WORKER, workers, rows * NODE.itemsize)

    def node_stats(self) -> tuple[NodeStats, ...]:
        """What all workers have counted for every node, in units for people."""
        whole = np.empty(self.nodes.shape[1], NODE)
        for name in NODE.names or ():
            over = np.maximum if name in _LARGEST else np.add
            whole[name] = over.reduce(self.nodes[name], axis=0, initial=0)
        return tuple(_node_stats(row) for row in whole.tolist())

    def worker_stats(self) -> tuple[WorkerStats, ...]:
        """Every worker's row."""
        return tuple(
            WorkerStats(pid, busy / _SECOND, kernel / _SECOND, messages, unsent)
            for pid, busy, kernel, messages, unsent, _ in self.workers.tolist()
        )

    def close(self) -> None:
        """Let the block go."""
        self.nodes = self.nodes[:, :0].copy()
        self.workers = self.workers[:0].copy()
        self.block.close()


def _node_stats(row: Sequence[Any]) -> NodeStats:
    queued_f, queued_b, max_queue, forward, backward, updates, busy, waiting, cached, pending, total, top = row[:12]
    histogram: list[int] = row[12].tolist()  # numpy leaves an array inside a row as one
    counted = sum(histogram)
    while histogram and not histogram[-1]:
        histogram.pop()
    return NodeStats(
        queued_forward=queued_f,
        queued_backward=queued_b,
        max_queue=max_queue,
        forward=forward,
        backward=backward,
        updates=updates,
        busy_s=busy / _SECOND,
        waiting_s=waiting / _SECOND,
        cached=cached,
        pending=pending,
        staleness=tuple(histogram),
        staleness_mean=total / counted if counted else 0.0,
        staleness_max=top,
        gradient_norm=row[13],
    )


def staleness_percentile(histogram: Sequence[int], share: float) -> int:
    """The smallest staleness that at least `share` of the gradients do not exceed; 0 for an empty histogram."""
    needed, seen = share * sum(histogram), 0
    for staleness, count in enumerate(histogram):
        seen += count
        if count and seen >= needed:
            return staleness
    return 0
