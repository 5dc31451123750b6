"""What viewers and recordings are told of a session once, before any snapshot."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence

from ampviz.graph import Graph
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.snapshot import EdgeInfo, NodeInfo, SessionInfo


def session_info(name: str, spec: RunSpec, graph: Graph, placement: Sequence[int], epochs: int) -> SessionInfo:
    """The session of this process that begins now, by the name of its folder."""
    return SessionInfo(
        id=name,
        target=spec.target,
        backend=spec.backend,
        workers=spec.workers,
        seed=spec.seed,
        epochs=epochs,
        started=datetime.datetime.now().isoformat(timespec="seconds"),
        pid=os.getpid(),
        nodes=tuple(
            NodeInfo(
                node.name,
                node.kind,
                placement[node.id],
                graph.parameter_count(node),
                node.line,
                node.note(),
                node.part_of,
            )
            for node in graph.nodes
        ),
        edges=tuple(
            EdgeInfo(edge.source, edge.source_port, edge.target, edge.target_port, edge.type.fields)
            for edge in graph.edges
        ),
    )
