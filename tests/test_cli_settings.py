"""Settings of the command line that change the model before it starts: replicas, placement, optimizers."""

from __future__ import annotations

import re

import pytest

from ampviz.cli import main
from tests.runtime import models
from tests.runtime.replicated import target
from tests.test_cli import outcome


@pytest.mark.parametrize("mode", ["average", "shared"])
@pytest.mark.parametrize("backend", ["inline", "process"])
def test_replicas_are_copies_of_the_replicated_layer(capsys, backend, mode):
    code, result = outcome(
        capsys, target("averaged"), "--headless", "--backend", backend, "--workers", "2", "--replicas", "2",
        "--epochs", "1", "--set", f"replica_mode={mode}",
    )  # fmt: skip
    assert code == 0
    assert {result["nodes"][f"fc2-{number}"]["worker"] for number in (0, 1)} == {0, 1}
    assert [result["nodes"][f"fc2-{number}"]["updates"] for number in (0, 1)] == [13, 12]
    assert "fc2" not in result["nodes"]


def test_list_reduction_replicates_its_cell(capsys):
    code, result = outcome(
        capsys, "listred", "--backend", "inline", "--replicas", "3", "--epochs", "1", "--limit", "12",
        "--valid-limit", "2",
    )  # fmt: skip
    assert code == 0
    assert {"cell-0", "cell-1", "cell-2"} <= set(result["nodes"])
    assert all(result["nodes"][f"cell-{number}"]["updates"] for number in range(3))
    assert result["knobs"]["cell.min_update_interval"] == 12


def test_an_optimizer_of_a_node_brings_its_rate_unless_one_is_given(capsys):
    common = ("--backend", "inline", "--epochs", "1", "--set", "fc1.optimizer=adam", "--set", "fc2.optimizer=adagrad")
    code, result = outcome(capsys, models.target("pipeline"), *common, "--set", "fc2.learning_rate=0.5")
    assert code == 0
    rates = {name: result["knobs"].get(f"{name}.learning_rate") for name in ("fc1", "fc2", "fc3")}
    assert rates == {"fc1": 0.001, "fc2": 0.5, "fc3": None}


def test_the_graph_prints_copies_and_the_placement_by_cost(capsys):
    arguments = ["--workers", "2", "--replicas", "2", "--set", "placement=cost", "--set", "fc3.worker=1", "--seed", "3"]
    assert main(["graph", target("averaged"), *arguments]) == 0
    text = capsys.readouterr().out
    assert re.search(r"^fc2 +2 copies +averaged after each epoch$", text, re.MULTILINE)
    first, second = text.splitlines()[-2:]
    shares = [int(re.fullmatch(rf"worker {index} \((\d+)% of the measured time\): .+", line)[1])
              for index, line in enumerate((first, second))]  # fmt: skip
    assert sum(shares) == pytest.approx(100, abs=1)
    assert "fc3" in second.split()
    assert ("fc2-0" in first.split()) != ("fc2-0" in second.split())


def test_the_graph_says_that_every_worker_hosts_every_node(capsys):
    assert main(["graph", models.target("pipeline"), "--workers", "3", "--set", "placement=keys"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert re.fullmatch(r"every worker hosts all \d+ nodes; an instance stays with one of 3", last)
    assert main(["graph", models.target("pipeline"), "--set", "placement=keys", "--set", "fc1.worker=1"]) == 2
    assert "every worker hosts every node" in capsys.readouterr().err


def test_the_graph_shows_one_block_of_parameters(capsys):
    assert main(["graph", target("averaged"), "--replicas", "3", "--set", "replica_mode=shared"]) == 0
    assert re.search(r"^fc2 +3 copies +one block of parameters$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("command", ["run", "graph"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--replicas", "2"], ["--replicas", "no replicated layer", "amp.replicate"]),
        (["--set", "placement=best"], ["placement", "round-robin or cost", "'best'"]),
        (["--set", "replica_mode=own"], ["replica_mode", "average or shared", "'own'"]),
        (["--set", "replica_mode=shared"], ["replica_mode", "no copies of a layer", "--replicas N"]),
        (["--set", "fc1.optimizer=sdg"], ["fc1.optimizer", "sgd, momentum, adam, adagrad", "'sdg'"]),
        (["--set", "fc9.optimizer=sgd"], ["fc9.optimizer", "no layer with parameters", "fc1, fc2, fc3"]),
        (["--set", "relu1.optimizer=sgd"], ["relu1.optimizer", "fc1, fc2, fc3"]),
        (["--set", "fc1.freeze=perhaps"], ["freeze", "on or off"]),
        (["--set", "optimizer=adam"], ["optimizer", "NODE.optimizer"]),
    ],
)
def test_wrong_settings_are_one_line_and_exit_2(capsys, command, arguments, words):
    assert main([command, models.target("pipeline"), *arguments]) == 2
    captured = capsys.readouterr()
    (line,) = [line for line in captured.err.splitlines() if line.startswith("ampviz: ")]
    assert captured.out == ""
    for word in words:
        assert word in line


def test_the_optimizer_of_a_single_copy_cannot_differ(capsys):
    assert main(["graph", target("averaged"), "--replicas", "2", "--set", "fc2-0.optimizer=adam"]) == 2
    assert "no layer with parameters is called 'fc2-0'. Hint: layers: fc1, fc2, fc3" in capsys.readouterr().err
