"""From a model function to a checked graph: the function runs once, on ports, and no data flows."""

from __future__ import annotations

import inspect
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

from ampviz.building import Builder, GraphNode, Port
from ampviz.check import check_nodes
from ampviz.data.dataset import Dataset, Instance
from ampviz.errors import AmpvizError, DataError, GraphError, UsageError
from ampviz.graph import Edge, Graph
from ampviz.nodes.fan import Bcast
from ampviz.nodes.terminal import Source
from ampviz.ports import PortType, Shape
from ampviz.state import field_order

_SAMPLES = 16  # instances looked at to learn which sizes vary


def trace(model: Callable[..., Any], dataset: Dataset, *, replicas: int = 1) -> Graph:
    """Run a model function on ports for the fields of `dataset` and return its graph.

    The function's parameters without a default name the fields it uses. Wherever a port is used more than once a Bcast
    is put in. `replicas` is the number of copies that `amp.replicate` makes where the model gives none. Raises
    GraphError, naming node and model line, for anything unsound, and UsageError for replicas that the model has not.
    """
    builder = Builder(replicas)
    name = getattr(getattr(model, "func", model), "__name__", type(model).__name__)  # func: of a partial
    with builder.building():
        line = _definition_line(model)
        ports = [builder.add(source, (), line) for source in _sources(model, dataset)]
        try:
            model(*ports)
            check_nodes(builder.nodes)
        except GraphError as error:
            error.where = error.where or _raised_at(error, model) or name
            raise
        except AmpvizError:
            raise
        except Exception as error:
            raise GraphError(
                f"the model function raised {type(error).__name__}: {error}", where=_raised_at(error, model) or name
            ) from error
        _check_replicas(builder)
        _insert_broadcasts(builder)
    return Graph(name, builder.nodes, _edges(builder.nodes))


def _sources(model: Callable[..., Any], dataset: Dataset) -> list[Source]:
    if not len(dataset):
        raise DataError("the data set is empty", where=type(dataset).__name__)
    step = max(1, len(dataset) // _SAMPLES)
    samples = [dataset[index] for index in range(0, len(dataset), step)][:_SAMPLES]
    required = [
        parameter.name
        for parameter in inspect.signature(model).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    given = samples[0].fields
    for name in required:
        if name not in given:
            hint = f"the data set has {', '.join(given)}"
            raise GraphError(f"no field is called {name}", where=_definition_line(model), hint=hint)
    return [Source(name, _field_type(name, samples)) for name in required]


def _field_type(name: str, samples: Sequence[Instance]) -> PortType:
    arrays = [sample.fields[name] for sample in samples]
    shape: Shape = arrays[0].shape[1:]
    for array in arrays[1:]:
        if (array.ndim, array.dtype) != (arrays[0].ndim, arrays[0].dtype):
            what = "instances differ in more than sizes"
            expected, got = (f"{a.shape} {a.dtype}" for a in (arrays[0], array))
            raise DataError(what, where=f"field {name}", expected=expected, got=got)
        shape = tuple(size if size == other else None for size, other in zip(shape, array.shape[1:], strict=True))
    return PortType(field_order(["key", *samples[0].state]), shape, str(arrays[0].dtype))


def _check_replicas(builder: Builder) -> None:
    counts = Counter(node.part_of for node in builder.nodes if node.part_of)
    if builder.replicas > 1 and builder.replicas not in counts.values():
        hint = "a layer gets copies by amp.replicate(layer)"
        raise UsageError("this model has no replicated layer", where="--replicas", got=builder.replicas, hint=hint)


def _insert_broadcasts(builder: Builder) -> None:
    consumers: dict[tuple[int, int], list[tuple[GraphNode, int]]] = {}
    for node in builder.nodes:
        for position, port in enumerate(node.inputs):
            consumers.setdefault((port.node.id, port.index), []).append((node, position))
    for node in list(builder.nodes):
        for port in node.outputs:
            used_by = consumers[node.id, port.index]
            if len(used_by) > 1:
                suffix = f"-{port.index}" if len(node.outputs) > 1 else ""
                copies: Sequence[Port] = builder.add(
                    Bcast(len(used_by), name=f"{node.name}{suffix}-bcast"), (port,), node.line
                )
                for (consumer, position), copy in zip(used_by, copies, strict=True):
                    consumer.inputs[position] = copy


def _edges(nodes: Sequence[GraphNode]) -> list[Edge]:
    useful = _gradient_flow(nodes)
    edges: list[Edge] = []
    for node in nodes:
        for position, port in enumerate(node.inputs):
            gradient = useful[port.node.id]
            edges.append(Edge(len(edges), port.node.id, port.index, node.id, position, port.type, gradient))
    return edges


def _gradient_flow(nodes: Sequence[GraphNode]) -> list[bool]:
    """Per node: whether a gradient at its outputs is of use to it or before it (a fixed point over loops)."""
    useful = [False] * len(nodes)
    changed = True
    while changed:
        changed = False
        for node in nodes:
            value = node.differentiable([useful[port.node.id] for port in node.inputs])
            if value != useful[node.id]:
                useful[node.id] = changed = True
    return useful


def _code(model: Callable[..., Any]) -> CodeType | None:
    """The code of the model function, also behind a functools.partial."""
    return getattr(getattr(model, "func", model), "__code__", None)


def _definition_line(model: Callable[..., Any]) -> str:
    code = _code(model)
    return "" if code is None else f"{Path(code.co_filename).name}:{code.co_firstlineno}"


def _raised_at(error: BaseException, model: Callable[..., Any]) -> str:
    """The innermost line of the model's own file that led to the error, else the line where the model begins."""
    code = _code(model)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if code is None or frame.filename == code.co_filename]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else _definition_line(model)
