"""`ampviz run --detach`, `ampviz ls` and `ampviz attach`: sessions that go on without a terminal, and finding them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ampviz.cli import main
from ampviz.commands.sessions import chosen, outcome_line, table
from ampviz.errors import UsageError
from ampviz.listed import Listed
from ampviz.runtime.catalogue import Entry, conclude, entered
from ampviz.telemetry.link import Finished
from tests.runtime.models import target
from tests.telemetry.samples import INFO

DEADLINE_S = 60
EPOCH = {"train_loss": 0.25, "instances_per_s": 1234.5, "metrics": {"accuracy": 0.875}}


def ampviz(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ampviz", *arguments], capture_output=True, text=True, timeout=DEADLINE_S
    )


def until(reached) -> None:
    """Ask again and again, for what another process is to do; asking takes it a while."""
    end = time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < end, "the deadline is over"


def ended(pid: int) -> None:
    """Wait until a process that may be no child of ours has left."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        try:
            assert select.select([fd], [], [], DEADLINE_S)[0], "the deadline is over"
        finally:
            os.close(fd)


def gone(pid: int) -> bool:
    """Whether a process that is no child of ours has left; one that nobody reaps has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def detached() -> Iterator:
    """Starts detached sessions, and ends those that are left."""
    pids = []

    def start(name: str, *arguments: str) -> dict:
        done = ampviz("run", target(name), "--detach", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        pids.append(json.loads(done.stdout)["pid"])
        return json.loads(done.stdout)

    yield start
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        ended(pid)


def listed() -> list[dict]:
    done = ampviz("ls", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_a_detached_session_goes_on_is_listed_and_stops_with_its_state_saved(detached):
    one = detached("endless", "--backend", "inline")
    (line,) = listed()
    assert (line["id"], line["pid"], line["folder"]) == (one["id"], one["pid"], one["folder"])
    assert (line["status"], line["target"], line["viewers"], line["exit"]) == ("running", target("endless"), 0, None)
    first = line["epoch"]
    until(lambda: listed()[0]["epoch"] > first)
    folder = Path(one["folder"])
    assert (folder / "link").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    os.kill(one["pid"], signal.SIGINT)
    ended(one["pid"])
    (line,) = listed()
    assert (line["status"], line["exit"]) == ("interrupted", 130)
    assert not (folder / "link").exists()
    done = ampviz("attach")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no session is under way" in done.stderr
    done = ampviz("attach", one["id"][:-4])
    assert done.returncode == 130
    assert done.stdout.startswith(f"{one['id']} was interrupted after ")
    assert f"ampviz resume {folder / 'checkpoint.safetensors'}" in done.stdout


@pytest.mark.slow
def test_a_killed_session_is_dead_and_its_socket_deceives_nobody(detached):
    one = detached("endless", "--workers", "2")
    os.kill(one["pid"], signal.SIGKILL)
    ended(one["pid"])
    assert (Path(one["folder"]) / "link").exists()
    assert [(line["id"], line["status"], line["exit"]) for line in listed()] == [(one["id"], "dead", None)]
    done = ampviz("attach", one["id"])
    assert done.returncode == 1
    assert done.stdout.startswith(f"{one['id']} died without an outcome, its log: {one['folder']}/log")


@pytest.mark.slow
def test_a_session_that_hangs_does_not_hang_the_list(detached):
    hanging, other = detached("endless", "--backend", "inline"), detached("endless", "--backend", "inline")
    os.kill(hanging["pid"], signal.SIGSTOP)
    assert {line["id"]: line["status"] for line in listed()} == {
        hanging["id"]: "no answer",
        other["id"]: "running",
    }


def test_for_a_person_the_id_is_the_only_thing_on_standard_output():
    done = ampviz("run", target("pipeline"), "--backend", "inline", "--detach", "--epochs", "1")
    assert done.returncode == 0
    (folder,) = Path(os.environ["AMPVIZ_STATE"]).glob("runs/*")
    assert done.stdout == f"{folder.name}\n"
    assert done.stderr == f"it goes on; look at it with: ampviz attach {folder.name}\n"
    until(lambda: listed()[0]["exit"] == 0 and not (folder / "link").exists())
    assert msgspec.json.decode((folder / "outcome.json").read_bytes(), type=Finished).exit == 0
    assert ampviz("attach", folder.name).stdout.startswith(f"{folder.name} finished after 1 of 1 epochs, train loss ")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["mnst"], 2, "did you mean mnist?"),
        ([target("pipeline"), "--max-active-keys", "0"], 2, "max_active_keys"),
        ([target("pipeline"), "--record", "/nowhere/run.sqlite"], 2, "/nowhere/run.sqlite"),
        (["resume", "/nowhere/checkpoint"], 2, "/nowhere/checkpoint"),
    ],
)
def test_what_cannot_start_is_one_line_and_leaves_nothing(capsys, arguments, code, words):
    command = arguments if arguments[0] == "resume" else ["run", *arguments]
    assert main([*command, "--detach"]) == code
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("ampviz: ")
    assert words in line
    assert captured.out == ""
    assert main(["ls", "--json"]) == 0
    assert capsys.readouterr().out == ""


@contextlib.contextmanager
def folder(name: str, *, live: bool = False, outcome: Finished | None = None) -> Iterator[Path]:
    """A run folder of this name, whose session lives as long as the context."""
    made = Path(os.environ["AMPVIZ_STATE"]) / "runs" / name
    made.mkdir(parents=True)
    info = msgspec.structs.replace(INFO, id=name, pid=os.getpid())
    with contextlib.ExitStack() as stack:
        with entered(made, info) if not live else contextlib.nullcontext():
            if outcome:
                conclude(made, outcome)
        if live:
            stack.enter_context(entered(made, info))
        yield made


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        (Finished(0, "", {"exit": 0, "epochs": [EPOCH] * 3}), 0,
         "one finished after 3 of 3 epochs, train loss 0.2500, accuracy 0.8750"),
        (Finished(1, "fc1: the loss is not finite", {"exit": 1}), 1, "one failed: fc1: the loss is not finite"),
        (Finished(130, "", {"exit": 130, "epochs": []}), 130, "one was interrupted after 0 of 3 epochs"),
        (None, 1, "one died without an outcome, its log: {folder}/log"),
    ],
)  # fmt: skip
def test_attaching_to_an_ended_session_says_how_it_ended(capsys, outcome, code, words):
    with folder("one", outcome=outcome) as where:
        assert main(["attach", "one"]) == code
        assert capsys.readouterr().out == words.format(folder=where) + "\n"
        (where / "checkpoint.safetensors").touch()
        again = outcome_line(Entry(where, msgspec.structs.replace(INFO, id="one"), False, outcome))
        assert again.endswith(f"ampviz resume {where / 'checkpoint.safetensors'}") is (code != 0)
        if outcome:
            assert main(["attach", "one", "--json"]) == code
            assert json.loads(capsys.readouterr().out) == outcome.report


def test_the_ui_needs_a_terminal(capsys):
    with folder("one", live=True):
        assert main(["attach"]) == 2
    assert capsys.readouterr().err == "ampviz: the UI needs a terminal. Hint: ampviz ls shows what sessions do\n"


def test_a_session_without_its_socket_is_starting_and_one_with_a_dead_socket_gives_no_answer(capsys):
    with folder("1-starting", live=True), folder("2-silent", live=True) as silent:
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(silent / "link"))
        assert main(["ls", "--json"]) == 0
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert [(line["id"], line["status"]) for line in lines] == [("2-silent", "no answer"), ("1-starting", "starting")]


def test_without_sessions_the_list_says_how_to_start_one(capsys):
    assert main(["ls"]) == 0
    assert capsys.readouterr() == ("", "no sessions: ampviz run TARGET starts one\n")


NAMES = ["20260101-120000-mnist", "20260101-120500-listred", "20260102-090000-listred"]
ENTRIES = [
    Entry(Path(name), msgspec.structs.replace(INFO, id=name), live, None)
    for name, live in zip(NAMES, (True, True, False), strict=True)
]


@pytest.mark.parametrize(
    ("text", "name"), [(None, NAMES[1]), (NAMES[0], NAMES[0]), ("20260102", NAMES[2]), ("20260101-1205", NAMES[1])]
)
def test_a_session_is_found_by_a_beginning_or_is_the_newest_that_lives(text, name):
    assert chosen(ENTRIES, text).info.id == name


def test_an_id_that_begins_another_is_itself():
    longer = Entry(Path(), msgspec.structs.replace(INFO, id=f"{NAMES[0]}-1"), True, None)
    assert chosen([ENTRIES[0], longer], NAMES[0]) is ENTRIES[0]


@pytest.mark.parametrize(
    ("entries", "text", "words"),
    [
        (ENTRIES, "20260101", f"several sessions begin with '20260101'. Hint: {NAMES[1]}, {NAMES[0]}"),
        (ENTRIES, "20260101-listred", f"no session is called '20260101-listred'. Hint: did you mean {NAMES[1]} or "),
        (ENTRIES, "x", "no session is called 'x'. Hint: ampviz ls lists them"),
        ([], "x", "no session is called 'x'. Hint: ampviz ls lists them"),
        (ENTRIES[2:], None, "no session is under way. Hint: ampviz run TARGET --detach starts one"),
    ],
)
def test_an_id_that_is_none_offers_the_nearest(entries, text, words):
    with pytest.raises(UsageError) as raised:
        chosen(entries, text)
    assert words in str(raised.value)


LISTED = [
    Listed("20260102-090000-listred", "listred", "running", 3, 12, 1234.6, 4121, "2026-01-02T09:00:07", 2, None, "/r"),
    Listed(
        "20260101-120000-net", "models/deep/net.py:f", "dead", None, 3, None, 17, "2026-01-01T12:00:00", 0, None, ""
    ),
]
WIDE = """\
id                       target                status   epoch  inst/s   pid  started      viewers
20260102-090000-listred  listred               running   3/12   1,235  4121  01-02 09:00        2
20260101-120000-net      models/deep/net.py:f  dead       -/3       -    17  01-01 12:00        0
"""
NARROW = """\
id                       target      status   epoch  inst/s   pid  started      viewers
20260102-090000-listred  listred     running   3/12   1,235  4121  01-02 09:00        2
20260101-120000-net      p/net.py:f  dead       -/3       -    17  01-01 12:00        0
"""

LEAST = """\
id                       status   epoch  inst/s
20260102-090000-listred  running   3/12   1,235
20260101-120000-net      dead       -/3       -
"""


@pytest.mark.parametrize(("width", "text"), [(None, WIDE), (200, WIDE), (87, NARROW), (47, LEAST), (1, LEAST)])
def test_the_table_has_a_line_a_session_and_leaves_out_what_has_no_room(width, text):
    assert table(LISTED, width) == text.splitlines()


def test_the_columns_that_the_id_says_too_are_left_out_first():
    heads = [table(LISTED, width)[0].split() for width in (80, 70, 62, 55)]
    everything = ["id", "target", "status", "epoch", "inst/s", "pid", "started", "viewers"]
    left = [["started"], ["started", "target"], ["started", "target"], ["started", "target", "viewers"]]
    assert heads == [[head for head in everything if head not in missing] for missing in left]
