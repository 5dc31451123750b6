"""PyTorch trains as ampviz does: the same optimizers step the same way."""

from __future__ import annotations

import numpy as np
import pytest

import ampviz as amp

torch = pytest.importorskip("torch", reason="PyTorch is not installed (pip install -e .[bench])")

from benchmarks.pytorch.model import Model, linear, table  # noqa: E402 # needs torch
from benchmarks.pytorch.training import optimizers  # noqa: E402 # the same


class TableAndLinear(Model):
    def __init__(self, arrays):
        super().__init__()
        self.words, self.fc = table(arrays, "words", sparse=True), linear(arrays, "fc")


@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
@pytest.mark.parametrize("declared", [amp.SGD(0.1), amp.Adagrad(0.05, initial=0.0), amp.Adagrad(0.05)])
def test_optimizers_step_as_those_of_ampviz(declared):
    rng = np.random.default_rng(0)
    arrays = {
        "words/table": rng.normal(size=(6, 3)).astype(np.float32),
        "fc/W": rng.normal(size=(3, 2)).astype(np.float32),
        "fc/b": np.zeros(2, np.float32),
    }
    model = TableAndLinear(arrays)
    steppers = optimizers(model, declared)
    slots = {name: slots_of(declared, array) for name, array in arrays.items()}
    for _ in range(5):
        looked_up = torch.from_numpy(rng.integers(0, 4, 5))  # rows 4 and 5 never
        model.fc(model.words(looked_up)).square().sum().backward()
        gradients = {name: gradient.numpy().copy() for name, gradient in model.gradients().items()}
        for optimizer in steppers:
            optimizer.step()
            optimizer.zero_grad()
        for name, array in arrays.items():
            declared.update(array, gradients[name], slots[name], declared.learning_rate)
    np.testing.assert_allclose(model.words.weight.detach().numpy(), arrays["words/table"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.fc.weight.detach().numpy().T, arrays["fc/W"], rtol=1e-5, atol=1e-6)


def test_adam_steps_as_that_of_ampviz():
    rng = np.random.default_rng(1)
    arrays = {"fc/W": rng.normal(size=(3, 2)).astype(np.float32), "fc/b": np.zeros(2, np.float32)}
    model, declared = linear(arrays, "fc"), amp.Adam(0.01)
    (stepper,) = optimizers(model, declared)
    slots = slots_of(declared, arrays["fc/W"])
    for _ in range(5):
        gradient = rng.normal(size=(3, 2)).astype(np.float32)
        model.weight.grad, model.bias.grad = torch.from_numpy(gradient.T.copy()), torch.zeros(2)
        stepper.step()
        declared.update(arrays["fc/W"], gradient, slots, 0.01)
    np.testing.assert_allclose(model.weight.detach().numpy().T, arrays["fc/W"], rtol=1e-5, atol=1e-6)


def slots_of(declared, array):
    slots = {name: np.zeros(shape, np.float32) for name, shape in declared.slots(array.shape).items()}
    declared.initialise(slots)
    return slots
