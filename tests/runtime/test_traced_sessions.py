"""Whole sessions on both backends: the trace in their snapshots adds up to what was done, and paths go all the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.link import Pause, Resume, Step
from ampviz.telemetry.snapshot import Snapshot, Status
from ampviz.telemetry.trace import BACKWARD, FORWARD, PAUSE, UPDATE, decode, joined, of_key, spans
from tests.runtime.models import target
from tests.runtime.runs import run_session

pytestmark = pytest.mark.usefixtures("nothing_left_behind")
BACKENDS = pytest.mark.parametrize("backend", ["inline", "process"])


def traced(folder: Path, **changes):
    """A finished session of the recurrent model: its snapshots, and the records of all of them.

    They are fewer than one tick can carry, however late it comes.
    """
    session = Session(
        RunSpec(**{"target": target("recurrent"), "workers": 2, "epochs": 2, "limit": 8, "valid_limit": 4, **changes}),
        folder,
    )
    seen: list[Snapshot] = []
    run_session(session, seen.append)
    return session, seen, joined([decode(snapshot.trace) for snapshot in seen])


@BACKENDS
def test_the_trace_has_every_message_and_update_once(tmp_path: Path, backend):
    _, seen, records = traced(tmp_path, backend=backend, knobs={"max_active_keys": 5})
    last = seen[-1]
    assert last.trace_lost == 0
    units = spans(records)
    for index, stats in enumerate(last.nodes):
        mine = units[units["node"] == index]
        done = {action: int(mine["messages"][mine["action"] == action].sum()) for action in (FORWARD, BACKWARD)}
        assert done == {FORWARD: stats.forward, BACKWARD: stats.backward}
        assert np.count_nonzero(mine["action"] == UPDATE) == stats.updates
    for worker, stats in enumerate(last.workers):
        mine = units[(units["worker"] == worker) & (units["action"] <= BACKWARD)]
        assert mine["duration"].sum() / 1e9 == pytest.approx(stats.busy_s, abs=1e-6)


@BACKENDS
def test_the_path_of_every_instance_begins_and_ends_at_a_source(tmp_path: Path, backend):
    session, _, records = traced(tmp_path, backend=backend, knobs={"max_active_keys": 5})
    sources = {node.id for node in session.graph.nodes if node.kind == "Source"}
    for key in {*records["key"][records["action"] <= BACKWARD].tolist()}:
        path = of_key(records, key)
        path = path[np.argsort(path["start"], kind="stable")]
        first, last = path[0], path[-1]
        assert (int(first["node"]) in sources, int(first["action"])) == (True, FORWARD)
        assert (int(last["node"]) in sources, int(last["action"])) == (True, BACKWARD)


@BACKENDS
def test_no_two_pieces_of_a_worker_overlap_when_it_is_paused_and_stepped(tmp_path: Path, backend):
    session = Session(
        RunSpec(target("pipeline"), backend=backend, workers=2, knobs={"max_active_keys": 3, "max_batch": 1}), tmp_path
    )
    seen: list[Snapshot] = []

    def disturb(snapshot: Snapshot) -> None:
        seen.append(snapshot)
        if len(seen) == 1:
            session.request(Pause(1))
        elif len(seen) < 6:
            session.request(Step(1))
        elif snapshot.status is Status.PAUSED:
            session.request(Resume(1))

    run_session(session, disturb)
    records = joined([decode(snapshot.trace) for snapshot in seen])
    pieces = records[(records["messages"] > 0) | (records["action"] == PAUSE)]
    assert {FORWARD, BACKWARD, PAUSE} <= set(pieces["action"].tolist())
    for worker in (0, 1):
        mine = pieces[pieces["worker"] == worker]
        mine = mine[np.argsort(mine["start"], kind="stable")]
        ends = mine["start"] + mine["duration"]
        assert (ends[:-1] <= mine["start"][1:]).all()
    stepped = next(snapshot for snapshot in seen if snapshot.stepped)
    assert any(entry.path for entry in stepped.in_flight)


@BACKENDS
def test_units_are_not_traced_while_nobody_reads(tmp_path: Path, backend):
    spec = RunSpec(target=target("recurrent"), workers=2, epochs=2, limit=8, valid_limit=4, backend=backend)
    session = Session(spec, tmp_path)
    session.traced = lambda: False
    seen: list[Snapshot] = []
    run_session(session, seen.append)
    records = joined([decode(snapshot.trace) for snapshot in seen])
    messages = sum(stats.forward + stats.backward for stats in seen[-1].nodes)
    assert records["messages"].sum() < messages  # the first units may come before the word
