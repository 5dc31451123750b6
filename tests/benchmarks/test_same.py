"""PyTorch and ampviz compute the same on each workload that is compared: an independent reference."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed (pip install -e .[bench])")

from benchmarks.same import GRADIENT, LOSS, differences  # needs torch
from benchmarks.workloads import WORKLOADS


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize("name", WORKLOADS)
def test_loss_and_gradients_are_those_of_pytorch(name, data_folder):
    for variant, off in differences(WORKLOADS[name]).items():
        assert off["loss"] <= LOSS, variant
        assert off["gradient"] <= GRADIENT, (variant, off["of"])
