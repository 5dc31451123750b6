"""The result of a session in the fields of the command line's JSON contract."""

from __future__ import annotations

from typing import Any

import msgspec

from ampviz.graph import EVERY, Graph
from ampviz.runtime.controller import Controller
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.board import Board, staleness_percentile
from ampviz.telemetry.snapshot import EpochReport, Status

EXIT = {Status.FINISHED: 0, Status.FAILED: 1, Status.INTERRUPTED: 130}


def outcome(
    spec: RunSpec, graph: Graph, placement: list[int], controller: Controller, board: Board, seconds: float
) -> dict[str, Any]:
    """The JSON object. `seconds`: how long the workers ran, for their shares."""
    return {
        "target": spec.target,
        "backend": spec.backend,
        "workers": spec.workers,
        "seed": spec.seed,
        "exit": EXIT.get(controller.status, 1),
        "epochs": [_epoch(report) for report in controller.progress.epochs],
        "recording": spec.recording,
        "knobs": controller.knobs.as_dict(),
        "nodes": node_figures(graph, placement, board),
        "workers_detail": [
            {
                "pid": worker.pid,
                "busy_share": worker.busy_s / seconds if seconds > 0 else 0.0,
                "kernel_share": worker.kernel_s / seconds if seconds > 0 else 0.0,
                "messages": worker.messages,
            }
            for worker in board.worker_stats()
        ],
    }


def _epoch(report: EpochReport) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.structs.asdict(report)
    del fields["at_instances"]  # only the charts need it
    return fields


def node_figures(graph: Graph, placement: list[int], board: Board) -> dict[str, Any]:
    """What was counted for each node, and its worker: of a node that all host, the one that spent most time on it."""
    busiest = board.nodes["busy_ns"].argmax(axis=0).tolist()
    return {
        node.name: {
            "worker": busiest[node.id] if placement[node.id] == EVERY else placement[node.id],
            "forward": stats.forward,
            "backward": stats.backward,
            "updates": stats.updates,
            "staleness_mean": stats.staleness_mean,
            "staleness_p95": staleness_percentile(stats.staleness, 0.95),
            "staleness_max": stats.staleness_max,
            "busy_s": stats.busy_s,
            "max_queue": stats.max_queue,
        }
        for node, stats in zip(graph.nodes, board.node_stats(), strict=True)
    }
