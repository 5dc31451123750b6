"""Unsound models: how a test lists them with what must be said, and which of their lines must be named."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from ampviz.errors import GraphError
from tests.instances import traced


class Refusals(list):
    """A list of parameters (model, node, text), filled by decorating the models."""

    def __call__(self, node: str, text: str) -> Callable[[Callable], Callable]:
        def add(model: Callable) -> Callable:
            self.append(pytest.param(model, node, text, id=model.__name__))
            return model

        return add


def refusal(model: Callable, dataset: list | None = None) -> GraphError:
    """The GraphError that tracing the model raises."""
    with pytest.raises(GraphError) as caught:
        traced(model, dataset)
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


def place(model: Callable, node: str) -> str:
    """`node, file:N)`, or `file:N` without a node, where N is the line of the model that ends in the mark `# here`."""
    lines, first = inspect.getsourcelines(model)
    (offset,) = [offset for offset, line in enumerate(lines) if line.endswith("# here\n")]
    line = f"{Path(inspect.getsourcefile(model)).name}:{first + offset}"
    return f"{node}, {line})" if node else line
