"""Sentiment: a binary Tree-LSTM with a loss at every node, some trees an update (demos/sst.py)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 # as everybody calls it

from ampviz.data.dataset import Instance
from benchmarks.pytorch.model import Arrays, Model, linear, table

DROPPED = 0.25


class TreeLSTM(Model):
    """Words, the two cells and the readout."""

    dropped = DROPPED

    def __init__(self, arrays: Arrays):
        super().__init__()
        self.embed = table(arrays, "embed", sparse=True)
        self.leaf, self.branch, self.out = (linear(arrays, name) for name in ("leaf", "branch", "out"))
        self.hidden = self.out.in_features

    def leaves(self, words: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """(h, c) of these words: gates i, o and the candidate u."""
        x = F.dropout(self.embed(torch.from_numpy(words)), self.dropped, self.training)
        gates = self.leaf(x)
        i, o = torch.sigmoid(gates[:, : 2 * self.hidden]).chunk(2, 1)
        c = i * torch.tanh(gates[:, 2 * self.hidden :])
        return o * torch.tanh(c), c

    def branches(self, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """(h, c) of nodes from those of their children, left, right, left, right, ...: gates i, o, f, f and u."""
        hidden = self.hidden
        gates = self.branch(h.view(-1, 2 * hidden))
        i, o, left, right = torch.sigmoid(gates[:, : 4 * hidden]).chunk(4, 1)
        below = c.view(-1, 2, hidden)
        c = torch.addcmul(left * below[:, 0], right, below[:, 1]).addcmul(i, torch.tanh(gates[:, 4 * hidden :]))
        return o * torch.tanh(c), c

    def loss(self, prediction: Tensor, label: Tensor, instances: int) -> Tensor:
        return F.cross_entropy(prediction, label, reduction="sum") / instances


class NodeByNode(TreeLSTM):
    """The leaves of a tree at once, then one branch after the other."""

    def predict(self, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        (instance,) = instances
        parent, side, nodes = (instance.tables[name] for name in ("parent", "side", "nodes"))
        h, c = ([*rows.split(1)] for rows in self.leaves(instance.fields["words"]))
        children = [[0, 0] for _ in range(nodes)]
        for node in range(nodes - 1):
            children[parent[node]][side[node]] = node
        for left, right in children[len(h) :]:
            up = self.branches(torch.cat((h[left], h[right]), 1), torch.cat((c[left], c[right]), 1))
            h.append(up[0])
            c.append(up[1])
        return self.out(torch.cat(h)), torch.from_numpy(instance.fields["labels"])

    def losses(self, instances: Sequence[Instance]) -> Iterator[Tensor]:
        for instance in instances:
            yield self.loss(*self.predict([instance]), len(instances))


@dataclass
class Level:
    """Branches that run at once: how many, and where their children stand among what has arrived for this level."""

    places: Tensor
    onward: list[tuple[int, int]]  # (level of the parents, how many nodes go there), in the order of the nodes


class ByDepth(TreeLSTM):
    """All trees at once, level by level from the leaves: a product a level.

    Nodes are ordered by (own level, level of their parent), so that what goes to one level is a slice: every row is
    copied twice on its way up, however deep the trees are.
    """

    def predict(self, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        words, labels, levels = scheduled(instances)
        h, c = self.leaves(words)
        done = [h]
        inbox: list[list[tuple[Tensor, Tensor]]] = [[] for _ in range(len(levels) + 1)]
        for number, level in enumerate(levels):
            if number:
                h, c = (torch.cat(parts).index_select(0, level.places) for parts in zip(*inbox[number], strict=True))
                h, c = self.branches(h, c)
                done.append(h)
            counts = [count for _, count in level.onward]
            for (target, _), *part in zip(level.onward, h.split(counts), c.split(counts), strict=True):
                inbox[target].append((part[0], part[1]))
        return self.out(torch.cat(done)), torch.from_numpy(labels)


def scheduled(instances: Sequence[Instance]) -> tuple[NDArray[np.int64], NDArray[np.int64], list[Level]]:
    """Words and labels in the order in which `ByDepth` computes the nodes of these trees, and its levels."""
    parents, heights, sides, first = [], [], [], 0
    for instance in instances:
        parent = instance.tables["parent"]
        height = [0] * (len(parent) + 1)  # the last entry is the parent of the root
        for node, above in enumerate(parent):
            height[above] = max(height[above], height[node] + 1)
        heights += height[:-1]
        parents += [above + first for above in parent[:-1]] + [-1]
        sides += instance.tables["side"]
        first += len(parent)
    parent, own, side = np.array(parents), np.array(heights), np.array(sides)
    above = np.where(parent < 0, own.max() + 1, own[parent])  # the level of the parent; roots go to one of their own
    order = np.lexsort((above, own))
    words = np.concatenate([instance.fields["words"] for instance in instances])
    labels = np.concatenate([instance.fields["labels"] for instance in instances])
    word = np.zeros(len(own), np.int64)
    word[own == 0] = words
    return word[order[: len(words)]], labels[order], _levels(order, parent, own, above, side)


def _levels(
    order: NDArray[np.int64], parent: NDArray[np.int64], own: NDArray[np.int64], above: NDArray[np.int64],
    side: NDArray[np.int64],
) -> list[Level]:  # fmt: skip
    top = int(own.max())
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    arriving = order[np.lexsort((rank[order], above[order]))]  # by the level they go to, then as they arrive there
    seat = 2 * rank[parent[arriving]] + side[arriving]
    levels = []
    bounds = np.searchsorted(above[arriving], np.arange(top + 3))
    starts = np.searchsorted(own[order], np.arange(top + 2))
    for level in range(top + 1):
        inside = slice(bounds[level], bounds[level + 1])
        places = np.argsort(seat[inside])
        targets, counts = np.unique(above[order[starts[level] : starts[level + 1]]], return_counts=True)
        levels.append(Level(torch.from_numpy(places), list(zip(targets.tolist(), counts.tolist(), strict=True))))
    return levels


VARIANTS = {"tree by tree": NodeByNode, "by depth": ByDepth}
