"""`placement=keys`: every worker hosts every node, an instance stays with one of them, and all share the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from ampviz.errors import UsageError
from ampviz.experiment import Variant, load_experiment
from ampviz.graph import EVERY
from ampviz.nodes.parameterised import Parameterised
from ampviz.placement import place
from ampviz.runtime.commands import Admit, Drop, Retire
from ampviz.runtime.controller import Controller
from ampviz.runtime.outcome import node_figures
from ampviz.runtime.plan import ALL, Plan
from ampviz.runtime.profile import placed
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.board import Board
from tests.runtime import models
from tests.runtime.replicated import target
from tests.runtime.runs import losses, run_session, trained

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def spec(name="pipeline", **changes):
    defaults = {"target": models.target(name), "backend": "inline", "seed": 3, "epochs": 2, "limit": 20, "workers": 2}
    return RunSpec(**{**defaults, "placement_policy": "keys", **changes})


def at_one_key(**changes):
    return spec(knobs={"max_active_keys": 1, "min_update_interval": 1, "max_batch": 1}, **changes)


@pytest.mark.parametrize("backend", ["inline", "process"])
def test_at_one_key_the_workers_train_as_one_would_bit_for_bit(backend, tmp_path):
    alone, expected = trained(at_one_key(workers=1, placement_policy="round-robin"), tmp_path / "one")
    outcome, found = trained(at_one_key(backend=backend), tmp_path / "two")
    assert losses(outcome) == losses(alone)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


@pytest.mark.parametrize("backend", ["inline", "process"])
@pytest.mark.parametrize("name", ["pipeline", "recurrent"])
def test_every_worker_takes_its_share_of_the_instances_and_forgets_them(backend, name, tmp_path):
    session = Session(spec(name, backend=backend, knobs={"max_active_keys": 6}), tmp_path)
    outcome = run_session(session)
    assert outcome["exit"] == 0
    first, second = outcome["workers_detail"]
    assert min(first["messages"], second["messages"]) > 0  # who is faster takes more
    if backend == "inline":
        assert first["messages"] == pytest.approx(second["messages"], rel=0.2)
    assert set(session.placement) == {EVERY}
    assert {node["worker"] for node in outcome["nodes"].values()} <= {0, 1}
    source = outcome["nodes"]["x" if name == "pipeline" else "tokens"]
    valid = len(session.experiment.valid)
    assert source["forward"] == source["backward"] == 2 * (20 + valid)
    for worker in getattr(session.backend, "workers", []):
        assert worker.remembered() == {}


def test_the_worker_of_a_node_that_all_host_is_the_busiest_with_it():
    graph = models.pipeline().graph()
    board = Board(len(graph.nodes), 3)
    board.nodes["busy_ns"][:, 1] = (5, 4, 6)
    board.nodes["busy_ns"][:, 2] = (5, 7, 6)
    shown = list(node_figures(graph, [0, EVERY, EVERY, *[0] * (len(graph.nodes) - 3)], board).values())
    assert [node["worker"] for node in shown[:3]] == [0, 2, 1]
    board.close()


def test_the_staleness_counts_the_updates_of_all_workers(tmp_path):
    one_each = {"max_active_keys": 2, "min_update_interval": 1, "max_batch": 1}
    session = Session(spec(knobs=one_each), tmp_path)
    outcome = run_session(session)
    layers = [[slot.node for slot in worker.slots.values()] for worker in session.backend.workers]
    for ours, theirs in zip(*layers, strict=True):
        if isinstance(ours, Parameterised):
            assert ours.version == theirs.version == ours.updates + theirs.updates == 40
            assert outcome["nodes"][ours.name]["updates"] == 40
            # with one instance at a time a worker meets no update of its own between forward and backward
            assert outcome["nodes"][ours.name]["staleness_max"] > 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "keys"),
        ({"knobs": {"max_active_keys": 3}}, "keys"),
        ({"knobs": {"max_active_keys": 1}}, "nodes"),  # one instance cannot be with both
        ({"workers": 1}, "nodes"),
        ({"backend": "inline"}, "nodes"),
        ({"placement": {"fc1": 1}}, "nodes"),
        ({"variant": Variant(2), "target": target("averaged")}, "nodes"),  # copies are made to be apart
        ({"target": target("averaged")}, "keys"),
        ({"target": target("two_kinds")}, "nodes"),  # as many as the model itself says
        ({"placement_policy": "round-robin"}, "nodes"),
    ],
)
def test_auto_gives_instances_to_workers_where_that_can_keep_them_busy(changes, expected):
    asked = {"backend": "process", "placement_policy": "auto", "knobs": {"max_active_keys": 4}, **changes}
    wish = spec(**asked)
    experiment = load_experiment(wish.target)
    graph = experiment.graph(wish.variant)
    hosts, costs = placed(experiment, graph, wish, experiment.knob_values(graph, wish.knobs))
    assert costs is None
    assert ("keys" if set(hosts) == {EVERY} else "nodes") == expected
    if expected == "nodes":
        assert hosts == place(graph, wish.workers, wish.placement)


def test_only_the_owner_of_an_instance_hears_of_it():
    knobs = models.pipeline().knob_values(models.pipeline().graph(), {"max_active_keys": 5})
    controller = Controller(Plan(1, 20, 0, 0, 3, 1, by_key=True), knobs, clock=lambda: 0.0)
    controller.start()
    admitted = [(address, command) for address, command in controller.outbox if isinstance(command, Admit)]
    assert [(address, command.keys) for address, command in admitted] == [(0, (0, 3)), (1, (1, 4)), (2, (2,))]
    order = [index for _, command in sorted(admitted, key=lambda entry: entry[1].keys) for index in command.indices]
    assert sorted(order) == sorted(set(order))
    controller.outbox.clear()
    controller.drop(4)
    dropped = [(address, command) for address, command in controller.outbox if isinstance(command, Drop | Retire)]
    assert dropped
    assert all(address == 1 for address, _ in dropped)
    assert ALL not in [address for address, _ in dropped]


def test_a_node_cannot_be_placed_besides(tmp_path):
    with pytest.raises(UsageError, match="every worker hosts every node"):
        Session(spec(placement={"fc1": 1}), tmp_path)
