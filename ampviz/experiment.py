"""What there is to train: a model function, its data and its defaults; and how a TARGET names one."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from ampviz.data.dataset import Dataset
from ampviz.errors import AmpvizError, UsageError
from ampviz.graph import Graph
from ampviz.knobs import KnobValues
from ampviz.nodes.parameterised import Parameterised
from ampviz.nodes.replicate import ReplicaMode
from ampviz.optim import SGD, Optimizer, optimizer_called
from ampviz.tracing import trace


@dataclass(frozen=True, slots=True)
class Variant:
    """What a session changes in the model itself before it starts; every process of it traces the same variant.

    `replicas`: copies of the layers that `amp.replicate` copies; `replica_mode`: how all copies keep in step, None for
    what the model says; `optimizers`: names from `optim.OPTIMIZERS` by node, or by layer for all of its copies.
    """

    replicas: int = 1
    replica_mode: ReplicaMode | None = None
    optimizers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Experiment:
    """A model function with its data sets and the defaults of its knobs.

    `knobs` holds starting values by `knob` or `node.knob`. Where it names no learning rate, that of the optimizer
    counts, and for a node with an optimizer of its own that one's. Every worker makes its own
    Experiment by calling the same function, so that must give the same one each time.
    """

    model: Callable[..., Any]
    train: Dataset
    valid: Dataset | None = None
    optimizer: Optimizer = field(default_factory=SGD)
    epochs: int = 10
    knobs: Mapping[str, Any] = field(default_factory=dict)

    def graph(self, variant: Variant | None = None) -> Graph:
        """Trace the model anew. Raises GraphError, and UsageError for a variant that the model has not."""
        variant = variant or Variant()
        graph = trace(self.model, self.train, replicas=variant.replicas)
        if variant.replica_mode is not None:
            _choose_mode(graph, variant.replica_mode)
        for name, optimizer in variant.optimizers.items():
            _choose_optimizer(graph, name, optimizer)
        return graph

    def knob_values(self, graph: Graph, changes: Mapping[str, Any]) -> KnobValues:
        """The knobs a session of this graph starts with: defaults, then `knobs`, then `changes`. Raises KnobError."""
        learning = [node for node in graph.nodes if isinstance(node, Parameterised)]
        rates = {"learning_rate": self.optimizer.learning_rate}
        for node in learning:
            if node.optimizer not in (None, self.optimizer):
                rates[f"{node.part_of or node.name}.learning_rate"] = node.optimizer.learning_rate
        copies = {node.name: node.part_of for node in learning if node.part_of}
        return KnobValues([node.name for node in learning], {**rates, **self.knobs, **changes}, copies)


def _choose_mode(graph: Graph, mode: ReplicaMode) -> None:
    """Have all copies of replicated layers keep in step this way."""
    copies = [node for node in graph.nodes if node.part_of]
    if not copies:
        hint = "mark a layer with amp.replicate, and ask for copies with --replicas N"
        raise UsageError("the model has no copies of a layer", where="replica_mode", got=mode, hint=hint)
    for node in copies:
        node.shares = mode == "shared"


def _choose_optimizer(graph: Graph, name: str, optimizer: str) -> None:
    """Give a node, or every copy of a replicated layer, the optimizer of this name."""
    where = f"{name}.optimizer"
    learning = [node for node in graph.nodes if isinstance(node, Parameterised)]
    chosen = [node for node in learning if name == (node.part_of or node.name)]
    if not chosen:
        names = ", ".join(dict.fromkeys(node.part_of or node.name for node in learning))
        raise UsageError(f"no layer with parameters is called {name!r}", where=where, hint=f"layers: {names}")
    for node in chosen:
        node.optimizer = optimizer_called(optimizer, where)


_DEMOS = ("mnist", "listred", "sst", "babi15", "qm9")


def demo_path(name: str) -> Path:
    """The file of a demo: in the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "demos" / f"{name}.py"
    return installed if installed.exists() else package.parent / "demos" / f"{name}.py"


def load_experiment(target: str) -> Experiment:
    """The experiment that a TARGET names: a demo, `file.py:function` or `package.module:function`.

    Raises UsageError where it names none, and the errors of the data set it opens.
    """
    if target in _DEMOS:
        module, function = _import_file(demo_path(target)), target
    elif ":" not in target:
        near = difflib.get_close_matches(target, _DEMOS, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        hint += f"give one of {', '.join(_DEMOS)}, or file.py:function, or package.module:function"
        raise UsageError(f"no target is called {target!r}", hint=hint)
    else:
        place, _, function = target.rpartition(":")
        module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    make = getattr(module, function, None)
    if not callable(make):
        raise UsageError(f"{target}: no function {function!r} there")
    try:
        experiment = make()
    except AmpvizError:
        raise
    except Exception as error:
        raise UsageError(f"{function}() raised {type(error).__name__}: {error}", where=target) from error
    if not isinstance(experiment, Experiment):
        raise UsageError(f"{target}: {function}() must return an amp.Experiment", got=type(experiment).__name__)
    return experiment


def _import_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise UsageError("no such file", where=str(path))
    name = f"ampviz_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError("not a Python file", where=str(path))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a module up by its name
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # as `python file.py` does, so that it finds the modules beside it
    _run(lambda: spec.loader.exec_module(module), str(path))  # type: ignore[union-attr] # checked above
    return module


def _import_module(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    modules: list[ModuleType] = []
    _run(lambda: modules.append(importlib.import_module(name)), name)
    return modules[0]


def _run(action: Callable[[], None], where: str) -> None:
    try:
        action()
    except AmpvizError:
        raise
    except Exception as error:
        raise UsageError(f"cannot be imported: {type(error).__name__}: {error}", where=where) from error
