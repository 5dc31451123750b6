"""What a TARGET names, what is said where it names nothing, and the knobs an experiment starts with."""

from __future__ import annotations

import sys

import pytest

import ampviz as amp
from ampviz import nodes as nn
from ampviz.errors import DataError, KnobError, UsageError
from ampviz.experiment import Experiment, demo_path, load_experiment
from ampviz.knobs import KNOBS
from tests.instances import instances

GOOD = """\
import ampviz as amp
from ampviz import nodes as nn
from tests.instances import instances


def model(x, label):
    nn.SoftmaxCrossEntropy(name="loss")(nn.Linear(4, 2, name="fc")(x), label)


def tiny():
    return amp.Experiment(model=model, train=instances(), epochs=EPOCHS)


number = 3


def wrong():
    return number


def raises():
    raise ValueError("first\\nsecond")


def refuses():
    amp.SGD(-1.0)
""".replace("EPOCHS", "{epochs}")


@pytest.fixture(autouse=True)
def own_imports(monkeypatch):
    """Give back the module path and the modules as they were."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a file and a package that hold experiments, and files that do not import."""
    (tmp_path / "good.py").write_text(GOOD.format(epochs=3))
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "module.py").write_text(GOOD.format(epochs=4))
    (tmp_path / "beside.py").write_text("from good import tiny\n")
    (tmp_path / "broken.py").write_text("import no_such_module_at_all\n")
    (tmp_path / "grammar.py").write_text("def (:\n")
    (tmp_path / "loud.py").write_text("raise RuntimeError('two\\nlines')\n")
    (tmp_path / "strict.py").write_text("import ampviz as amp\namp.Adam(beta1=7)\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "epochs"),
    [("good.py:tiny", 3), ("./good.py:tiny", 3), ("package.module:tiny", 4), ("beside.py:tiny", 3)],
)
@pytest.mark.usefixtures("folder")
def test_a_target_names_a_function_of_a_file_or_module(target, epochs):
    experiment = load_experiment(target)
    assert isinstance(experiment, Experiment)
    assert experiment.epochs == epochs
    assert [node.name for node in experiment.graph().nodes] == ["x", "label", "fc", "loss"]


def test_a_file_is_found_by_its_whole_path(folder, monkeypatch):
    monkeypatch.chdir("/")
    assert load_experiment(f"{folder / 'good.py'}:tiny").epochs == 3


def test_a_changed_file_is_read_again(folder):
    load_experiment("good.py:tiny")
    (folder / "good.py").write_text(GOOD.format(epochs=17))
    assert load_experiment("good.py:tiny").epochs == 17


def test_list_reduction_is_a_demo():
    experiment = load_experiment("listred")
    graph = experiment.graph()
    assert graph.parameter_count(graph.node("cell")) == 256 * 128 + 128
    assert experiment.valid is not None
    values = experiment.knob_values(graph, {})
    assert values.get("min_update_interval", "cell") == 12
    assert values.get("learning_rate") == 0.003


def test_mnist_is_a_demo(monkeypatch):
    splits = []

    def digits(split):
        splits.append(split)
        return instances()

    monkeypatch.setattr("ampviz.data.mnist.mnist", digits)
    experiment = load_experiment("mnist")
    assert splits == ["train", "valid"]
    assert (experiment.model.__name__, experiment.epochs) == ("perceptron", 5)


def test_demos_lie_where_they_are_said_to():
    for name in ("mnist", "listred"):
        assert demo_path(name).is_file()
        assert demo_path(name).name == f"{name}.py"


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (
            "minst",
            "no target is called 'minst'. Hint: did you mean mnist? give one of mnist, listred, sst, babi15, qm9, or",
        ),
        ("list_red", "did you mean listred?"),
        (
            "",
            "no target is called ''. Hint: give one of mnist, listred, sst, babi15, qm9, or file.py:function, or",
        ),
        ("good.py", "no target is called 'good.py'"),
        ("absent.py:tiny", "absent.py: no such file"),
        ("package.py:tiny", "package.py: no such file"),
        ("good.py:", "good.py:: no function '' there"),
        ("good.py:tinny", "good.py:tinny: no function 'tinny' there"),
        ("good.py:number", "good.py:number: no function 'number' there"),
        ("good.py:wrong", "good.py:wrong: wrong() must return an amp.Experiment (got int)"),
        ("good.py:raises", "good.py:raises: raises() raised ValueError: first second"),
        ("package.module:tinny", "package.module:tinny: no function 'tinny' there"),
        ("package.modul:tiny", "package.modul: cannot be imported: ModuleNotFoundError: No module named"),
        (":tiny", "cannot be imported: ValueError: Empty module name"),
        (".module:tiny", ".module: cannot be imported: TypeError"),
        (
            "broken.py:tiny",
            "broken.py: cannot be imported: ModuleNotFoundError: No module named 'no_such_module_at_all'",
        ),
        ("grammar.py:tiny", "grammar.py: cannot be imported: SyntaxError"),
        ("loud.py:tiny", "loud.py: cannot be imported: RuntimeError: two lines"),
        ("loud:tiny", "loud: cannot be imported: RuntimeError: two lines"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_target_that_names_no_experiment_is_a_usage_error_of_one_line(target, text):
    with pytest.raises(UsageError) as caught:
        load_experiment(target)
    assert text in str(caught.value)
    assert caught.value.exit_code == 2
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("target", ["good.py:refuses", "strict.py:tiny"])
@pytest.mark.usefixtures("folder")
def test_errors_of_ampviz_itself_pass_through(target):
    with pytest.raises(KnobError, match=r"^(learning_rate|beta1): "):
        load_experiment(target)


def test_missing_data_of_a_demo_is_a_data_error(monkeypatch, tmp_path):
    monkeypatch.setenv("AMPVIZ_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"Hint: .*ampviz data fetch mnist"):
        load_experiment("mnist")


def small(x, label):
    nn.SoftmaxCrossEntropy(name="loss")(nn.Linear(4, 2, name="fc")(nn.ReLU(name="relu")(x)), label)


@pytest.mark.parametrize(
    ("own", "changes", "rate"),
    [
        ({}, {}, 0.003),
        ({"learning_rate": 0.5}, {}, 0.5),
        ({"learning_rate": 0.5}, {"learning_rate": "0.25"}, 0.25),
        ({"fc.learning_rate": 0.5}, {"learning_rate": 0.25}, 0.5),
    ],
)
def test_knobs_come_from_the_optimizer_then_the_experiment_then_the_session(own, changes, rate):
    experiment = Experiment(small, instances(), optimizer=amp.Adam(0.003), knobs=own)
    values = experiment.knob_values(experiment.graph(), changes)
    assert values.get("learning_rate", "fc") == rate
    assert values.get("max_batch") == KNOBS["max_batch"].default


def test_only_nodes_with_parameters_have_knobs_of_their_own():
    experiment = Experiment(small, instances())
    with pytest.raises(KnobError, match="no node with parameters is called 'relu'"):
        experiment.knob_values(experiment.graph(), {"relu.learning_rate": 1})


def test_an_experiment_has_sensible_defaults():
    first, second = Experiment(small, instances()), Experiment(small, instances())
    assert (first.valid, first.optimizer, first.epochs, first.knobs) == (None, amp.SGD(0.1), 10, {})
    assert first.knobs is not second.knobs
