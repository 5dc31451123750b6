"""Edges of many graphs as flat arrays: per graph and edge type the rows that messages leave from and arrive at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.data.cache import Arrays
from ampviz.nodes.edge_ends import Layout, RowTable, TypedRows

Rows = NDArray[np.int64]


def edge_arrays(graph: Rows, kind: Rows, source: Rows, target: Rows, *, graphs: int, types: int) -> Arrays:
    """Flat arrays for `Edges` from the graph, type, source row and target row of each edge, all (edges,).

    Edges stand by graph, type, target and source, so that what arrives at one node lies together.
    """
    order = np.lexsort((source, target, kind, graph))
    starts = np.zeros(graphs * types + 1, np.int64)
    np.cumsum(np.bincount(graph * types + kind, minlength=graphs * types), out=starts[1:])
    return {"sources": source[order], "targets": target[order], "edges": starts}


def with_reverse(kind: Rows, source: Rows, target: Rows, types: int) -> tuple[Rows, Rows, Rows]:
    """Each edge and its reverse, which has a type of its own: `types` more."""
    return (
        np.concatenate([kind, kind + types]),
        np.concatenate([source, target]),
        np.concatenate([target, source]),
    )


class Edges:
    """The edge tables of many graphs, for the table entries `sources` and `targets` of an instance."""

    def __init__(self, arrays: Arrays, types: int):
        self.types = types
        layout = Layout(np.asarray(arrays["edges"]), types)
        self._sources, self._targets = (RowTable(np.asarray(arrays[name]), layout) for name in ("sources", "targets"))
        for table in (self._sources, self._targets):
            table.rows.flags.writeable = False

    def tables(self, graph: int) -> dict[str, Any]:
        """`sources` and `targets`: for each edge type the rows (edges of the type,) int64, by target then source."""
        return {"sources": TypedRows(self._sources, graph), "targets": TypedRows(self._targets, graph)}
