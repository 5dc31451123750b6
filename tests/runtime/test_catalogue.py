"""What run folders say of their sessions: live, ended, died, and nothing at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ampviz.runtime.catalogue import Entry, catalogue, conclude, entered, look_up
from ampviz.telemetry.link import Finished
from tests.telemetry.samples import INFO

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

SHORT = msgspec.structs.replace(INFO, nodes=(), edges=())
DONE = Finished(0, "", {"exit": 0, "epochs": []})
FAILED = Finished(1, "fc1: the loss is not finite", {"exit": 1})


def folder(root: Path, name: str) -> Path:
    made = root / name
    made.mkdir()
    return made


def test_a_session_lives_until_it_has_ended_and_its_outcome_stays(tmp_path):
    one = folder(tmp_path, "one")
    assert look_up(one) is None
    with entered(one, INFO):
        assert look_up(one) == Entry(one, SHORT, True, None)
        conclude(one, FAILED)
        assert look_up(one) == Entry(one, SHORT, False, FAILED)  # it has said how it ended: it is about to leave
    assert look_up(one) == Entry(one, SHORT, False, FAILED)
    assert sorted(path.name for path in one.iterdir()) == ["outcome.json", "session.json"]


def test_looking_does_not_keep_a_session_from_being_seen(tmp_path):
    """Each look takes the lock for a moment, and lets it go."""
    one = folder(tmp_path, "one")
    with entered(one, INFO):
        assert [look_up(one).live for _ in range(3)] == [True] * 3
    assert [look_up(one).live for _ in range(3)] == [False] * 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_session_is_dead_at_once(tmp_path, number):
    one = folder(tmp_path, "one")
    code = f"""if True:
        from pathlib import Path
        from ampviz.runtime.catalogue import entered
        from tests.telemetry.samples import INFO
        with entered(Path({str(one)!r}), INFO):
            print("in", flush=True)
            input()
    """
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with process:
        assert process.stdout.readline() == b"in\n"
        assert look_up(one).live
        os.kill(process.pid, number)
        process.wait(10)
        assert look_up(one) == Entry(one, SHORT, False, None)


def test_the_catalogue_is_in_the_order_of_time_and_without_what_is_no_session(tmp_path):
    for name in ("20260103-a", "20260101-b", "20260102-c"):
        with entered(folder(tmp_path, name), INFO):
            pass
    folder(tmp_path, "20260104-empty")
    (folder(tmp_path, "20260105-garbage") / "session.json").write_bytes(b"\xff{")
    (folder(tmp_path, "20260106-foreign") / "session.json").write_text('{"id": 3}')
    (tmp_path / "note.txt").write_text("mine")
    conclude(tmp_path / "20260102-c", DONE)
    assert [(entry.folder.name, entry.live, entry.outcome) for entry in catalogue(tmp_path)] == [
        ("20260101-b", False, None),
        ("20260102-c", False, DONE),
        ("20260103-a", False, None),
    ]
    assert catalogue(tmp_path / "nowhere") == []
