"""How runs are started and what is made of their outcomes, without PyTorch and with small numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmarks import compare
from benchmarks.session import Measured, measured
from benchmarks.workloads import WORKLOADS, Workload


def test_a_run_is_measured_with_the_cpu_of_its_later_epochs():
    command = [
        "listred",
        "--backend",
        "inline",
        "--workers",
        "1",
        "--limit",
        "20",
        "--set",
        "validate=off",
        "--no-record",
    ]
    run = measured([*command, "--epochs", "4"])
    assert [epoch["instances"] for epoch in run.epochs] == [20] * 4
    assert 0 < run.warm_cpu_s < measured([*command, "--epochs", "12"]).warm_cpu_s


def test_a_run_that_fails_ends_the_benchmark_with_what_it_said():
    with pytest.raises(SystemExit) as raised:
        measured(["nonsense"])
    assert "no target is called 'nonsense'" in str(raised.value)


def test_epochs_are_as_long_as_a_measurement_and_the_first_is_warm_up(monkeypatch):
    asked = []

    def run(arguments):
        options = dict(pairwise(arguments))
        epochs, limit = int(options["--epochs"]), int(options["--limit"])
        asked.append((epochs, limit))
        seconds = [5.0, *[limit / 400] * (epochs - 1)]  # the first is slow
        reports = [{"seconds": s, "instances_per_s": limit / s} for s in seconds]
        return Measured({"epochs": reports}, 0.002 * (epochs - 1) * limit)

    monkeypatch.setattr(compare, "measured", run)
    workload, costs = Workload("m", "m", instances=100, batch=1, in_flight=4, rows=10), []
    session = compare.Ampviz(workload, ("--workers", "2"), 0.5, costs)
    assert session() == pytest.approx(4000.0)  # 400 instances of 10 rows
    assert session() == pytest.approx(4000.0)
    assert asked == [(1, 8), (2, 16), (3, 100)]  # at first as few as it takes, then half a second at 400/s
    assert costs == pytest.approx([2000.0, 2000.0])


def test_two_workers_are_compared_with_the_fastest_way_that_a_goal_names():
    def variant(*rounds, cpu):
        return {"median": sorted(rounds)[1], "rounds": list(rounds), "cpu_us": cpu}

    speeds = {
        "ampviz, 2 workers": variant(100.0, 120.0, 110.0, cpu=50.0),
        "ampviz, 1 worker": variant(900.0, 900.0, 900.0, cpu=10.0),
        "graph by graph, 1 thread": variant(10.0, 10.0, 10.0, cpu=200.0),
        "graph by graph, 2 threads": variant(20.0, 20.0, 20.0, cpu=400.0),
        "union, 1 thread": variant(50.0, 60.0, 110.0, cpu=25.0),
    }
    workload = Workload("m", "m", 1, 1, 1, least={"graph by graph": 5.0, "": 1.0, "nobody": 2.0})
    one_by_one, all_ways = compare.against(workload, speeds)
    assert one_by_one["best"] == "graph by graph, 2 threads"
    assert one_by_one["ratio"] == {"median": 5.5, "low": 5.0, "high": 6.0}
    assert one_by_one["cpu_ratio"] == 4.0
    assert (all_ways["best"], all_ways["ratio"]["median"], all_ways["cpu_ratio"]) == ("union, 1 thread", 2.0, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKLOADS)
def test_an_update_takes_as_many_instances_on_both_sides(name, data_folder):
    """Backward messages an update waits for, over those that an instance sends to the node."""
    from ampviz.experiment import load_experiment
    from ampviz.nodes.parameterised import Parameterised

    workload = WORKLOADS[name]
    experiment = load_experiment(workload.target)
    graph = experiment.graph()
    knobs = experiment.knob_values(graph, workload.knobs)
    for node in graph.nodes:
        if isinstance(node, Parameterised):
            interval = knobs.number("min_update_interval", node.name)
            assert interval / messages(name, node.name, experiment.train) == pytest.approx(workload.batch, rel=0.03)


def messages(workload, node, train):
    """How many messages an instance sends through a node, on average."""
    looped = {"babi15": 2, "qm9": 4}.get(workload, 1)
    if workload.startswith("sst"):
        nodes = sum(train[index].tables["nodes"] for index in range(2000)) / 2000
        return {"out": nodes, "branch": (nodes - 1) / 2}.get(node, (nodes + 1) / 2)
    if workload == "listred":
        return 6 if node in ("cell", "embed") else 1
    once = ("readout", "gate-in", "value-in", "mix", "out")
    return 1 if node in once else looped
