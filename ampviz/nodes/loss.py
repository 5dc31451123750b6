"""Losses: they compare with the label, report, and start the way back. Averaged over the rows of each message."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.errors import GraphError
from ampviz.nodes import kernels
from ampviz.nodes.join import Join, Part
from ampviz.nodes.payload import Payload, split, stack
from ampviz.ports import PortType
from ampviz.state import Field

Compared = tuple[NDArray[Any], Payload, dict[str, NDArray[Any]]]


class Loss(Join):
    """A sink that joins a prediction with its label (inputs 0 and 1) and answers both at once."""

    metrics: tuple[str, ...] = ()  # names of what `compare` reports beside the loss

    def compare(self, prediction: Payload, label: Payload, counts: Sequence[int]) -> Compared:
        """Losses, the gradient by the prediction of the summed mean losses of the messages, and metrics by name.

        prediction and label hold the rows of several messages, `counts` of the prediction for each. Losses and metrics
        have as many entries for each message as `reported` says.
        """
        raise NotImplementedError

    def reported(self, prediction: Payload, label: Payload) -> int:
        """How many losses a message reports: one a row. Raises ValueError where the label does not fit."""
        if len(prediction) != len(label):
            raise ValueError(f"{len(prediction)} predictions for {len(label)} labels")
        return len(prediction)

    def joined(self, complete: list[list[Part]]) -> None:
        predictions, labels = [parts[0][1] for parts in complete], [parts[1][1] for parts in complete]
        counts = [len(prediction) for prediction in predictions]
        reported = [self.reported(*pair) for pair in zip(predictions, labels, strict=True)]
        start = self.host.clock()
        losses, gradient, metrics = self.compare(stack(predictions), stack(labels), counts)
        self.kernel_ns += self.host.clock() - start
        self.report([parts[0][0][0] for parts in complete], reported, losses, metrics)
        self._turn_round(complete, gradient, counts)

    def report(
        self, keys: list[int], reported: list[int], losses: NDArray[Any], metrics: Mapping[str, NDArray[Any]]
    ) -> None:
        """Tell the host the sums of each instance."""
        order = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        instance = np.repeat([order[key] for key in keys], reported)
        rows, *sums = (
            np.bincount(instance, weights, len(order)).tolist() for weights in (None, losses, *metrics.values())
        )
        for key, count, total, *measured in zip(order, rows, *sums, strict=True):
            if not math.isfinite(total):
                raise FloatingPointError(f"the loss is {total}: a learning rate too high, or bad data")
            self.host.loss(self, key, count, total, dict(zip(metrics, measured, strict=True)))

    def _turn_round(self, complete: list[list[Part]], gradient: Payload, counts: list[int]) -> None:
        states, labels = [parts[0][0] for parts in complete], [parts[1][0] for parts in complete]
        training = all(state[0] >= 0 for state in states)
        if training and self.wanted[0]:
            self.answer_rows(0, states, gradient, counts)
        else:
            pieces = split(gradient, counts)
            live = [state[0] >= 0 and self.wanted[0] for state in states]
            self.answer_all(0, states, [piece if kept else None for piece, kept in zip(pieces, live, strict=True)])
        self.answer_all(1, labels, [None] * len(labels))


def _row_weights(prediction: Payload, counts: Sequence[int]) -> NDArray[Any]:
    """1 / n for each of the n rows of a message: their sum is then the mean."""
    return np.repeat(np.array([1.0 / max(count, 1) for count in counts], prediction.dtype), counts)


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

    def compare(self, prediction: Payload, label: Payload, counts: Sequence[int]) -> Compared:
        if label.size and not (label.min() >= 0 and label.max() < self.classes):
            raise ValueError(f"label {label.min()}..{label.max()} outside 0..{self.classes - 1}")
        weights = _row_weights(prediction, counts)
        losses, gradient, correct = kernels.softmax_cross_entropy(prediction, label, weights)
        return losses, gradient, {"accuracy": correct}


class SelectionCrossEntropy(Loss):
    """-log softmax over the rows of one message: picks one of a set, such as a node of a graph.

    logits (rows, 1) float32, the label (1,) int64 the number of the right row. A message counts as one loss, and
    reports whether the right row has the largest logit as `accuracy`.
    """

    metrics = ("accuracy",)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        logits, label = self.take(inputs, 2)
        if logits.shape != (1,) or logits.dtype != "float32":
            raise GraphError("the logits do not fit", where=self.where, expected="(rows, 1) float32", got=logits)
        if label.dtype != "int64" or label.shape != ():
            raise GraphError("the label does not fit", where=self.where, expected="(rows) int64", got=label)
        self.join_fields(inputs)
        return ()

    def reported(self, prediction: Payload, label: Payload) -> int:
        if len(label) != 1 or not 0 <= label[0] < len(prediction):
            raise ValueError(f"label {label.tolist()} is no row of a set of {len(prediction)}")
        return 1

    def compare(self, prediction: Payload, label: Payload, counts: Sequence[int]) -> Compared:
        losses, gradient, correct = kernels.selection_cross_entropy(prediction[:, 0], label, np.asarray(counts))
        return losses, gradient[:, None], {"accuracy": correct}


class Regression(Loss):
    """A loss between numbers, averaged over the features: prediction and label (rows, size) float32.

    Reports `mae`, the mean absolute error, and its multiples named in `also`: `{"error_ratio": deviation / unit}` for
    labels that were standardised.
    """

    def __init__(
        self, *, on: Field | Sequence[Field] | None = None, also: Mapping[str, float] | None = None, name: str = ""
    ):
        super().__init__(on=on, name=name)
        self.also = dict(also or {})
        self.metrics = ("mae", *self.also)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        prediction, label = self.take(inputs, 2)
        if len(prediction.shape) != 1 or prediction.shape != label.shape or label.dtype != "float32":
            raise GraphError("the label does not fit", where=self.where, expected=prediction, got=label)
        self.join_fields(inputs)
        return ()

    def error(self, prediction: Payload, label: Payload, weights: NDArray[Any]) -> tuple[Any, Payload]:
        """Row losses (rows,), and the gradient of their weighted sum by the prediction."""
        raise NotImplementedError

    def compare(self, prediction: Payload, label: Payload, counts: Sequence[int]) -> Compared:
        losses, gradient = self.error(prediction, label, _row_weights(prediction, counts))
        mae = np.abs(prediction - label).mean(axis=1)
        return losses, gradient, {"mae": mae, **{name: mae * factor for name, factor in self.also.items()}}


class MSE(Regression):
    """Mean over the features of (prediction - label)^2, both (rows, size); reports `mae`, the mean absolute error."""

    def error(self, prediction: Payload, label: Payload, weights: NDArray[Any]) -> tuple[Any, Payload]:
        return kernels.squared_error(prediction, label, weights)


class MAE(Regression):
    """Mean over the features of |prediction - label|, both (rows, size); reports it as `mae` too."""

    def error(self, prediction: Payload, label: Payload, weights: NDArray[Any]) -> tuple[Any, Payload]:
        return kernels.absolute_error(prediction, label, weights)


class Huber(Regression):
    """Like MSE / 2 where |prediction - label| is up to `delta`, like `delta` times MAE beyond; reports `mae`."""

    def __init__(
        self,
        delta: float = 1.0,
        *,
        on: Field | Sequence[Field] | None = None,
        also: Mapping[str, float] | None = None,
        name: str = "",
    ):
        super().__init__(on=on, also=also, name=name)
        self.delta = delta

    def note(self) -> str:
        return " ".join(filter(None, [f"delta {self.delta:g}", super().note()]))

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        if not self.delta > 0:
            raise GraphError("delta must be positive", where=self.where, got=self.delta)
        return super().infer(*inputs)

    def error(self, prediction: Payload, label: Payload, weights: NDArray[Any]) -> tuple[Any, Payload]:
        return kernels.huber_error(prediction, label, weights, self.delta)
