"""Transforms with parameters (PPT of the paper): deferred gradients, local updates, staleness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ampviz.blas import add_product
from ampviz.graph import Graph
from ampviz.message import BACKWARD, Direction
from ampviz.nodes import kernels
from ampviz.nodes.base import Host, Transform
from ampviz.nodes.batch import Batch
from ampviz.nodes.parameters import Array, Parameters
from ampviz.nodes.payload import Payload, gather, row_count, stack
from ampviz.optim import SGD, Optimizer, clip_by_norm, joint_norm
from ampviz.state import State

STALENESS_BINS = 64
_NORM_NS = 500_000_000  # between two looks at the norm of a gradient, which may have to be formed for it
_FOLD_ROWS = 1024  # collected rows become a gradient from here on, so that a large interval needs no more memory
_FEW_NUMBERS = 16_384  # of all gradients of a node: up to here they are put together for the optimizer
_IN_PLACE = 20_000  # numbers of a gradient from which on BLAS adds a product to it faster than numpy makes and adds it
_MANY_ROWS = 64  # that come at once, from which on a product of their own may cost less than keeping them


class Parameterised(Transform):
    """A transform with parameters.

    Backward keeps the rows of (saved, dy), unless many come at once; the gradient is formed from all of them in one
    product when the node updates, after `min_update_interval` backward messages. The update is the sum of the gradients
    divided by the number of distinct keys that gave them, so the interval does not change the learning rate. While
    frozen it collects nothing, and drops what it had: no gradient of long ago strikes when it thaws.
    """

    dense = True  # gradients are products of `factors`

    def __init__(self, name: str = "", *, optimizer: Optimizer | None = None):
        super().__init__(name)
        self.optimizer = optimizer

    def initial(self, rng: np.random.Generator) -> dict[str, Array]:
        """Fresh parameter arrays, named and shaped as `parameter_shapes` says."""
        raise NotImplementedError

    def factors(self, saved: Payload, dy: Payload) -> dict[str, tuple[Array, Array]]:
        """For each parameter x and dy: its summed gradient over these rows is x^T dy. Bias: x is ones (rows,)."""
        raise NotImplementedError

    def weight_gradients(self, saved: Payload, dy: Payload) -> dict[str, Array]:
        """The summed gradient of each parameter over these rows."""
        return {name: kernels.weight_gradient(*pair) for name, pair in self.factors(saved, dy).items()}

    def differentiable(self, inputs: Sequence[bool]) -> bool:
        return True

    def bind(self, host: Host, graph: Graph) -> None:
        super().bind(host, graph)
        self.knobs: dict[str, float] = {}
        self.decayed = 1.0  # what learning_rate_decay has come to
        self.frozen = False
        self.updates = 0  # that this node made; others may have made more of the same parameters
        self.pending = 0  # backward messages since the last update
        self.staleness = [0] * STALENESS_BINS
        self.staleness_sum = self.staleness_max = 0
        self.gradient_norm = 0.0  # of an update not long ago
        self._norm_due = 0  # when it is looked at again
        self._rows = 0
        self._collected: list[tuple[Payload, Payload]] = []
        self._gradients: dict[str, Array] = {}
        self._keys: set[int] = set()
        self._came: tuple[Batch, Payload, Payload] | None = None  # of the batch at hand

    @property
    def version(self) -> int:
        return self.parameters.version[0]

    def attach(self, parameters: Parameters) -> None:
        """Use these arrays, which live in the session's shared memory."""
        self.parameters = parameters
        self._size = sum([array.size for array in parameters.arrays.values()])
        for name, array in parameters.arrays.items():
            setattr(self, name, array)

    def retune(self, knobs: Mapping[str, float], decayed: float) -> None:
        """Take new values of the per-node knobs; a now complete interval updates with the next gradient."""
        self.knobs = dict(knobs)
        self.decayed = decayed
        self._interval = int(knobs["min_update_interval"])
        self.frozen = bool(knobs["freeze"])
        if self.frozen:
            self._forget()

    def batch_limit(self, direction: Direction, limit: int) -> int:
        """No more backward messages than an interval has: so at most one update falls into a batch."""
        if direction is BACKWARD and not self.frozen:
            return min(limit, self._interval)
        return super().batch_limit(direction, limit)

    def collect(self, batch: Batch, versions: Mapping[int, int], saved: Payload, dy: Payload) -> None:
        if self.frozen:
            return
        now = self.version
        for version, messages in versions.items():
            stale = now - version
            self.staleness[min(stale, STALENESS_BINS - 1)] += messages
            self.staleness_sum += stale * messages
            self.staleness_max = max(self.staleness_max, stale)
        self._came = batch, saved, dy

    def backward(self, batch: Batch) -> None:
        """All messages of a batch see the parameters before it, also those behind one that completes an interval: cut
        there, a batch would stay cut through the rest of the graph. Their gradients count for the next update."""
        super().backward(batch)
        if self._came is None:
            return
        (batch, saved, dy), self._came = self._came, None
        first, count = 0, len(batch.states)
        while first < count:
            stop = min(count, first + max(1, self._interval - self.pending))
            if stop - first == count:
                self._add(batch.states, saved, dy)
                return
            self._add(batch.states[first:stop], *self.of_messages(batch.starts[first], batch.starts[stop], saved, dy))
            first = stop

    def of_messages(self, start: int, end: int, saved: Payload, dy: Payload) -> tuple[Payload, Payload]:
        """The part of what `collect` got that comes from these rows of the batch at hand, those of some messages."""
        return gather([(saved, start, end)]), gather([(dy, start, end)])

    def update(self) -> None:
        """Step the parameters by what was collected since the last update; nothing to do if that is nothing."""
        if not self.pending:
            return
        since = self.host.clock()
        rate = self.knobs["learning_rate"] * self.decayed
        # which way it goes must not depend on the clock: the bits of a run would
        straight = type(self.optimizer) is SGD and self.dense
        straight = straight and not (self._gradients or self.knobs["gradient_clip"] > 0)
        if not straight:
            self._fold()
        with self.parameters.turn:
            (self._descend if straight else self._step_by_gradients)(rate)
            self.parameters.version[0] += 1
        self.updates += 1
        self._forget()
        self.host.updated(self, since)

    def _descend(self, rate: float) -> None:
        """Step by the collected rows, so that no gradient is formed but for its norm."""
        assert isinstance(self.optimizer, SGD)  # as in update
        start, keys = self.host.clock(), len(self._keys)
        saved, dy = self._collected_rows()
        self._look_at_norm(lambda: [gradient / keys for gradient in self.weight_gradients(saved, dy).values()])
        for name, (x, slope) in self.factors(saved, dy).items():
            self.optimizer.descend(self.parameters.arrays[name], x, slope, rate / keys)
        self.kernel_ns += self.host.clock() - start

    def _step_by_gradients(self, rate: float) -> None:
        start = self.host.clock()
        gradients, keys = self._gradients, len(self._keys)
        if keys > 1:
            for gradient in gradients.values():
                gradient /= keys
        self._look_at_norm(gradients.values)
        if self.knobs["gradient_clip"] > 0:
            clip_by_norm(list(gradients.values()), self.knobs["gradient_clip"])
        self.step(gradients, rate)
        self.kernel_ns += self.host.clock() - start

    def _look_at_norm(self, gradients: Callable[[], Iterable[Array]]) -> None:
        now = self.host.clock()
        if now >= self._norm_due:
            self._norm_due = now + _NORM_NS
            self.gradient_norm = joint_norm(list(gradients()))

    def gradient_so_far(self) -> dict[str, Array]:
        """What an update now would step by, before clipping; nothing if nothing was collected. Changes nothing."""
        total = self._gradients
        if self._collected:
            fresh = self.weight_gradients(*self._collected_rows())
            total = {name: gradient + fresh[name] for name, gradient in total.items()} if total else fresh
        return {name: gradient / len(self._keys) for name, gradient in total.items()}

    def step(self, gradients: Mapping[str, Array], rate: float) -> None:
        """Have the optimizer step every parameter by its gradient: small ones as one, for it takes many operations."""
        assert self.optimizer is not None  # set by the session before the first message
        arrays, slots, whole = self.parameters.arrays, self.parameters.slots, self.parameters.whole
        if whole is not None and self.optimizer.elementwise and whole.size <= _FEW_NUMBERS and len(arrays) > 1:
            gradient = np.concatenate([gradients[name].reshape(-1) for name in arrays])
            self.optimizer.update(whole, gradient, self.parameters.whole_slots, rate)
            return
        for name, gradient in gradients.items():
            self.optimizer.update(arrays[name], gradient, slots[name], rate)

    def merged(self, saved: Payload, dy: Payload) -> dict[str, Array]:
        """The gradients held so far and those of these rows, added up."""
        held = self._gradients
        if not held:
            return self.weight_gradients(saved, dy)
        if not self.dense:
            for name, fresh in self.weight_gradients(saved, dy).items():
                held[name] += fresh
            return held
        for name, (x, slope) in self.factors(saved, dy).items():
            large = x.ndim == 2 and held[name].size >= _IN_PLACE
            if not (large and add_product(held[name], 1.0, x, slope)):
                held[name] += kernels.weight_gradient(x, slope)
        return held

    def at_once(self, saved: Payload, dy: Payload) -> bool:
        """Whether to add the gradient of these rows up now, while the cache holds them: they are more than it."""
        if not self.dense or row_count(dy) < _MANY_ROWS:
            return False
        arrays = [array for payload in (saved, dy) for array in (payload if type(payload) is tuple else (payload,))]
        came: int = sum([array.size for array in arrays])
        return came > self._size

    def _add(self, states: Sequence[State], saved: Payload, dy: Payload) -> None:
        """Collect what these messages give, no more of them than the interval lacks; update if it lacked no more."""
        self._keys.update([state[0] for state in states])
        self._collected.append((saved, dy))
        self._rows += row_count(dy)
        self.pending += len(states)
        if self.pending >= self._interval:
            self.update()
        elif self._rows >= _FOLD_ROWS or self.at_once(saved, dy):
            self._fold()

    def _collected_rows(self) -> tuple[Payload, Payload]:
        saved, dy = zip(*self._collected, strict=True)
        return stack(saved), stack(dy)

    def _forget(self) -> None:
        """Hold no gradient any more."""
        self.pending = self._rows = 0
        self._collected.clear()
        self._gradients = {}
        self._keys.clear()

    def _fold(self) -> None:
        """Turn the collected rows into gradients: one product for all of them."""
        if not self._collected:
            return
        start = self.host.clock()
        self._gradients = self.merged(*self._collected_rows())
        self._collected.clear()
        self._rows = 0
        self.kernel_ns += self.host.clock() - start
