"""MNIST: a perceptron, one batch an update (demos/mnist.py)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 # as everybody calls it

from ampviz.data.dataset import Instance
from benchmarks.pytorch.model import Arrays, Model, linear


class Perceptron(Model):
    """Three wide layers and the readout."""

    def __init__(self, arrays: Arrays):
        super().__init__()
        self.fc1, self.fc2, self.fc3, self.fc4 = (linear(arrays, f"fc{number}") for number in (1, 2, 3, 4))

    def predict(self, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        (instance,) = instances
        x = torch.from_numpy(instance.fields["image"])
        for layer in (self.fc1, self.fc2, self.fc3):
            x = F.relu(layer(x))
        return self.fc4(x), torch.from_numpy(instance.fields["label"])

    def loss(self, prediction: Tensor, label: Tensor, instances: int) -> Tensor:
        return F.cross_entropy(prediction, label)


VARIANTS = {"eager": Perceptron}
