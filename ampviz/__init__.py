"""ampviz: asynchronous model-parallel training of dynamic neural networks, with a visual debugger in the terminal.

`import ampviz as amp` gives what a model file needs; names are imported when first used, so the import is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ampviz import nodes as nodes
    from ampviz.data.dataset import Dataset as Dataset
    from ampviz.data.dataset import Instance as Instance
    from ampviz.errors import AmpvizError as AmpvizError
    from ampviz.experiment import Experiment as Experiment
    from ampviz.nodes.control import loop as loop
    from ampviz.nodes.replicate import replicate as replicate
    from ampviz.nodes.terminal import discard as discard
    from ampviz.optim import SGD as SGD
    from ampviz.optim import Adagrad as Adagrad
    from ampviz.optim import Adam as Adam
    from ampviz.optim import Momentum as Momentum
    from ampviz.state import S as S
    from ampviz.state import T as T
    from ampviz.tracing import trace as trace

__version__ = "0.1.0"

_HOMES = {
    "AmpvizError": "errors",
    "Adagrad": "optim",
    "Adam": "optim",
    "Dataset": "data.dataset",
    "Experiment": "experiment",
    "Instance": "data.dataset",
    "Momentum": "optim",
    "S": "state",
    "SGD": "optim",
    "T": "state",
    "discard": "nodes.terminal",
    "loop": "nodes.control",
    "replicate": "nodes.replicate",
    "trace": "tracing",
}

__all__ = [*_HOMES, "nodes"]  # all are strings


def __getattr__(name: str) -> object:
    if name == "nodes":
        return importlib.import_module("ampviz.nodes")
    if name in _HOMES:
        value = getattr(importlib.import_module(f"ampviz.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'ampviz' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
