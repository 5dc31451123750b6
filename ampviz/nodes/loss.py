"""Losses: they compare with the label, report, and start the way back. Averaged over the rows of each message."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ampviz.errors import GraphError
from ampviz.graph import PortType
from ampviz.nodes import kernels
from ampviz.nodes.join import Join, Part
from ampviz.nodes.payload import Payload, stack


class Loss(Join):
    """A sink that joins a prediction with its label (inputs 0 and 1) and answers both at once."""

    metrics: ClassVar[tuple[str, ...]] = ()  # names of what `compare` reports beside the loss

    def compare(self, prediction: Payload, label: Payload, weights: Any) -> tuple[Any, Payload, dict[str, Any]]:
        """Row losses (rows,), gradient of the weighted sum by the prediction, and metrics (rows,) by name."""
        raise NotImplementedError

    def joined(self, complete: list[list[Part]]) -> None:
        predictions, labels = [parts[0][1] for parts in complete], [parts[1][1] for parts in complete]
        counts = [len(prediction) for prediction in predictions]
        for prediction, label in zip(predictions, labels, strict=True):
            if len(prediction) != len(label):
                raise ValueError(f"{len(prediction)} predictions for {len(label)} labels")
        weights = np.repeat([np.float32(1.0 / max(count, 1)) for count in counts], counts)
        start = self.host.clock()
        losses, gradient, metrics = self.compare(stack(predictions), stack(labels), weights)
        self.kernel_ns += self.host.clock() - start
        first = 0
        for ((state, _), (label_state, _)), rows in zip(complete, counts, strict=True):
            last = first + rows
            total = float(losses[first:last].sum())
            if not math.isfinite(total):
                raise FloatingPointError(f"the loss is {total}: a learning rate too high, or bad data")
            sums = {name: float(values[first:last].sum()) for name, values in metrics.items()}
            self.host.loss(self, state[0], rows, total, sums)
            self.answer(0, state, gradient[first:last] if state[0] >= 0 and self.wanted[0] else None)
            self.answer(1, label_state, None)
            first = last


class SoftmaxCrossEntropy(Loss):
    """-log softmax(logits)[label], with logits (rows, classes) and labels (rows,) int64; reports `accuracy`."""

    metrics = ("accuracy",)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        logits, label = self.take(inputs, 2)
        if len(logits.shape) != 1 or logits.shape[0] is None:
            raise GraphError("the logits do not fit", where=self.where, expected="(rows, classes)", got=logits)
        if label.dtype != "int64" or label.shape != ():
            raise GraphError("the label does not fit", where=self.where, expected="(rows) int64", got=label)
        self.classes = logits.shape[0]
        self.join_fields(inputs)
        return ()

    def compare(self, prediction: Payload, label: Payload, weights: Any) -> tuple[Any, Payload, dict[str, Any]]:
        if label.size and not (label.min() >= 0 and label.max() < self.classes):
            raise ValueError(f"label {label.min()}..{label.max()} outside 0..{self.classes - 1}")
        losses, gradient, correct = kernels.softmax_cross_entropy(prediction, label, weights)
        return losses, gradient, {"accuracy": correct}


class MSE(Loss):
    """Mean over the features of (prediction - label)^2, both (rows, size); reports `mae`, the mean absolute error."""

    metrics = ("mae",)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        prediction, label = self.take(inputs, 2)
        if len(prediction.shape) != 1 or prediction.shape != label.shape or label.dtype != "float32":
            raise GraphError("the label does not fit", where=self.where, expected=prediction, got=label)
        self.join_fields(inputs)
        return ()

    def compare(self, prediction: Payload, label: Payload, weights: Any) -> tuple[Any, Payload, dict[str, Any]]:
        losses, gradient = kernels.squared_error(prediction, label, weights)
        return losses, gradient, {"mae": np.abs(prediction - label).mean(axis=1)}
