"""Elementwise functions (NPT of the paper); each remembers its output only."""

from __future__ import annotations

from ampviz.errors import GraphError
from ampviz.nodes import kernels
from ampviz.nodes.base import Transform
from ampviz.nodes.payload import Payload
from ampviz.ports import PortType


class Pointwise(Transform):
    """An elementwise function of float32 rows of any shape."""

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        (x,) = self.take(inputs, 1)
        if x.dtype != "float32":
            raise GraphError("the input does not fit", where=self.where, expected="float32", got=x)
        return (x,)


class ReLU(Pointwise):
    """max(x, 0)."""

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        y = kernels.relu_forward(x)
        return y, y

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        return kernels.relu_backward(saved, dy)


class Tanh(Pointwise):
    """tanh(x)."""

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        y = kernels.tanh_forward(x)
        return y, y

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        return kernels.tanh_backward(saved, dy)


class Sigmoid(Pointwise):
    """1 / (1 + exp(-x))."""

    def run(self, x: Payload) -> tuple[Payload, Payload]:
        y = kernels.sigmoid_forward(x)
        return y, y

    def pull(self, saved: Payload, dy: Payload) -> Payload:
        return kernels.sigmoid_backward(saved, dy)
