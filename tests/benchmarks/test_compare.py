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

    def run(arguments, settings):
        options = dict(pairwise(arguments))
        epochs, limit = int(options["--epochs"]), int(options["--limit"])
        asked.append((epochs, limit))
        seconds = [5.0, *[limit / 400] * (epochs - 1)]  # the first is slow
        reports = [{"seconds": s, "instances_per_s": limit / s} for s in seconds]
        return Measured({"epochs": reports}, 0.002 * (epochs - 1) * limit)

    monkeypatch.setattr(compare, "measured", run)
    workload, costs = Workload("m", "m", instances=100, batch=1, rows=10), []
    session = compare.Ampviz(workload, 2, 4, 0.5, costs)
    assert session() == pytest.approx(4000.0)  # 400 instances of 10 rows
    assert session() == pytest.approx(4000.0)
    assert asked == [(2, 16), *[(3, 100)] * 3]  # at first as few as it takes, then half a second at 400/s
    assert costs == pytest.approx([2000.0, 2000.0])


def test_ampviz_is_measured_with_as_many_in_flight_as_one_process_and_as_two_have():
    assert compare.ours(Workload("m", "m", 1, batch=25)) == {
        "ampviz, 2 workers, 25 in flight": (2, 25),
        "ampviz, 2 workers, 50 in flight": (2, 50),
        "ampviz, 1 worker, 25 in flight": (1, 25),
    }
    assert list(compare.ours(Workload("m", "m", 1, batch=1, more=(4,)))) == [
        "ampviz, 2 workers, 2 in flight",
        "ampviz, 2 workers, 4 in flight",
        "ampviz, 1 worker, 1 in flight",
    ]


def variant(*rounds, cpu):
    return {"median": sorted(rounds)[1], "rounds": list(rounds), "cpu_us": cpu}


SPEEDS = {
    "ampviz, 2 workers, 20 in flight": variant(100.0, 120.0, 110.0, cpu=50.0),
    "ampviz, 2 workers, 40 in flight": variant(200.0, 210.0, 220.0, cpu=40.0),
    "ampviz, 1 worker, 20 in flight": variant(900.0, 900.0, 900.0, cpu=10.0),
    "graph by graph, 1 thread": variant(10.0, 10.0, 10.0, cpu=200.0),
    "graph by graph, 2 threads": variant(20.0, 20.0, 20.0, cpu=400.0),
    "union, 1 thread": variant(50.0, 60.0, 110.0, cpu=25.0),
    "union, 2 processes": variant(100.0, 100.0, 110.0, cpu=20.0),
}


def test_two_workers_are_compared_with_the_fastest_way_that_a_goal_names_at_as_many_in_flight():
    workload = Workload("m", "m", 1, batch=20, least={"graph by graph": 5.0, "": 1.0, "nobody": 2.0})
    lines = compare.against(workload, SPEEDS)
    assert [(line["best"], line["goal"]) for line in lines] == [
        ("graph by graph, 2 threads", 5.0),
        ("graph by graph, 1 thread", None),
        ("union, 2 processes", 1.0),
        ("union, 1 thread", None),
        ("graph by graph, 2 threads", None),
    ]
    one_by_one, _, hogwild, alone, _ = lines
    assert (one_by_one["ours"], one_by_one["in_flight"]) == ("ampviz, 2 workers, 20 in flight", 20)
    assert one_by_one["ratio"] == {"median": 5.5, "low": 5.0, "high": 6.0}
    assert one_by_one["cpu_ratio"] == 4.0
    assert (hogwild["ours"], hogwild["in_flight"]) == ("ampviz, 2 workers, 40 in flight", 40)
    assert (hogwild["ratio"]["median"], hogwild["cpu_ratio"]) == (2.0, 0.5)
    assert (alone["ours"], alone["ratio"]["median"]) == ("ampviz, 2 workers, 20 in flight", 2.0)


def test_two_workers_have_at_least_two_instances():
    speeds = {
        "ampviz, 2 workers, 2 in flight": variant(100.0, 120.0, 110.0, cpu=50.0),
        "eager, 1 thread": variant(50.0, 60.0, 55.0, cpu=25.0),
    }
    (line,) = compare.against(Workload("m", "m", 1, batch=1, least={"": 1.0}), speeds)
    assert (line["in_flight"], line["ours_in_flight"], line["ratio"]["median"]) == (1, 2, 2.0)


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
        return {"out": nodes, "branch": (nodes - 1) / 2}.get(node, 1)
    if workload == "listred":
        return 6 if node in ("cell", "embed") else 1
    once = ("readout", "gate-in", "value-in", "mix", "out")
    return 1 if node in once else looped
