"""Microseconds a worker spends on a message that computes nothing: queue, policy, node, routing, cache.

    python -m benchmarks.dispatch [--rounds N]

As a curve: against the number of nodes of a chain, and against the number of instances in flight in a loop. Both should
be flat: what a message costs must not depend on how much else there is.
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
from benchmarks.rounds import in_turns, options, ratio, show

GOAL_US = 5.0
NODES = (10, 30, 100, 300, 1000)
KEYS = (1, 10, 100, 1000)


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
    """CPU time per message of one worker with so many keys in flight, over about so many messages."""
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
        began = time.process_time()
        while worker.ready:
            worker.run_unit()
        elapsed += time.process_time() - began
        worker.apply(Retire(batch))
        worker.reports.clear()
        first += keys
    return elapsed / worker.messages * 1e6


def main() -> None:
    chosen = options(__doc__, rounds=5).parse_args()
    variants = {
        "loop, 4 keys": lambda: microseconds(turning(20), 4, 40_000),
        "loop, 4 keys, max_batch 16": lambda: microseconds(turning(20), 4, 40_000, max_batch=16),
        **{f"{n} nodes": lambda n=n: microseconds(chain(n), 4, 40_000) for n in NODES},
        **{f"{n} keys": lambda n=n: microseconds(turning(20), n, 40_000) for n in KEYS},
    }
    result = in_turns(variants, chosen.rounds)
    curves = {"nodes": NODES, "keys": KEYS}
    growth = {
        name: ratio(result[f"{points[-1]} {name}"], result[f"{points[0]} {name}"]) for name, points in curves.items()
    }
    show("dispatch", {"unit": "us/message", "goal": GOAL_US, "growth": growth, "variants": result})


if __name__ == "__main__":
    main()
