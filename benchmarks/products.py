"""What the matrix products of a workload take by themselves, beside training it in PyTorch with one thread.

    python -m benchmarks.products [WORKLOAD ...] [--rounds N] [--seconds X]

The products that PyTorch computes for some batches, forward and backward, are computed once more with nothing in
between, each shape again and again on the same arrays: no engine with this library that computes the same products
takes less time. Of several ways to write a model it is the one whose products take least. Needs PyTorch.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.pytorch.serve import Server
from benchmarks.rounds import in_turns, options, ratio, show, spread
from benchmarks.workloads import WORKLOADS

_BATCHES = 20
_LEAST_S = 1e-3  # that a shape is computed for
_FIRST = {"aten::mm": 0, "aten::bmm": 0, "aten::addmm": 1, "aten::baddbmm": 1}  # the place of the first factor

Factor = tuple[tuple[int, ...], tuple[int, ...]]
"""shape and strides"""
Products = Counter[tuple[Factor, Factor]]


class Recorder(TorchDispatchMode):
    """While active, counts the products that PyTorch computes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Products = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        first = _FIRST.get(function._schema.name)
        if first is not None:
            x, z = [(tuple(factor.shape), factor.stride()) for factor in args[first : first + 2]]
            if math.prod(x[0]) and math.prod(z[0]):
                self.found[x, z] += 1
        return function(*args, **(kwargs or {}))


def operations(products: Products) -> int:
    """Additions and multiplications of all of them."""
    return sum([2 * math.prod(x) * z[-1] * count for ((x, _), (z, _)), count in products.items()])


def seconds(products: Products) -> float:
    """What all of them take in this process, one shape after the other."""
    return sum([count * _seconds(_array(*x), _array(*z)) for (x, z), count in products.items()])


def _array(shape: tuple[int, ...], strides: tuple[int, ...]) -> Tensor:
    behind = 1 + sum([(size - 1) * stride for size, stride in zip(shape, strides, strict=True)])
    return torch.randn(behind).as_strided(shape, strides)


def _seconds(x: Tensor, z: Tensor) -> float:
    y = x @ z
    repeats, took = 1, 0.0
    while took < _LEAST_S:
        repeats *= 2
        began = time.perf_counter()
        for _ in range(repeats):
            torch.matmul(x, z, out=y)
        took = time.perf_counter() - began
    return took / repeats


def recorded(server: Server, variant: str) -> tuple[Products, int]:
    """The products of some batches, and how many instances these had."""
    trainer, instances = server.trainer(variant, seed=0), 0
    trainer.warm_up()
    with Recorder() as recorder:
        for batch in trainer.batches(_BATCHES):
            trainer.step(batch)
            instances += len(batch)
    return recorder.found, instances


def beside_training(name: str, rounds: int, length: float) -> dict[str, Any]:
    """A workload: microseconds an instance of products and of training, in turns."""
    torch.set_num_threads(1)
    server = Server(name)
    ways = {variant: recorded(server, variant) for variant in server.variants}
    variant = min(ways, key=lambda way: seconds(ways[way][0]) / ways[way][1])
    products, instances = ways[variant]

    def training() -> float:
        found = server.measure(variant, processes=1, threads=1, seconds=length)
        return float(found["seconds"] / found["instances"] * 1e6)

    measures: dict[str, Callable[[], float]] = {
        "products": lambda: seconds(products) / instances * 1e6,
        "training": training,
    }
    found = in_turns(measures, rounds)
    work = operations(products) / instances
    return {
        "workload": name, "variant": variant, "MFLOP": work / 1e6,
        "GFLOP_per_s": spread([work / us / 1e3 for us in found["products"]["rounds"]]),
        "training_over_products": ratio(found["training"], found["products"]), "variants": found,
    }  # fmt: skip


def main() -> None:
    parser = options(__doc__, rounds=3, seconds=1.0, workloads=WORKLOADS)
    chosen = parser.parse_args()
    for name in chosen.workloads:
        show("products", beside_training(name, chosen.rounds, chosen.seconds))


if __name__ == "__main__":
    main()
