"""Optimizers: small declarations with an update rule that works in place on one parameter array."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ampviz.blas import add_product
from ampviz.errors import KnobError
from ampviz.fused import twin

Array = NDArray[Any]
Slots = Mapping[str, Array]
Shape = tuple[int, ...]

_BLOCK = 65_536  # elements that a step works on at a time, to stay in the cache
_LARGE = 100_000  # elements of a gradient from which on it pays not to write it


class Optimizer(Protocol):
    """An update rule. Its state ("slots") are arrays that someone else owns: zeroed, then given to `initialise`.

    `rowwise` says that what has no gradient stays as it is, state included: then rows without one may be left out.
    `elementwise` says that a number steps by its own gradient and state, and that state is shaped as the parameter, or
    is (1,) and the same for all: then the vectors of several parameters, one after another, may step as one.
    """

    elementwise: ClassVar[bool]
    rowwise: ClassVar[bool]

    @property
    def learning_rate(self) -> float:
        """The step size where no knob says otherwise."""
        ...

    def slots(self, shape: Shape) -> dict[str, Shape]:
        """Names and shapes of the state arrays for a parameter of this shape."""
        ...

    def initialise(self, slots: Slots) -> None:
        """Fill fresh, zeroed state arrays."""
        ...

    def update(self, parameter: Array, gradient: Array, slots: Slots, learning_rate: float) -> None:
        """Step in place. `gradient` is scratch afterwards."""
        ...


@dataclass(frozen=True, slots=True)
class SGD:
    """parameter -= learning_rate * gradient."""

    elementwise: ClassVar[bool] = True
    rowwise: ClassVar[bool] = True
    learning_rate: float = 0.1

    def __post_init__(self) -> None:
        _check_sign("learning_rate", self.learning_rate)

    def slots(self, shape: Shape) -> dict[str, Shape]:
        return {}

    def initialise(self, slots: Slots) -> None:
        """Nothing to fill."""

    def update(self, parameter: Array, gradient: Array, slots: Slots, learning_rate: float) -> None:
        gradient *= learning_rate
        parameter -= gradient

    def descend(self, parameter: Array, x: Array, dy: Array, learning_rate: float) -> None:
        """The step by the gradient x^T dy; that of a large matrix is never written to memory."""
        if parameter.ndim == 1:
            parameter -= (x @ dy) * learning_rate
        elif parameter.size < _LARGE or not add_product(parameter, -learning_rate, x, dy):
            parameter -= x.T @ (dy * learning_rate)


@dataclass(frozen=True, slots=True)
class Momentum:
    """velocity = momentum * velocity + gradient; parameter -= learning_rate * velocity."""

    elementwise: ClassVar[bool] = True
    rowwise: ClassVar[bool] = False
    learning_rate: float = 0.01
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _check_sign("learning_rate", self.learning_rate)
        _check_share("momentum", self.momentum)

    def slots(self, shape: Shape) -> dict[str, Shape]:
        return {"velocity": shape}

    def initialise(self, slots: Slots) -> None:
        """Velocity starts at 0."""

    def update(self, parameter: Array, gradient: Array, slots: Slots, learning_rate: float) -> None:
        for p, g, velocity in _blocks(parameter, gradient, slots["velocity"]):
            velocity *= self.momentum
            velocity += g
            np.multiply(velocity, learning_rate, out=g)
            p -= g


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam (arXiv 1412.6980) with bias correction.

    Its moments are kept without the factors 1 - beta1 and 1 - beta2, which saves a pass over each.
    """

    elementwise: ClassVar[bool] = True
    rowwise: ClassVar[bool] = False
    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        _check_sign("learning_rate", self.learning_rate)
        _check_share("beta1", self.beta1)
        _check_share("beta2", self.beta2)
        _check_sign("epsilon", self.epsilon)

    def slots(self, shape: Shape) -> dict[str, Shape]:
        return {"gradients": shape, "squares": shape, "step": (1,)}

    def initialise(self, slots: Slots) -> None:
        """Both sums and the step count start at 0."""

    def update(self, parameter: Array, gradient: Array, slots: Slots, learning_rate: float) -> None:
        steps = slots["step"]
        steps += 1
        step = float(steps[0])
        unbiased = ((1 - self.beta2) / (1 - self.beta2**step)) ** 0.5
        rate = learning_rate * (1 - self.beta1) / (1 - self.beta1**step) / unbiased
        sums = slots["gradients"], slots["squares"]
        _adam(parameter, gradient, *sums, self.beta1, self.beta2, self.epsilon / unbiased, rate)


@dataclass(frozen=True, slots=True)
class Adagrad:
    """sum += gradient^2; parameter -= learning_rate * gradient / (sqrt(sum) + epsilon). The sum starts at `initial`."""

    elementwise: ClassVar[bool] = True
    rowwise: ClassVar[bool] = True
    learning_rate: float = 0.05
    initial: float = 0.1
    epsilon: float = 1e-10

    def __post_init__(self) -> None:
        _check_sign("learning_rate", self.learning_rate)
        _check_sign("initial", self.initial)
        _check_sign("epsilon", self.epsilon)

    def slots(self, shape: Shape) -> dict[str, Shape]:
        return {"sum": shape}

    def initialise(self, slots: Slots) -> None:
        slots["sum"].fill(self.initial)

    def update(self, parameter: Array, gradient: Array, slots: Slots, learning_rate: float) -> None:
        _adagrad(parameter, gradient, slots["sum"], self.epsilon, learning_rate)


OPTIMIZERS: dict[str, Callable[[], Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adam": Adam,
    "adagrad": Adagrad,
}


def optimizer_called(name: str, where: str) -> Optimizer:
    """The optimizer of this name with its defaults. Raises KnobError; `where` says who asked."""
    if name not in OPTIMIZERS:
        raise KnobError("no such optimizer", where=where, expected="one of " + ", ".join(OPTIMIZERS), got=repr(name))
    return OPTIMIZERS[name]()


@twin("steps.adam")
def _adam(
    parameter: Array, gradient: Array, total: Array, squares: Array,
    beta1: float, beta2: float, epsilon: float, rate: float,
) -> None:  # fmt: skip
    for p, g, own, own_squares in _blocks(parameter, gradient, total, squares):
        own *= beta1
        own += g
        g *= g
        own_squares *= beta2
        own_squares += g
        np.sqrt(own_squares, out=g)
        g += epsilon
        np.divide(own, g, out=g)
        g *= rate
        p -= g


@twin("steps.adagrad")
def _adagrad(parameter: Array, gradient: Array, total: Array, epsilon: float, rate: float) -> None:
    for p, g, own in _blocks(parameter, gradient, total):
        root = g * g
        own += root
        np.sqrt(own, out=root)
        root += epsilon
        g /= root
        g *= rate
        p -= g


def _blocks(*arrays: Array) -> Iterable[Sequence[Array]]:
    """Arrays of one shape, as they are or, where they are large, block by block."""
    if arrays[0].size <= _BLOCK:
        return (arrays,)
    flat = [array.reshape(-1) for array in arrays]
    return ([array[start : start + _BLOCK] for array in flat] for start in range(0, arrays[0].size, _BLOCK))


def clip_by_norm(gradients: Sequence[Array], limit: float) -> float:
    """Scale the gradients of one node in place so that their joint L2 norm is at most `limit`; returns it unscaled."""
    norm = joint_norm(gradients)
    if norm > limit:
        for gradient in gradients:
            gradient *= limit / norm
    return norm


def joint_norm(gradients: Sequence[Array]) -> float:
    """The L2 norm of several arrays taken together; nan or inf if an element is, or if its square overflows."""
    return math.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in gradients))


def _check_sign(name: str, value: float) -> None:
    if not value >= 0:
        raise KnobError("must not be negative", where=name, got=value)


def _check_share(name: str, value: float) -> None:
    if not 0 <= value < 1:
        raise KnobError("out of range", where=name, expected="0 <= value < 1", got=value)
