"""`placement=keys`: every worker hosts every node, an instance stays with one of them, and all share the parameters."""

from __future__ import annotations

import numpy as np
import pytest

from ampviz.errors import UsageError
from ampviz.graph import EVERY
from ampviz.runtime.commands import Admit, Drop, Retire
from ampviz.runtime.controller import Controller
from ampviz.runtime.plan import ALL, Plan
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from tests.runtime import models
from tests.runtime.runs import losses, run_session, trained

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def spec(name="pipeline", **changes):
    defaults = {"backend": "inline", "seed": 3, "epochs": 2, "limit": 20, "workers": 2, "placement_policy": "keys"}
    return RunSpec(target=models.target(name), **{**defaults, **changes})


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
    for node in outcome["nodes"].values():
        assert node["worker"] == EVERY
    source = outcome["nodes"]["x" if name == "pipeline" else "tokens"]
    valid = len(session.experiment.valid)
    assert source["forward"] == source["backward"] == 2 * (20 + valid)
    for worker in getattr(session.backend, "workers", []):
        assert worker.remembered() == {}


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
