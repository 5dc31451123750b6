"""Copies of a layer that share its work: each instance meets one of them (paper, section 5: replicas)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Literal

from ampviz.building import Port, model_line
from ampviz.errors import GraphError
from ampviz.nodes.control import Cond, Phi
from ampviz.nodes.parameterised import Parameterised
from ampviz.state import S

ReplicaMode = Literal["average", "shared"]


def replicate(
    layer: Parameterised | Callable[[], Parameterised], copies: int | None = None, *, mode: ReplicaMode = "average"
) -> Callable[..., Port]:
    """A layer, or a function that makes one, as `copies` of it: call the result on ports like the layer itself.

    Without a number there are as many copies as `ampviz run --replicas N` says, one unless told otherwise; one copy is
    the layer itself. Several expand into a Cond for each input, which sends an instance to copy `key % copies`, the
    copies `name-0`, `name-1` and so on, and a Phi. They start equal. With the mode `average` each has parameters of
    its own, and these and the optimizer's state are averaged at the end of each epoch, before validation; with `shared`
    all write one block of parameters in turn. The name of the layer stands for all copies in knobs and placement.

    Raises GraphError for a layer without parameters.
    """
    if copies is not None and copies < 1:
        raise GraphError("at least one copy is needed", where=model_line(), got=copies)

    def call(*ports: Port) -> Port:
        whole = layer if isinstance(layer, Parameterised) else layer()
        if not isinstance(whole, Parameterised):
            raise GraphError("only layers with parameters are replicated", where=model_line(), got=type(whole).__name__)
        if not ports:
            raise GraphError("a replicated layer needs an input", where=model_line())
        count = ports[0].node.builder().replicas if copies is None else copies
        output: Port = _copied(whole, count, mode, ports) if count > 1 else whole(*ports)
        return output

    return call


def _copied(whole: Parameterised, count: int, mode: ReplicaMode, ports: Sequence[Port]) -> Port:
    whole.line = model_line()
    name = ports[0].node.builder().named(whole)
    choose = S.key % 2 == 0 if count == 2 else S.key % count  # with two ways a Cond asks for true or false
    names = [f"{name}-cond"] if len(ports) == 1 else [f"{name}-cond-{number}" for number in range(len(ports))]
    ways = [Cond(choose, ways=count, name=own)(port) for own, port in zip(names, ports, strict=True)]
    outputs = []
    for number, inputs in enumerate(zip(*ways, strict=True)):
        part = copy.copy(whole)
        part.name, part.part_of, part.shares = f"{name}-{number}", name, mode == "shared"
        outputs.append(part(*inputs))
    joined: Port = Phi(name=f"{name}-phi")(*outputs)
    return joined
