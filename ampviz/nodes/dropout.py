"""Nodes that matter to training only: Dropout, and StopGrad, which lets no gradient through."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ampviz.errors import GraphError
from ampviz.graph import Graph
from ampviz.nodes.base import Host, Node
from ampviz.nodes.batch import Batch
from ampviz.nodes.payload import Payload
from ampviz.ports import PortType
from ampviz.state import State

_LEVELS = 1 << 16  # the share kept is one of so many
_STEP = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


class Dropout(Node):
    """Keeps each number with the probability `keep` and divides it by that; the others become 0. Payloads are float32.

    What is kept depends on the session's seed, the node's name and the message's state only, so that forward, backward
    and any replay agree and nothing is remembered; a key is admitted once, so every epoch draws anew. Validation keys
    pass unchanged.
    """

    def __init__(self, keep: float, *, name: str = ""):
        super().__init__(name)
        self.keep = keep

    def note(self) -> str:
        return f"keep {self.keep:g}"

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if not 0 < self.keep <= 1:
            raise GraphError("keep is out of range", where=self.where, expected="0 < keep <= 1", got=self.keep)
        if x.dtype != "float32":
            raise GraphError("the input does not fit", where=self.where, expected="float32", got=x)
        self._limit = max(1, round(self.keep * _LEVELS))
        return (x,)

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        named = hashlib.blake2b(f"{host.seed} {self.name}".encode(), digest_size=8)
        self._start = np.uint64(int.from_bytes(named.digest(), "little"))

    def forward(self, batch: Batch) -> None:
        training = [state[0] >= 0 for state in batch.states]
        if all(training):
            self.send(0, batch.states, self._masked(batch), batch.counts)
        elif any(training):
            for masks, part in batch.by(training):
                self.send(0, part.states, self._masked(part) if masks else part.payload, part.counts)
        else:
            self.send(0, batch.states, batch.payload, batch.counts)

    def backward(self, batch: Batch) -> None:
        if batch.payload is None or not self.wanted[0]:
            self.answer(0, batch.states)
        else:
            self.answer(0, batch.states, self._masked(batch), batch.counts)

    def _masked(self, batch: Batch) -> Payload:
        """The payloads times the masks of their states: 0, or 1 / keep."""
        x = batch.payload
        if self._limit == _LEVELS:
            return x
        start = self.host.clock()
        drawn = _draw(self._seeds(batch.states), batch.counts, math.prod(x.shape[1:]))
        y = (drawn < self._limit).astype(x.dtype).reshape(x.shape)
        y *= _LEVELS / self._limit
        y *= x
        self.kernel_ns += self.host.clock() - start
        return y

    def _seeds(self, states: Sequence[State]) -> NDArray[np.uint64]:
        """A number for each state, made from all its fields, the session's seed and the node's name."""
        fields = np.fromiter(chain.from_iterable(states), np.int64).reshape(len(states), -1).view(np.uint64)
        seeds = np.full(len(states), self._start, np.uint64)
        for column in fields.T:
            seeds ^= column
            seeds *= _STEP
            _mix(seeds)
        return seeds


def _draw(seeds: NDArray[np.uint64], counts: Sequence[int], size: int) -> NDArray[np.uint16]:
    """Random numbers of 16 bits, (rows, size), for messages of so many rows.

    The rows of a message are one sequence of SplitMix64 (Steele, Lea and Flood 2014): a few passes for all messages.
    """
    words = -(-size // 4)
    if counts.count(1) < len(counts):
        each = np.asarray(counts)
        row = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)  # within its message
        seeds = np.repeat(seeds, each) + (row * words).astype(np.uint64) * _STEP
    numbers: NDArray[np.uint64] = seeds[:, None] + np.arange(1, words + 1, dtype=np.uint64) * _STEP
    return _mix(numbers).view(np.uint16)[:, :size]


def _mix(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64, in place."""
    shifted = np.empty_like(numbers)
    for shift, factor in _ROUNDS:
        numbers ^= np.right_shift(numbers, shift, out=shifted)
        numbers *= factor
    numbers ^= np.right_shift(numbers, np.uint64(31), out=shifted)
    return numbers


class StopGrad(Node):
    """Passes payloads on and lets no gradient through: what comes before it does not learn from what comes after."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1, tuples=True)
        return (x,)

    def differentiable(self, inputs: Sequence[bool]) -> bool:
        return False

    def forward(self, batch: Batch) -> None:
        self.send(0, batch.states, batch.payload, batch.counts)

    def backward(self, batch: Batch) -> None:
        self.answer(0, batch.states)
