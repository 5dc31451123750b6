"""The demos: they trace to the graphs they describe, learn a little at once, and reach their targets in time."""

from __future__ import annotations

import pytest

from ampviz.experiment import load_experiment
from tests.test_cli import outcome


def test_list_reduction_learns_within_a_few_buckets(capsys):
    code, result = outcome(
        capsys, "listred", "--backend", "inline", "--epochs", "2", "--limit", "40", "--valid-limit", "10"
    )
    assert code == 0
    first, second = result["epochs"]
    assert second["valid_loss"] < first["valid_loss"] < 2.4
    assert first["rows"] > 3000


def test_list_reduction_is_a_loop_of_one_cell():
    graph = load_experiment("listred").graph()
    names = {node.name for node in graph.nodes}
    assert {"embed", "cell", "out", "loss", "loop-phi", "loop-step", "loop-while"} <= names
    assert graph.node("cell").parameter_shapes() == {"W": (128, 128), "U": (128, 128), "b": (128,)}


def test_mnist_has_three_wide_layers(data_folder):
    graph = load_experiment("mnist").graph()
    heavy = [node.note() for node in graph.nodes if node.heavy]
    assert heavy == ["784 -> 784", "784 -> 784", "784 -> 784", "784 -> 10"]


def test_mnist_learns_within_a_few_batches(capsys, data_folder):
    code, result = outcome(capsys, "mnist", "--epochs", "1", "--limit", "60", "--valid-limit", "10")
    assert code == 0
    assert result["epochs"][0]["metrics"]["accuracy"] > 0.3


def test_the_sentiment_model_walks_trees(data_folder):
    graph = load_experiment("sst").graph()
    assert [port.node.name for port in graph.node("node").inputs] == ["leaves", "branch"]
    assert graph.node("embed").parameter_shapes()["table"][1] == 100


@pytest.mark.slow
def test_sentiment_learns_within_a_few_hundred_trees(capsys, data_folder):
    code, result = outcome(capsys, "sst", "--epochs", "1", "--limit", "800", "--valid-limit", "100")
    assert code == 0
    assert result["epochs"][0]["metrics"]["accuracy"] > 0.68
    assert result["nodes"]["branch"]["forward"] == 2 * result["nodes"]["branch"]["backward"]  # two children, one parent


@pytest.mark.slow
def test_dipole_moments_are_learned_within_a_thousand_molecules(capsys, data_folder):
    code, result = outcome(capsys, "qm9", "--epochs", "2", "--limit", "1000", "--valid-limit", "300")
    assert code == 0
    first, second = result["epochs"]
    assert second["train_loss"] < first["train_loss"] < 1.1
    assert second["metrics"]["error_ratio"] == pytest.approx(second["metrics"]["mae"] * 14.1, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("keys", ["1", "16"])
def test_deduction_is_learned_without_a_mistake(capsys, data_folder, keys):
    code, result = outcome(capsys, "babi15", "--max-active-keys", keys, "--target", "accuracy>=1.0", "--epochs", "3")
    assert code == 0
    assert result["epochs"][-1]["metrics"]["accuracy"] == 1.0


@pytest.mark.slow
def test_mnist_reaches_its_target(capsys, data_folder):
    code, result = outcome(capsys, "mnist", "--max-active-keys", "4", "--target", "accuracy>=0.97", "--epochs", "5")
    assert code == 0
    assert result["epochs"][-1]["metrics"]["accuracy"] >= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("keys", ["1", "4"])
def test_list_reduction_reaches_its_target(capsys, keys):
    code, result = outcome(capsys, "listred", "--max-active-keys", keys, "--target", "accuracy>=0.97", "--epochs", "12")
    assert code == 0
    assert result["epochs"][-1]["metrics"]["accuracy"] >= 0.97
