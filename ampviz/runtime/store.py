"""Where parameters and optimizer state live: one shared block owned by the session.

Each node's worker is the one writer of its arrays, but for three cases: copies of a layer that share one set of arrays
all write it, one at a time; so do all workers where each hosts every node; and `average` writes the arrays of copies
between two phases, when no worker computes. Nobody waits to read: a forward message may meet parameters that are half
way through an update.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from contextlib import nullcontext
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.errors import UsageError
from ampviz.graph import Graph
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.parameters import Parameters
from ampviz.optim import Optimizer
from ampviz.shared import SharedBlock, Turn

_ALIGN = 64  # bytes: a cache line, so that two workers never write to one

_Run = tuple[str, str, dict[str, tuple[int, ...]], int]
"""Owner, slot, shapes by parameter, and the byte where the first of these arrays begins"""


class ParameterStore:
    """The parameters of a graph in shared memory, laid out the same way in every process.

    Without `fd` it makes the block and fills it from the seed; with one it maps a block made elsewhere. Each node draws
    from its own stream (seed and name), so a node's start does not depend on the others. The copies of a replicated
    layer draw by the name of the layer: they start equal, and as the layer would alone.
    """

    def __init__(self, graph: Graph, optimizer: Optimizer, seed: int = 0, fd: int | None = None):
        self._optimizer = optimizer
        self.nodes = self.equipped(graph)
        self._versions, runs, size = self._layout()
        self.block = SharedBlock(size, fd)
        self._runs: dict[tuple[str, str], NDArray[np.float32]] = {}  # by owner and slot: those of all its parameters
        self._arrays: dict[str, NDArray[np.float32]] = {}
        for owner, slot, shapes, start in runs:
            ends = list(accumulate(map(math.prod, shapes.values())))
            run = np.frombuffer(self.block.memory, np.float32, ends[-1], start)
            self._runs[owner, slot] = run
            for (parameter, shape), part in zip(shapes.items(), np.split(run, ends[:-1]), strict=True):
                self._arrays[_named(owner, parameter, slot)] = part.reshape(shape)
        if fd is None:
            self._fill(seed)

    def equipped(self, graph: Graph) -> list[Parameterised]:
        """The nodes with parameters of a graph of this model, each with its optimizer."""
        nodes = [node for node in graph.nodes if isinstance(node, Parameterised)]
        for node in nodes:
            node.optimizer = node.optimizer or self._optimizer
        return nodes

    def _layout(self) -> tuple[dict[str, int], list[_Run], int]:
        """Where the version of each owner begins, its arrays, and the size of all.

        The parameters of an owner lie one after another, and so does what a slot holds for them.
        """
        owners: dict[str, Parameterised] = {}
        for node in self.nodes:
            owners.setdefault(_owner(node), node)
        versions = {owner: number * _ALIGN for number, owner in enumerate(owners)}
        runs: list[_Run] = []
        offset = len(versions) * _ALIGN
        for owner, node in owners.items():
            assert node.optimizer is not None
            shapes = {"": node.parameter_shapes()}
            for parameter, shape in node.parameter_shapes().items():
                for slot, extent in node.optimizer.slots(shape).items():
                    shapes.setdefault(slot, {})[parameter] = extent
            for slot, extents in shapes.items():
                runs.append((owner, slot, extents, offset))
                offset += -(-4 * sum(map(math.prod, extents.values())) // _ALIGN) * _ALIGN
        return versions, runs, offset

    def _fill(self, seed: int) -> None:
        for node in self.nodes:
            rng = np.random.default_rng([seed, zlib.crc32((node.part_of or node.name).encode())])
            parameters = self.parameters(node)
            for name, value in node.initial(rng).items():
                parameters.arrays[name][...] = value
                assert node.optimizer is not None
                node.optimizer.initialise(parameters.slots[name])

    def parameters(self, node: Parameterised, *, several: bool = False) -> Parameters:
        """The arrays of one node, as views of the block; `several` workers take turns at writing them."""
        assert node.optimizer is not None
        owner = _owner(node)
        arrays: dict[str, Any] = {}
        slots: dict[str, dict[str, Any]] = {}
        for name, shape in node.parameter_shapes().items():
            arrays[name] = self._arrays[_named(owner, name)]
            slots[name] = {slot: self._arrays[_named(owner, name, slot)] for slot in node.optimizer.slots(shape)}
        whole = {slot: run for (other, slot), run in self._runs.items() if other == owner}
        place = self._versions[owner]
        version = memoryview(self.block.memory)[place : place + 8].cast("q")
        turn = Turn(self.block.fd, place) if several else nullcontext()
        return Parameters(arrays, slots, whole.pop(""), whole, version, turn)

    def average(self) -> None:
        """Set every copy of a replicated layer to the mean of all of them, the optimizer's state (moments, sums, step
        counts) too, so that afterwards it makes no difference which copy an instance meets. Copies that share their
        arrays have nothing to average. Only while no worker computes.
        """
        copies: dict[str, list[Parameters]] = {}
        for node in self.nodes:
            if node.part_of and not node.shares:
                copies.setdefault(node.part_of, []).append(self.parameters(node))
        for parts in copies.values():
            for same in zip(*(_flat(part) for part in parts), strict=True):
                mean = np.mean(same, axis=0)
                for array in same:
                    array[...] = mean

    def arrays(self) -> Mapping[str, NDArray[np.float32]]:
        """Every array by name: `node/parameter`, and `node/parameter/slot` for the optimizer's state.

        Arrays that copies of a layer share go by the name of the layer.
        """
        return self._arrays

    def load(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Copy all arrays in, as `arrays` gave them. Raises UsageError where names or shapes differ."""
        for name, own in self._arrays.items():
            if name not in arrays or arrays[name].shape != own.shape:
                got = "none" if name not in arrays else arrays[name].shape
                raise UsageError(f"{name} is not of this model", expected=own.shape, got=got)
        for name, own in self._arrays.items():
            own[...] = arrays[name]

    def close(self) -> None:
        """Let the block go; arrays still in use keep their memory."""
        self._arrays, self._runs = {}, {}
        self.block.close()


def _owner(node: Parameterised) -> str:
    """Whose name the node's arrays bear."""
    return node.part_of if node.shares else node.name


def _named(owner: str, parameter: str, slot: str = "") -> str:
    """The name of a parameter, or of its state in a slot of the optimizer."""
    return "/".join(filter(None, (owner, parameter, slot)))


def _flat(parameters: Parameters) -> list[Any]:
    """Parameters and optimizer state in one order."""
    slots = [array for each in parameters.slots.values() for array in each.values()]
    return [*parameters.arrays.values(), *slots]
