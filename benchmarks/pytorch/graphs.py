"""Gated graph networks: many graphs as one, whose edges never leave the graph they were in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ampviz.data.dataset import Instance
from benchmarks.pytorch.model import Arrays, Model, gru, layer_gradients, linear

Edges = tuple[list[Tensor], Tensor]
"""For each type the rows that its edges leave from, and the rows at which the edges of all types arrive."""


class GraphNetwork(Model):
    """A Linear for each type of edge, sums where the edges arrive, and a GRU. `name` is that of the EdgeLinear."""

    def __init__(self, arrays: Arrays, name: str, steps: int):
        super().__init__()
        self.steps, self.name = steps, name
        self.links = nn.ModuleList(edge_layers(arrays, name))
        self.cell = gru(arrays, "cell")

    def walked(self, h: Tensor, edges: Edges) -> Tensor:
        """The rows of the nodes after all steps."""
        sources, targets = edges
        for _ in range(self.steps):
            sent = [link(h.index_select(0, rows)) for link, rows in zip(self.links, sources, strict=True) if len(rows)]
            arrived = torch.zeros_like(h)
            if sent:
                arrived = arrived.index_add(0, targets, torch.cat(sent))
            h = self.cell(arrived, h)
        return h

    def gradients(self) -> dict[str, Tensor]:
        found = super().gradients()
        of_types = [layer_gradients(self.name, link) for link in self.links]
        for name in of_types[0]:
            found[name] = torch.cat([gradients[name] for gradients in of_types], -1)
        return found


def edge_layers(arrays: Arrays, name: str) -> list[nn.Linear]:
    """A layer for each edge type, from weights (inputs, types outputs) that stand side by side."""
    W, b = arrays[f"{name}/W"], arrays[f"{name}/b"]
    types = len(b) // arrays["cell/W"].shape[0]  # whose inputs are what the edges carry
    split = zip(np.split(W, types, axis=1), np.split(b, types), strict=True)
    return [linear({f"{name}/W": own, f"{name}/b": bias}, name) for own, bias in split]


def union(instances: Sequence[Instance], types: int) -> tuple[list[int], Edges]:
    """How many nodes each graph has, and the edges of all of them, their nodes numbered one graph after the other."""
    tables = [instance.tables for instance in instances]
    nodes = [table["nodes"] for table in tables]
    if len(tables) == 1:
        sources, targets = tables[0]["sources"], tables[0]["targets"]
        return nodes, ([torch.from_numpy(rows) for rows in sources], torch.from_numpy(np.concatenate(targets)))
    first = np.cumsum([0, *nodes[:-1]])
    offsets = [np.repeat(first, [len(table["sources"][kind]) for table in tables]) for kind in range(types)]
    sources, targets = (
        [np.concatenate([table[end][kind] for table in tables]) + offsets[kind] for kind in range(types)]
        for end in ("sources", "targets")
    )
    return nodes, ([torch.from_numpy(rows) for rows in sources], torch.from_numpy(np.concatenate(targets)))
