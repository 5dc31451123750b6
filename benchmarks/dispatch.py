"""Microseconds a worker spends on a message that computes nothing: queue, policy, node, routing, cache.

python -m benchmarks.dispatch
"""

from __future__ import annotations

import time

import numpy as np

import ampviz as amp
from ampviz import S
from ampviz import nodes as nn
from ampviz.placement import place
from ampviz.runtime.commands import Admit, Retire, Retune
from ampviz.runtime.store import ParameterStore
from ampviz.runtime.worker import Worker
from benchmarks.rounds import in_turns, show


class Ticks:
    """Instances with one small payload each."""

    def __len__(self) -> int:
        return 1 << 20

    def __getitem__(self, index: int) -> amp.Instance:
        return amp.Instance({"x": np.zeros((1, 4), np.float32)})


def turning(turns: int):
    """A loop of Phi, Isu and Cond that turns so often."""

    def model(x):
        amp.discard(amp.loop(lambda h: h, init=x, step=S.t.to(S.t + 1), while_=S.t < turns))

    return model


def chain(length: int):
    """So many Isu in a row."""

    def model(x):
        x = nn.Isu(S.t.to(0), name="start")(x)
        for number in range(length):
            x = nn.Isu(S.t.to(S.t + 1), name=f"isu{number}")(x)
        amp.discard(x)

    return model


def microseconds(model, keys: int, messages: int, **knobs: object) -> float:
    """Time per message of one worker with so many keys in flight, over about so many messages."""
    experiment = amp.Experiment(model, Ticks())
    graph = experiment.graph()
    store = ParameterStore(graph, experiment.optimizer)
    worker = Worker(0, graph, place(graph, 1), store, (experiment.train, None), clock=time.perf_counter_ns)
    worker.apply(Retune(experiment.knob_values(graph, {"max_batch": 1, **knobs}).as_dict(), 1))
    first = 0
    elapsed = 0.0
    while worker.messages < messages:
        batch = tuple(range(first, first + keys))
        worker.apply(Admit(batch, batch))
        began = time.perf_counter()
        while worker.ready:
            worker.run_unit()
        elapsed += time.perf_counter() - began
        worker.apply(Retire(batch))
        worker.reports.clear()
        first += keys
    return elapsed / worker.messages * 1e6


def main() -> None:
    variants = {
        "loop, 4 keys": lambda: microseconds(turning(20), 4, 100_000),
        "loop, 4 keys, max_batch 16": lambda: microseconds(turning(20), 4, 100_000, max_batch=16),
        **{f"chain of {n} nodes": lambda n=n: microseconds(chain(n), 4, 50_000) for n in (10, 100, 1000)},
        **{f"loop, {n} keys": lambda n=n: microseconds(turning(20), n, 100_000) for n in (1, 100, 1000)},
    }
    show("dispatch", {"unit": "us/message", "variants": in_turns(variants, 5)})


if __name__ == "__main__":
    main()
