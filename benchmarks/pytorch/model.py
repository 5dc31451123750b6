"""What every PyTorch variant has, and layers that start as those of ampviz do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ampviz.data.dataset import Instance

Arrays = Mapping[str, NDArray[Any]]


class Model(nn.Module):
    """A model with one way to run it. Subclasses give `predict`, `loss` and `score`."""

    def predict(self, instances: Sequence[Instance]) -> tuple[Tensor, Tensor]:
        """What the model says to all instances at once, and what it should have said."""
        raise NotImplementedError

    def loss(self, prediction: Tensor, label: Tensor, instances: int) -> Tensor:
        """The mean over the instances of what ampviz calls the loss of an instance: an update steps by its gradient."""
        raise NotImplementedError

    def score(self, prediction: Tensor, label: Tensor) -> Tensor:
        """The metric of the workload, one number for each thing that is predicted."""
        return (prediction.argmax(1) == label).float()

    def losses(self, instances: Sequence[Instance]) -> Iterator[Tensor]:
        """Losses to go back from, one at a time, before one step of the optimizer."""
        yield self.loss(*self.predict(instances), len(instances))

    def gradients(self) -> dict[str, Tensor]:
        """The gradients by the names and in the layout of ampviz."""
        found: dict[str, Tensor] = {}
        for name, layer in self.named_children():
            if isinstance(layer, nn.ModuleList):  # whose names the subclass knows
                continue
            found |= layer_gradients(name.replace("_", "-"), layer)
        return found


class OneByOne(Model):
    """Runs instance after instance; the gradients of a batch add up, as `predict` is given one instance at a time."""

    def losses(self, instances: Sequence[Instance]) -> Iterator[Tensor]:
        for instance in instances:
            yield self.loss(*self.predict([instance]), 1) / len(instances)


def linear(arrays: Arrays, name: str) -> nn.Linear:
    """The layer with the weights of this name."""
    W, b = arrays[f"{name}/W"], arrays[f"{name}/b"]
    layer = nn.Linear(*W.shape)
    fill(layer.weight, W.T)
    fill(layer.bias, b)
    return layer


def rnn(arrays: Arrays, name: str) -> nn.RNN:
    """torch's own loop over the words with a ReLU; of its two biases the second starts at 0."""
    W, U, b = (arrays[f"{name}/{part}"] for part in "WUb")
    layer = nn.RNN(*W.shape, nonlinearity="relu", batch_first=True)
    fill(layer.weight_ih_l0, W.T)
    fill(layer.weight_hh_l0, U.T)
    fill(layer.bias_ih_l0, b)
    nn.init.zeros_(layer.bias_hh_l0)
    return layer


def gru(arrays: Arrays, name: str) -> nn.GRUCell:
    """The cell with the weights of this name; the half of the biases that ampviz does not have starts at 0."""
    W, U, b, d = (arrays[f"{name}/{part}"] for part in "WUbd")
    cell = nn.GRUCell(W.shape[0], U.shape[0])
    fill(cell.weight_ih, W.T)
    fill(cell.weight_hh, U.T)
    fill(cell.bias_ih, b)
    fill(cell.bias_hh, np.concatenate([np.zeros(2 * len(d), d.dtype), d]))
    return cell


def table(arrays: Arrays, name: str, *, sparse: bool) -> nn.Embedding:
    """The table of this name; with `sparse` an update touches only the rows that were looked up."""
    rows = arrays[f"{name}/table"]
    return nn.Embedding.from_pretrained(torch.from_numpy(rows.copy()), freeze=False, sparse=sparse)


def fill(parameter: Tensor, array: NDArray[Any]) -> None:
    """Set a parameter to these numbers."""
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(array)))


def layer_gradients(name: str, layer: nn.Module) -> dict[str, Tensor]:
    """The gradients of a layer that one of the functions above made."""
    match layer:
        case nn.Embedding():
            return {f"{name}/table": layer.weight.grad.to_dense()}
        case nn.Linear():
            return {f"{name}/W": layer.weight.grad.T, f"{name}/b": layer.bias.grad}
        case nn.RNN():
            W, U = layer.weight_ih_l0.grad.T, layer.weight_hh_l0.grad.T
            return {f"{name}/W": W, f"{name}/U": U, f"{name}/b": layer.bias_ih_l0.grad}
        case nn.GRUCell():
            recalled = layer.bias_hh.grad[2 * layer.hidden_size :]
            return {
                f"{name}/W": layer.weight_ih.grad.T, f"{name}/U": layer.weight_hh.grad.T,
                f"{name}/b": layer.bias_ih.grad, f"{name}/d": recalled,
            }  # fmt: skip
    raise TypeError(f"{name}: no gradients known of {type(layer).__name__}")
