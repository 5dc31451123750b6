"""`ampviz export`: each format from a recording, which recording is meant, and one line for what cannot be."""

from __future__ import annotations

import csv
import gzip
import html
import json
from pathlib import Path

import pytest

from ampviz.cli import main
from ampviz.runtime.rundir import RECORDING, make_run_folder
from tests.telemetry.samples import INFO, event, point, report, snapshot, trace, write

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.fixture
def here(tmp_path: Path, monkeypatch) -> Path:
    """The current folder."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def recorded(path: Path) -> Path:
    return write(
        path,
        snapshot(0.5, new_points=(point(1),), trace=trace(3).tobytes()),
        snapshot(1.0, new_epochs=(report(1),), new_events=(event(1),)),
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_perfetto(here, capsys):
    assert main(["export", str(recorded(here / "a")), "--to", "perfetto", "-o", "out.json"]) == 0
    assert len([each for each in json.loads((here / "out.json").read_text())["traceEvents"] if each["ph"] == "X"]) == 4
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "out.json  3 units of work, from 0.0 to 0.0 s\n"


def test_perfetto_packed(here):
    assert main(["export", str(recorded(here / "a")), "--to", "perfetto", "-o", "out.json.gz"]) == 0
    assert json.loads(gzip.decompress((here / "out.json.gz").read_bytes()))["traceEvents"]


def test_csv_is_two_tables(here):
    assert main(["export", str(recorded(here / "a")), "--to", "csv", "-o", "out"]) == 0
    assert names(here) == ["a", "out-metrics.csv", "out-nodes.csv"]
    with (here / "out-metrics.csv").open(newline="") as file:
        assert [row["kind"] for row in csv.DictReader(file)] == ["point", "epoch", "knob"]


def test_tensorboard_is_a_folder(here):
    assert main(["export", str(recorded(here / "a")), "--to", "tensorboard", "-o", "logs"]) == 0
    (file,) = (here / "logs").iterdir()
    assert "tfevents" in file.name


def test_svg_is_the_screen_at_a_time(here):
    file = recorded(here / "a")
    assert main(["export", str(file), "--to", "svg", "-o", "end.svg"]) == 0
    assert main(["export", str(file), "--to", "svg", "--at", "0.5", "-o", "half.svg"]) == 0
    words = [html.unescape((here / name).read_text()).replace("\xa0", " ") for name in ("half.svg", "end.svg")]
    assert all("REPLAY (RUN)" in each for each in words)
    assert ["00:00:00.5" in each for each in words] == [True, False]
    assert ["00:00:01.0" in each for each in words] == [False, True]
    assert main(["export", str(file), "--to", "csv", "--at", "0.5"]) == 2


def test_without_a_file_the_newest_is_meant_and_the_session_names_what_is_written(here):
    recorded(make_run_folder("demo") / RECORDING)
    assert main(["export", "--to", "csv"]) == 0
    assert names(here) == [f"{INFO.id}-metrics.csv", f"{INFO.id}-nodes.csv"]


def test_a_session_may_be_named(here):
    folder = make_run_folder("demo")
    recorded(folder / RECORDING)
    assert main(["export", folder.name, "--to", "csv", "-o", "a"]) == 0
    assert main(["export", str(folder), "--to", "csv", "-o", "b"]) == 0
    assert names(here) == ["a-metrics.csv", "a-nodes.csv", "b-metrics.csv", "b-nodes.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "csv"], "there is no recording"),
        (["nothing", "--to", "csv"], "no such file"),
        (["here", "--to", "csv"], "has no recording"),
        (["foreign", "--to", "csv"], "not a recording"),
        (["file", "--to", "perfetto", "-o", "foreign"], "exists already"),
        (["file", "--to", "csv", "-o", "absent/out"], "cannot be written: No such file"),
        (["file", "--to", "tensorboard", "-o", "here"], "exists already"),
        (["file", "--to", "tensorboard", "-o", "foreign"], "exists already"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(here, capsys, arguments, words):
    recorded(here / "file")
    (here / "foreign").write_text("mine")
    (here / "here").mkdir()
    (here / "here" / "kept").touch()
    assert main(["export", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("ampviz: ")
    assert words in line
    assert names(here) == ["file", "foreign", "here"]
    assert (here / "foreign").read_text() == "mine"


def test_an_unknown_format_is_wrong_usage(here, capsys):
    with pytest.raises(SystemExit) as raised:
        main(["export", "--to", "xml"])
    assert raised.value.code == 2
    assert "perfetto" in capsys.readouterr().err
