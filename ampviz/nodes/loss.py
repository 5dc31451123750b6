"""Losses: they compare with the label, report, and start the way back. Averaged over the rows of each message."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ampviz.compiling import compile_each
from ampviz.errors import GraphError
from ampviz.nodes import kernels
from ampviz.nodes.batch import Batch, difference
from ampviz.nodes.join import Join
from ampviz.nodes.payload import Payload
from ampviz.ports import PortType
from ampviz.state import Expression, Field, State

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

    def reported(self, prediction: Batch, label: Batch) -> Sequence[int]:
        """How many losses each message reports: one a row. Raises ValueError where the label does not fit."""
        differ = difference(prediction.counts, label.counts)
        if differ:
            raise ValueError(f"{differ[0]} predictions for {differ[1]} labels")
        return prediction.counts

    def joined(self, parts: list[Batch]) -> None:
        prediction, label = parts
        self.judge(prediction, label)
        self.answer(1, label.states)

    def judge(self, prediction: Batch, label: Batch) -> None:
        """Compare, report, and answer the prediction."""
        reported = self.reported(prediction, label)
        start = self.host.clock()
        losses, gradient, metrics = self.compare(prediction.payload, label.payload, prediction.counts)
        self.kernel_ns += self.host.clock() - start
        self.report(prediction.states, reported, losses, metrics)
        for trains, part in Batch(0, prediction.states, gradient, prediction.counts).by(
            [state[0] >= 0 for state in prediction.states]
        ):
            if trains and self.wanted[0]:
                self.answer(0, part.states, part.payload, part.counts)
            else:
                self.answer(0, part.states)

    def report(
        self,
        states: Sequence[State],
        reported: Sequence[int],
        losses: NDArray[Any],
        metrics: Mapping[str, NDArray[Any]],
    ) -> None:
        """Tell the host the sums over these messages, of which each has so many losses."""
        total = _total(losses)
        if not math.isfinite(total):
            raise FloatingPointError(f"the loss is {total}: a learning rate too high, or bad data")
        self.host.loss(self, states, len(losses), total, {name: _total(values) for name, values in metrics.items()})


def _total(values: NDArray[Any]) -> float:
    return float(np.add.reduce(values, dtype=np.float64))


def _row_weights(prediction: Payload, counts: Sequence[int]) -> NDArray[Any]:
    """1 / n for each of the n rows of a message: their sum is then the mean."""
    if len(counts) == len(prediction) and min(counts) == 1:
        return np.ones(len(counts), prediction.dtype)
    return np.repeat(np.array([1.0 / max(count, 1) for count in counts], prediction.dtype), counts)


class SoftmaxCrossEntropy(Loss):
    """-log softmax(logits)[label], with logits (rows, classes) and labels (rows,) int64; reports `accuracy`.

    The labels are a second input, joined on the fields `on`; or a number read from state and tables, such as
    `label=T.labels[S.node]`, which all rows of a message share: then there is one input, and no message waits.
    """

    metrics = ("accuracy",)

    def __init__(self, *, label: Expression | None = None, on: Field | Sequence[Field] | None = None, name: str = ""):
        super().__init__(on=on, name=name)
        self.label = label

    def note(self) -> str:
        return super().note() if self.label is None else str(self.label)

    def infer(self, *inputs: PortType) -> tuple[PortType, ...]:
        logits, *labels = self.take(inputs, 2 if self.label is None else 1)
        if len(logits.shape) != 1 or logits.shape[0] is None:
            raise GraphError("the logits do not fit", where=self.where, expected="(rows, classes)", got=logits)
        self.classes = logits.shape[0]
        if self.label is None:
            (label,) = labels
            if label.dtype != "int64" or label.shape != ():
                raise GraphError("the label does not fit", where=self.where, expected="(rows) int64", got=label)
            self.join_fields(inputs)
            return ()
        if self.on is not None:
            raise GraphError("there is nothing to join", where=self.where, hint="either on=... or label=...")
        self._read, self._reads_tables = compile_each(self.label, logits.fields), bool(self.label.tables())
        return ()

    def forward(self, batch: Batch) -> None:
        if self.label is None:
            super().forward(batch)
            return
        labels = np.array(self._read(self.with_tables(batch.states, self._reads_tables)), np.int64)
        self.judge(batch, Batch(1, batch.states, labels.repeat(batch.counts), batch.counts))

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

    def reported(self, prediction: Batch, label: Batch) -> Sequence[int]:
        own, sizes = label.payload, np.asarray(prediction.counts)
        if not (min(label.counts) == max(label.counts) == 1 and ((own >= 0) & (own < sizes)).all()):
            raise _no_row(prediction, label)
        return label.counts

    def compare(self, prediction: Payload, label: Payload, counts: Sequence[int]) -> Compared:
        losses, gradient, correct = kernels.selection_cross_entropy(prediction[:, 0], label, np.asarray(counts))
        return losses, gradient[:, None], {"accuracy": correct}


def _no_row(prediction: Batch, label: Batch) -> ValueError:
    wrong, count = next(
        (own, count)
        for count, (_, _, own) in zip(prediction.counts, label, strict=True)
        if len(own) != 1 or not 0 <= own[0] < count
    )
    return ValueError(f"label {wrong.tolist()} is no row of a set of {count}")


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
