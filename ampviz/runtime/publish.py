"""Writes what a worker has counted onto its rows of the board, and its trace; a few times a second, not per message."""

from __future__ import annotations

import os

from ampviz.nodes.parameterised import Parameterised
from ampviz.runtime.worker import Worker
from ampviz.telemetry.board import Board


def publish(worker: Worker, board: Board, unsent: int = 0) -> None:
    """Write the rows of this worker and of the nodes it hosts. `unsent`: messages waiting for a socket."""
    now, kernel_ns, waits = worker.clock(), 0, not worker.paused
    for index, slot in worker.slots.items():
        row, node = board.nodes[worker.index, index], slot.node
        forward, backward = slot.queues
        row["queued_forward"], row["queued_backward"] = len(forward), len(backward)
        row["max_queue"] = slot.max_queue
        row["forward"], row["backward"] = slot.processed
        row["busy_ns"] = slot.busy_ns
        row["waiting_ns"] = slot.waiting_ns + (now - slot.ready_since if waits and (forward or backward) else 0)
        row["cached"] = node.cached()
        kernel_ns += node.kernel_ns
        if isinstance(node, Parameterised):
            row["updates"], row["pending"] = node.updates, node.pending
            row["staleness_sum"], row["staleness_max"] = node.staleness_sum, node.staleness_max
            row["staleness"] = node.staleness
            row["gradient_norm"] = node.gradient_norm
    if worker.tracer is not None:
        worker.tracer.write(now)
    beats = int(board.workers[worker.index]["beats"]) + 1
    board.workers[worker.index] = (os.getpid(), worker.busy_ns, kernel_ns, worker.messages, unsent, beats)
