"""The workloads that are compared with PyTorch, and how ampviz is asked to run them.

Both sides take as many instances an update, and have as many in flight: a batch for each process of PyTorch. The
models are those of the demos.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import partial

from ampviz.experiment import Experiment, load_experiment


@dataclass(frozen=True)
class Workload:
    """One row of the comparison.

    `batch`: instances an update of PyTorch takes, and one of its processes has in flight. `knobs` make the updates of
    ampviz the same: a node inside a loop collects a gradient a turn. `more`: numbers in flight that are shown besides,
    and never compared. `rows`: what an instance counts for in the table. `least`: the goals, ampviz over the
    best way to write it in PyTorch whose name begins so.
    """

    module: str  # of benchmarks.pytorch
    target: str
    instances: int  # of the data set that both train on
    batch: int
    knobs: dict[str, object] = field(default_factory=dict)
    more: tuple[int, ...] = ()
    rows: int = 1
    unit: str = "graphs/s"
    least: dict[str, float] = field(default_factory=dict)

    def arguments(self, in_flight: int | None = None) -> list[str]:
        """Of `ampviz run`, besides the target, with a batch in flight if nothing is said.

        Instances stay with a worker: no cut through these small models pays.
        """
        knobs = [f"{name}={value}" for name, value in {"validate": "off", "placement": "keys", **self.knobs}.items()]
        settings = [word for knob in knobs for word in ("--set", knob)]
        return ["--max-active-keys", str(in_flight or self.batch), *settings]


# Small messages gather, and keys stay at mixed phases, as the staleness says: 0.1 to 0.7 updates (with the policy
# `deepest` qm9 marched in step once, at 0.05).
_GATHER: dict[str, object] = {"policy": "mixed", "max_batch": 256}
_TREES, _BRANCHES, _NODES = 25, 472, 969  # the latter two of as many trees

WORKLOADS = {
    "mnist": Workload("mnist", "mnist", 600, 1, more=(4,), rows=100, unit="digits/s", least={"": 1.1}),
    "listred": Workload(
        "listred", "listred", 1000, 1, more=(4,), rows=100, unit="lists/s", least={"": 2.5},
        knobs={f"{node}.min_update_interval": 6 for node in ("cell", "embed")},
    ),
    **{
        f"sst {hidden}": Workload(
            "sst", f"benchmarks.workloads:sst_{hidden}", 8544, 25, unit="trees/s",
            knobs={**_GATHER, "min_update_interval": _TREES, "branch.min_update_interval": _BRANCHES,
                   "out.min_update_interval": _NODES},
            least={"by depth": 1.3, **({"tree by tree": 10.0} if hidden == 300 else {})},
        ) for hidden in (150, 300)
    },
    "babi15": Workload(
        "babi15", "babi15", 4000, 20, knobs={
            **_GATHER, "min_update_interval": 20,
            **{f"{node}.min_update_interval": 40 for node in ("cell", "edges")}},
        least={"graph by graph": 5.0, "": 1.0},
    ),
    "qm9": Workload(
        "qm9", "qm9", 4000, 20, knobs={
            **_GATHER, "min_update_interval": 20,
            **{f"{node}.min_update_interval": 80 for node in ("cell", "bonds")}},
        least={"graph by graph": 5.0, "union": 1.3},
    ),
}  # fmt: skip


def sst(hidden: int) -> Experiment:
    """The demo with another hidden size, and without clipping: PyTorch cannot clip the sparse gradient of a table."""
    demo = load_experiment("sst")
    knobs = {**demo.knobs, "gradient_clip": 0.0}
    return dataclasses.replace(demo, model=partial(demo.model, hidden=hidden), knobs=knobs)


def sst_150() -> Experiment:
    """As the demo has it."""
    return sst(150)


def sst_300() -> Experiment:
    """Twice as wide."""
    return sst(300)
