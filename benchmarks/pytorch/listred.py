"""List reduction: a recurrent network, one bucket of lists of equal length an update (demos/listred.py)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 # as everybody calls it

from ampviz.data.dataset import Instance
from benchmarks.pytorch.model import Arrays, Model, linear, rnn, table


class Recurrent(Model):
    """Words in, the last state out to the readout."""

    def __init__(self, arrays: Arrays):
        super().__init__()
        self.embed = table(arrays, "embed", sparse=False)
        self.out = linear(arrays, "out")
        self.hidden = self.out.in_features

    def last(self, words: Tensor) -> Tensor:
        """The state after all words (rows, n, size)."""
        raise NotImplementedError

    def predict(self, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        (instance,) = instances
        words = self.embed(torch.from_numpy(instance.fields["tokens"]))
        return self.out(self.last(words)), torch.from_numpy(instance.fields["label"])

    def loss(self, prediction: Tensor, label: Tensor, instances: int) -> Tensor:
        return F.cross_entropy(prediction, label)


class Eager(Recurrent):
    """A loop over the words in Python."""

    def __init__(self, arrays: Arrays):
        super().__init__(arrays)
        W, U, b = (arrays[f"cell/{part}"] for part in "WUb")
        self.cell = linear({"cell/W": np.concatenate((W, U)), "cell/b": b}, "cell")

    def last(self, words: Tensor) -> Tensor:
        h = words.new_zeros(len(words), self.hidden)
        for word in words.unbind(1):
            h = F.relu(self.cell(torch.cat((word, h), 1)))
        return h

    def gradients(self) -> dict[str, Tensor]:
        found = super().gradients()
        found["cell/W"], found["cell/U"] = found["cell/W"].split((self.embed.embedding_dim, self.hidden))
        return found


class Library(Recurrent):
    """torch.nn.RNN."""

    def __init__(self, arrays: Arrays):
        super().__init__(arrays)
        self.cell = rnn(arrays, "cell")

    def last(self, words: Tensor) -> Tensor:
        return self.cell(words)[1][0]


VARIANTS = {"eager": Eager, "nn.RNN": Library}
