"""QM9: a gated graph network of hidden size 100, some molecules an update (demos/qm9.py)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 # as everybody calls it

from ampviz.data.dataset import Instance
from benchmarks.pytorch.graphs import GraphNetwork, union
from benchmarks.pytorch.model import Arrays, OneByOne, linear

STEPS = 4


class Union(GraphNetwork):
    """All molecules of a batch as one graph."""

    def __init__(self, arrays: Arrays):
        super().__init__(arrays, "bonds", STEPS)
        self.gate_in, self.value_in = linear(arrays, "gate-in"), linear(arrays, "value-in")
        self.mix, self.out = linear(arrays, "mix"), linear(arrays, "out")

    def predict(self, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        nodes, edges = union(instances, len(self.links))
        atoms = torch.from_numpy(np.concatenate([instance.fields["atoms"] for instance in instances]))
        h = self.walked(atoms, edges)
        gated = torch.sigmoid(self.gate_in(torch.cat((h, atoms), 1))) * torch.tanh(self.value_in(h))
        molecule = self.summed(gated, nodes)
        mu = torch.from_numpy(np.concatenate([instance.fields["mu"] for instance in instances]))
        return self.out(F.relu(self.mix(molecule))), mu

    def summed(self, rows: Tensor, nodes: list[int]) -> Tensor:
        """The sum over the atoms of each molecule."""
        if len(nodes) == 1:
            return rows.sum(0, keepdim=True)
        owner = torch.from_numpy(np.repeat(np.arange(len(nodes)), nodes))
        return rows.new_zeros(len(nodes), rows.shape[1]).index_add(0, owner, rows)

    def loss(self, prediction: Tensor, label: Tensor, instances: int) -> Tensor:
        return F.l1_loss(prediction, label)

    def score(self, prediction: Tensor, label: Tensor) -> Tensor:
        return (prediction - label).abs()


class UnionOneByOne(OneByOne, Union):
    """Molecule after molecule."""


VARIANTS = {"graph by graph": UnionOneByOne, "union": Union}
