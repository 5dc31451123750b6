"""bAbI task 15: a gated graph network of hidden size 5, some graphs an update (demos/babi15.py)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 # as everybody calls it

from ampviz.data.dataset import Instance
from benchmarks.pytorch.graphs import GraphNetwork, union
from benchmarks.pytorch.model import Arrays, Model, OneByOne, gru, linear

STEPS = 2


class Answer(Model):
    """The answer is one of the nodes: a softmax over the scores of a graph's nodes."""

    def answered(self, h: Tensor, annotation: Tensor, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        """Scores (graphs, nodes), and the right node of each."""
        score = self.readout(torch.cat((h, annotation), 1)).view(len(instances), -1)
        return score, torch.from_numpy(np.concatenate([instance.fields["label"] for instance in instances]))

    def loss(self, prediction: Tensor, label: Tensor, instances: int) -> Tensor:
        return F.cross_entropy(prediction, label)


class Union(GraphNetwork, Answer):
    """All graphs of a batch as one: gathers, a product a type, sums by target."""

    def __init__(self, arrays: Arrays):
        super().__init__(arrays, "edges", STEPS)
        self.readout = linear(arrays, "readout")

    def predict(self, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        _, edges = union(instances, len(self.links))
        annotation = torch.from_numpy(np.concatenate([instance.fields["annotation"] for instance in instances]))
        return self.answered(self.walked(annotation, edges), annotation, instances)


class Adjacency(Answer):
    """Graphs of equal size by dense adjacency matrices (graphs, nodes, types nodes), as the first such nets did."""

    def __init__(self, arrays: Arrays):
        super().__init__()
        self.edges = linear(arrays, "edges")
        self.hidden = self.edges.in_features
        self.types = self.edges.out_features // self.hidden
        self.cell, self.readout = gru(arrays, "cell"), linear(arrays, "readout")

    def predict(self, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        annotation = np.stack([instance.fields["annotation"] for instance in instances])
        graphs, nodes, hidden = annotation.shape
        h = first = torch.from_numpy(annotation).view(-1, hidden)
        matrix = self.matrix(instances, nodes)
        for _ in range(STEPS):
            sent = self.edges(h).view(graphs, nodes * self.types, hidden)
            h = self.cell(matrix.bmm(sent).view(-1, hidden), h)
        return self.answered(h, first, instances)

    def matrix(self, instances: Sequence[Instance], nodes: int) -> Tensor:
        """How many edges of each type lead from a node (column: node, type) to a node (row)."""
        places = [
            (graph * nodes + target) * nodes * self.types + source * self.types + kind
            for graph, instance in enumerate(instances)
            for kind, (source, target) in enumerate(
                zip(instance.tables["sources"], instance.tables["targets"], strict=True)
            )
        ]
        size = len(instances) * nodes * nodes * self.types
        counts = np.bincount(np.concatenate(places), minlength=size).astype(np.float32)
        return torch.from_numpy(counts).view(len(instances), nodes, nodes * self.types)


class UnionOneByOne(OneByOne, Union):
    """Graph after graph."""


class AdjacencyOneByOne(OneByOne, Adjacency):
    """Graph after graph, by its adjacency matrix."""


VARIANTS = {
    "graph by graph": UnionOneByOne,
    "graph by graph, adjacency": AdjacencyOneByOne,
    "union": Union,
    "adjacency": Adjacency,
}
