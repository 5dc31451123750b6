"""The goal of a session: `--target "accuracy>=0.97"`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

from ampviz.errors import UsageError
from ampviz.telemetry.snapshot import EpochReport

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Goal:
    """A metric of the validation split (or `valid_loss`, `train_loss`) and the value that ends the session."""

    metric: str
    comparison: str
    value: float

    @classmethod
    def parse(cls, text: str) -> Goal:
        """The goal that `text` says. Raises UsageError."""
        match = re.fullmatch(r"\s*(\w+)\s*(>=|<=|>|<)\s*([-+.\deE]+)\s*", text)
        try:
            if match:
                return cls(match[1], match[2], float(match[3]))
        except ValueError:
            pass
        raise UsageError("not a target", where="--target", expected='like "accuracy>=0.97"', got=repr(text))

    def __str__(self) -> str:
        return f"{self.metric}{self.comparison}{self.value:g}"

    def check(self, metrics: Collection[str], validated: bool) -> None:
        """Raise UsageError unless the session will have this metric."""
        known = [*metrics, "train_loss", *(["valid_loss"] if validated else [])]
        if self.metric not in known:
            raise UsageError(f"no metric is called {self.metric!r}", where="--target", expected=" or ".join(known))

    def reached(self, report: EpochReport) -> bool:
        """Whether an epoch meets the goal; False while the metric has no value."""
        values = {**report.metrics, "train_loss": report.train_loss}
        if report.valid_loss is not None:
            values["valid_loss"] = report.valid_loss
        return self.metric in values and _COMPARE[self.comparison](values[self.metric], self.value)
