"""The command line: its contract of fields and exit codes, and one clear line for everything wrong."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ampviz.cli import main
from ampviz.knobs import KNOBS
from ampviz.runtime.rundir import runs_root
from ampviz.telemetry.reading import Recording
from ampviz.telemetry.snapshot import Status
from tests.runtime.models import target

EPOCH = {
    "epoch", "train_loss", "valid_loss", "metrics", "instances", "rows", "seconds", "instances_per_s", "rows_per_s",
    "valid_instances_per_s", "max_in_flight",
}  # fmt: skip
NODE = {
    "worker", "forward", "backward", "updates", "staleness_mean", "staleness_p95", "staleness_max", "busy_s",
    "max_queue",
}  # fmt: skip


def outcome(capsys, *arguments):
    """Exit code and the JSON object of the last line of standard output."""
    code = main(["run", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize("backend", ["inline", "process"])
def test_the_json_has_the_fields_of_the_contract(capsys, tmp_path, backend):
    code, result = outcome(
        capsys, target("pipeline"), "--headless", "--backend", backend, "--workers", "2", "--epochs", "2",
        "--limit", "9", "--valid-limit", "2", "--seed", "8", "--max-active-keys", "3", "--lr", "0.05",
    )  # fmt: skip
    assert code == result["exit"] == 0
    assert set(result) == {
        "target", "backend", "workers", "seed", "exit", "epochs", "recording", "knobs", "nodes", "workers_detail",
    }  # fmt: skip
    assert (result["target"], result["backend"], result["workers"], result["seed"]) == (
        target("pipeline"), backend, 2, 8,
    )  # fmt: skip
    assert [set(epoch) for epoch in result["epochs"]] == [EPOCH, EPOCH]
    assert [epoch["epoch"] for epoch in result["epochs"]] == [1, 2]
    first = result["epochs"][0]
    assert (first["instances"], first["rows"], first["max_in_flight"]) == (9, 45, 3)
    assert first["instances_per_s"] == pytest.approx(9 / first["seconds"])
    assert first["rows_per_s"] == pytest.approx(45 / first["seconds"])
    assert set(first["metrics"]) == {"accuracy"}
    assert result["nodes"].keys() >= {"x", "label", "fc1", "relu1", "loss"}
    assert all(set(node) == NODE for node in result["nodes"].values())
    assert result["nodes"]["fc1"]["updates"] == 18
    assert [set(worker) for worker in result["workers_detail"]] == [
        {"pid", "busy_share", "kernel_share", "messages"}
    ] * 2
    assert result["knobs"].items() >= {"max_active_keys": 3, "learning_rate": 0.05}.items()
    assert Path(result["recording"]).parent.parent == tmp_path / "state" / "runs"
    with closing(Recording(Path(result["recording"]))) as recording:
        assert recording.info.target == target("pipeline")
        assert [report.epoch for _, report in recording.epochs()] == [1, 2]
        assert recording.snapshot(-1).status is Status.FINISHED


def test_nothing_but_the_json_goes_to_standard_output(capsys):
    main(["run", target("pipeline"), "--backend", "inline", "--epochs", "1"])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "epoch 1/1" in captured.err
    assert "accuracy" in captured.err


def test_set_reaches_single_nodes_and_places_them(capsys):
    code, result = outcome(
        capsys, target("pipeline"), "--backend", "inline", "--epochs", "1",
        "--set", "fc1.min_update_interval=4", "--set", "fc3.worker=1", "--set", "policy=fifo",
    )  # fmt: skip
    assert code == 0
    assert result["nodes"]["fc1"]["updates"] == 6
    assert result["nodes"]["fc2"]["updates"] == 24
    assert result["nodes"]["fc3"]["worker"] == 1
    assert result["knobs"]["fc1.min_update_interval"] == 4
    assert result["knobs"]["policy"] == "fifo"


def test_a_target_that_is_reached_ends_the_run_early(capsys):
    code, result = outcome(capsys, target("pipeline"), "--backend", "inline", "--target", "accuracy>=0.1")
    assert code == 0
    assert len(result["epochs"]) == 1


def test_a_recording_is_written_and_never_overwritten(capsys, tmp_path: Path):
    file = tmp_path / "run.sqlite"
    code, result = outcome(capsys, target("pipeline"), "--backend", "inline", "--epochs", "1", "--record", str(file))
    assert code == 0
    assert result["recording"] == str(file)
    written = file.read_bytes()
    assert main(["run", target("pipeline"), "--backend", "inline", "--record", str(file)]) == 2
    assert file.read_bytes() == written


def test_a_run_may_leave_no_recording(capsys, tmp_path: Path):
    code, result = outcome(capsys, target("pipeline"), "--backend", "inline", "--epochs", "1", "--no-record")
    assert (code, result["recording"]) == (0, None)
    assert not list(tmp_path.rglob("*.ampviz"))


@pytest.mark.parametrize("backend", ["inline", "process"])
def test_a_run_that_fails_exits_with_1_and_keeps_its_recording(capsys, tmp_path: Path, backend):
    file = tmp_path / "run.sqlite"
    code = main(["run", target("breaking"), "--backend", backend, "--headless", "--json", "--record", str(file)])
    captured = capsys.readouterr()
    assert code == 1
    assert json.loads(captured.out)["exit"] == 1
    assert "bad.F key=" in captured.err
    with closing(sqlite3.connect(file)) as recording:
        (text,) = recording.execute("select text from events where kind = 'ERROR'").fetchone()
    assert "cannot stomach this row" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mnst"], ["mnst", "did you mean mnist?"]),
        (["/nowhere/model.py:f"], ["/nowhere/model.py", "no such file"]),
        ([target("nothing")], ["no function 'nothing'"]),
        ([target("raising")], ["models.py:", "AttributeError"]),
        ([target("Blobs")], ["Blobs"]),
        ([target("pipeline"), "--max-active-keys", "0"], ["max_active_keys", "from 1", "0"]),
        ([target("pipeline"), "--max-active-keys", "many"], ["max_active_keys", "whole number", "many"]),
        ([target("pipeline"), "--set", "fc1.colour=3"], ["colour"]),
        ([target("pipeline"), "--set", "fc9.learning_rate=3"], ["fc9", "fc1"]),
        ([target("pipeline"), "--set", "learning_rate"], ["NODE.KNOB=VALUE"]),
        ([target("pipeline"), "--set", "fc1.worker=7"], ["no worker 7"]),
        ([target("pipeline"), "--set", "fc1.worker=x"], ["fc1.worker", "whole number"]),
        ([target("pipeline"), "--set", "fc7.worker=0"], ["fc7"]),
        ([target("pipeline"), "--target", "beauty>=1"], ["beauty", "accuracy"]),
        ([target("pipeline"), "--target", "nonsense"], ["--target", "nonsense"]),
        ([target("pipeline"), "--replicas", "2"], ["replicas"]),
        ([target("pipeline"), "--record", "/nowhere/run.sqlite"], ["/nowhere/run.sqlite"]),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2_and_leaves_no_run_behind(capsys, arguments, words):
    assert main(["run", *arguments, "--headless"]) == 2
    assert not list(runs_root().glob("*"))
    captured = capsys.readouterr()
    (line,) = [line for line in captured.err.splitlines() if line.startswith("ampviz: ")]
    assert "Traceback" not in captured.err
    assert captured.out == ""
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["run"], ["run", "mnist", "--epochs", "0"], ["run", "mnist", "--workers", "two"]]
)
def test_what_cannot_be_parsed_exits_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2


@pytest.mark.parametrize(
    "command", [[], ["run"], ["ls"], ["attach"], ["graph"], ["resume"], ["data"], ["data", "fetch"]]
)
def test_every_command_has_help(capsys, command):
    with pytest.raises(SystemExit) as raised:
        main([*command, "--help"])
    assert raised.value.code == 0
    assert "usage: ampviz" in capsys.readouterr().out


def test_the_help_of_run_names_every_knob_and_gives_examples(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in KNOBS)
    assert "examples:" in text


def test_graph_prints_the_model_and_its_placement(capsys):
    assert main(["graph", target("pipeline"), "--workers", "3"]) == 0
    text = capsys.readouterr().out
    assert "graph perceptron" in text
    assert [line.split(":")[0] for line in text.splitlines()[-3:]] == ["worker 0", "worker 1", "worker 2"]
    assert "every worker hosts all" in text  # by default, with as many instances in flight


def test_the_graph_of_one_instance_in_flight_is_spread(capsys):
    assert main(["graph", target("pipeline"), "--max-active-keys", "1"]) == 0
    assert "every worker" not in capsys.readouterr().out


def test_data_list_says_where_each_file_is_or_that_it_is_missing(capsys, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("AMPVIZ_DATA", str(tmp_path))
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist/train-labels-idx1-ubyte.gz").write_bytes(b"")
    assert main(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines if str(tmp_path) in line] == ["mnist/train-labels-idx1-ubyte.gz"]
    assert sum(line.endswith("missing") for line in lines) == len(lines) - 1


def test_missing_data_is_one_line_with_the_command_that_fetches_it(capsys, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("AMPVIZ_DATA", str(tmp_path))
    assert main(["run", "mnist", "--headless"]) == 2
    assert "ampviz data fetch mnist" in capsys.readouterr().err


def test_an_unknown_data_set_cannot_be_fetched(capsys):
    assert main(["data", "fetch", "imagenet"]) == 2
    assert "mnist" in capsys.readouterr().err


def test_a_finished_run_resumes_to_more_epochs(capsys, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("AMPVIZ_STATE", str(tmp_path))
    assert outcome(capsys, target("pipeline"), "--backend", "inline", "--epochs", "2")[0] == 0
    (checkpoint,) = tmp_path.glob("runs/*/checkpoint.safetensors")
    assert main(["resume", str(checkpoint), "--epochs", "3", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [epoch["epoch"] for epoch in result["epochs"]] == [1, 2, 3]


@pytest.mark.parametrize("content", [None, b"", b"not a checkpoint"])
def test_resuming_from_what_is_no_checkpoint_is_one_line(capsys, tmp_path: Path, content):
    file = tmp_path / "checkpoint.safetensors"
    if content is not None:
        file.write_bytes(content)
    assert main(["resume", str(file)]) == 2
    assert str(file) in capsys.readouterr().err


@pytest.mark.parametrize("command", [[], ["run"], ["ls"], ["attach"], ["graph"], ["resume"], ["data"]])
def test_help_comes_without_what_takes_long_to_import(command):
    """It also sets the number of BLAS threads, which only counts before numpy is there."""
    code = """if True:
        import sys
        from ampviz.cli import main
        try:
            main([*sys.argv[1:], "--help"])
        finally:
            print({"numpy", "textual", "rich", "uvloop", "msgspec", "asyncio"} & set(sys.modules), file=sys.stderr)
    """
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "usage: ampviz" in done.stdout
    assert done.stderr == "set()\n"


def test_the_module_runs_like_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "ampviz", "graph", target("pipeline")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0
    assert "graph perceptron" in done.stdout


def test_a_reader_that_leaves_is_no_error():
    done = subprocess.run(
        f"{sys.executable} -m ampviz graph {target('pipeline')} | true", shell=True, capture_output=True, timeout=60
    )
    assert done.stderr == b""
