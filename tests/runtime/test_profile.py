"""The profile before a session: what nodes and edges cost, from a given clock, without a trace in the session."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

import ampviz as amp
from ampviz.experiment import Variant, load_experiment
from ampviz.runtime.profile import measure, placed
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from tests.runtime import models
from tests.runtime.replicated import target
from tests.runtime.runs import losses, run_session

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def measured(experiment, ticks=itertools.count, **changes):
    """The graph and its costs with a clock that ticks a nanosecond a look."""
    spec = RunSpec(target="", **changes)
    graph = experiment.graph(spec.variant)
    knobs = experiment.knob_values(graph, spec.knobs)
    return graph, measure(experiment, spec, knobs, clock=ticks().__next__)


@pytest.mark.parametrize("name", ["pipeline", "recurrent", "fours"])
def test_every_node_and_every_edge_has_a_cost(name):
    graph, costs = measured(getattr(models, name)())
    assert len(costs.nodes) == len(graph.nodes)
    assert len(costs.edges) == len(graph.edges)
    assert min(costs.nodes) > 0
    assert min(costs.edges) > 0
    assert max(costs.nodes) < 1e-6  # a few looks at the clock an instance


def test_a_profile_with_the_same_clock_is_the_same():
    assert measured(models.recurrent())[1] == measured(models.recurrent())[1]
    assert measured(models.recurrent())[1] != measured(models.recurrent(), seed=3)[1]


def test_an_edge_costs_more_the_more_it_carries():
    graph, costs = measured(models.pipeline())
    cost = {
        (graph.nodes[edge.source].name, graph.nodes[edge.target].name): costs.edges[edge.id] for edge in graph.edges
    }
    assert cost["relu1", "fc2"] == cost["tanh", "fc3"] > cost["fc3", "loss"] > cost["label", "loss"]
    there_and_back = 2 * (4000 + 0.25 * models.ROWS * models.HIDDEN * 4) / 1e9
    assert cost["relu1", "fc2"] == pytest.approx(there_and_back)


def test_a_loop_costs_as_often_as_it_turns():
    graph, costs = measured(models.fours())
    cost = {
        (graph.nodes[edge.source].name, graph.nodes[edge.target].name): costs.edges[edge.id] for edge in graph.edges
    }
    assert cost["join", "cell"] > 4 * cost["loop-while", "out"]


def test_copies_of_a_layer_cost_the_same():
    graph, costs = measured(load_experiment(target("averaged")), variant=Variant(3))
    assert len({costs.nodes[graph.node(f"fc2-{number}").id] for number in range(3)}) == 1


def test_no_instance_is_admitted_after_the_time_is_up():
    class Watched(models.Blobs):
        seen = 0

        def __getitem__(self, index):
            Watched.seen += 1
            return super().__getitem__(index)

    def slow():
        return itertools.count(0, 10**9)

    experiment = amp.Experiment(models.perceptron, Watched(500, 0), optimizer=amp.SGD(0.1))
    experiment.graph()
    traced = Watched.seen
    _, costs = measured(experiment, slow, knobs={"max_active_keys": 2})
    assert Watched.seen == 3 * traced + 4  # traced twice more, and a pair each of warm-up and measurement
    assert min(costs.nodes) > 0


def test_even_one_instance_is_enough():
    _, costs = measured(amp.Experiment(models.perceptron, models.Blobs(1, 0)))
    assert min(costs.nodes) > 0


def test_a_profile_leaves_the_session_as_it_was(tmp_path: Path):
    specs = [
        RunSpec(
            target=models.target("pipeline"), backend="inline", workers=1, placement_policy=policy,
            knobs={"max_active_keys": 1},
        )
        for policy in ("round-robin", "cost")
    ]  # fmt: skip
    sessions = [Session(spec, tmp_path) for spec in specs]
    starts = [{name: array.copy() for name, array in session.store.arrays().items()} for session in sessions]
    assert all(np.array_equal(starts[0][name], starts[1][name]) for name in starts[0])
    outcomes = [run_session(session) for session in sessions]
    assert losses(outcomes[0]) == losses(outcomes[1])


def test_a_session_places_by_cost_and_keeps_wishes(tmp_path: Path):
    spec = RunSpec(
        target=target("averaged"), placement_policy="cost", placement={"fc3": 1}, variant=Variant(2), epochs=1
    )
    outcome = run_session(Session(spec, tmp_path))
    assert outcome["exit"] == 0
    assert outcome["nodes"]["fc3"]["worker"] == 1
    assert {outcome["nodes"][f"fc2-{number}"]["worker"] for number in (0, 1)} == {0, 1}


def test_round_robin_measures_nothing():
    experiment = models.pipeline()
    graph = experiment.graph()
    hosts, costs = placed(experiment, graph, RunSpec(target=""), experiment.knob_values(graph, {}))
    assert costs is None
    assert len(hosts) == len(graph.nodes)
