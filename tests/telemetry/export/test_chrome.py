"""Chrome traces: rules of the format that Perfetto relies on, whatever the recording holds."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.export.chrome import write_chrome_trace
from ampviz.telemetry.reading import Recording
from ampviz.telemetry.snapshot import NodeStats
from ampviz.telemetry.trace import BACKWARD, FORWARD, PAUSE, RECORD, UPDATE
from tests.telemetry.samples import event, snapshot, write

MS = 1_000_000


def unit(start_ms: float, length_ms: float, worker: int = 0, action: int = FORWARD, node: int = 0, *keys: int):
    """The records of a unit of work: one for each key."""
    records = np.zeros(max(1, len(keys)), RECORD)
    records["start"], records["duration"] = start_ms * MS, length_ms * MS
    records["worker"], records["action"], records["node"] = worker, action, node
    if keys:
        records["key"] = keys
        records["messages"][0], records["rows"][0] = len(keys), 10 * len(keys)
    return records


def exported(tmp_path: Path, *units, ticks: int = 1, **fields: Any) -> list[dict[str, Any]]:
    """The events of a recording of these records, told at the ticks in which they end."""
    path = tmp_path / "run.ampviz"
    path.unlink(missing_ok=True)
    records = np.concatenate(units) if units else np.empty(0, RECORD)
    ends = (records["start"] + records["duration"]) / 1e9
    length = max([1.0, *ends.tolist()]) / ticks
    write(
        path,
        *(
            snapshot(
                (tick + 1) * length,
                trace=records[(ends > tick * length) & (ends <= (tick + 1) * length)].tobytes(),
                **fields,
            )
            for tick in range(ticks)
        ),
    )
    out, told = io.StringIO(), []
    with closing(Recording(path)) as recording:
        count = write_chrome_trace(recording, out, told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    events = json.loads(out.getvalue())["traceEvents"]
    assert count == len([each for each in events if each["ph"] == "X" and each["tid"] > 0])
    return check(events)


def check(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events, if they keep to the rules of the format."""
    slices, flows = defaultdict(list), defaultdict(list)
    for each in events:
        assert each.keys() >= {"ph", "pid", "tid", "name"}
        assert each["ph"] in "XMCisf"
        assert each["ph"] == "M" or each["ts"] >= 0
        if each["ph"] == "X":
            slices[each["tid"]].append(each)
        if each["ph"] in "sf":
            flows[each["id"]].append(each)
    for thread in slices.values():
        assert [each["ts"] for each in thread] == sorted(each["ts"] for each in thread)
        open_ends: list[float] = []  # of the slices that the next one may lie in
        for each in thread:
            assert each["dur"] >= 0
            while open_ends and open_ends[-1] <= each["ts"] + 1e-4:
                open_ends.pop()
            end = each["ts"] + each["dur"]
            assert not open_ends or end <= open_ends[-1] + 1e-3, "slices overlap"
            open_ends.append(end)
            assert len(open_ends) <= 2
    for start, end in flows.values():
        assert (start["ph"], end["ph"], end["bp"]) == ("s", "f", "e")
        assert start["ts"] <= end["ts"]
        assert start["tid"] != end["tid"]
        assert (start["name"], start["cat"]) == (end["name"], end["cat"])
        for each in (start, end):
            assert any(one["ts"] <= each["ts"] <= one["ts"] + one["dur"] for one in slices[each["tid"]])
    return events


def slices(events, thread: int) -> list[tuple[str, float, float]]:
    return [(each["name"], each["ts"], each["dur"]) for each in events if each["ph"] == "X" and each["tid"] == thread]


def arrows(events) -> list[tuple[str, int, int]]:
    """(name, from thread, to thread)."""
    found = defaultdict(list)
    for each in events:
        if each["ph"] in "sf":
            found[each["id"]].append(each)
    return [(start["name"], start["tid"], end["tid"]) for start, end in found.values()]


def test_workers_are_threads_with_names(tmp_path):
    names = [(each["tid"], each["args"]["name"]) for each in exported(tmp_path) if each["name"] in ("thread_name",)]
    assert names == [(0, "session"), (1, "worker 0"), (2, "worker 1")]


def test_units_are_slices_with_what_they_did(tmp_path):
    events = exported(tmp_path, unit(1, 2, 0, FORWARD, 0, 7), unit(4, 1, 1, BACKWARD, 1, 7, -8, 9))
    assert slices(events, 1) == [("fc1 forward", 1000.0, 2000.0)]
    assert slices(events, 2) == [("loss backward", 4000.0, 1000.0)]
    (backward,) = [each for each in events if each["name"] == "loss backward"]
    assert backward["args"] == {
        "node": "loss", "direction": "backward", "key": 7, "keys": [7, -8, 9], "messages": 3, "rows_of_first": 30,
    }  # fmt: skip


def test_an_update_lies_in_its_backward_and_is_an_instant_too(tmp_path):
    events = exported(tmp_path, unit(3, 1, 0, UPDATE, 0), unit(2, 3, 0, BACKWARD, 0, 7), ticks=2)
    assert slices(events, 1) == [("fc1 backward", 2000.0, 3000.0), ("fc1 update", 3000.0, 1000.0)]
    assert [each["ts"] for each in events if each["ph"] == "i"] == [3000.0]


def test_an_update_told_a_window_before_its_unit_still_lies_in_it(tmp_path):
    events = exported(tmp_path, unit(4990, 5, 0, UPDATE, 0), unit(4980, 40, 0, BACKWARD, 0, 7), ticks=7)
    assert [name for name, *_ in slices(events, 1)] == ["fc1 backward", "fc1 update"]


def test_an_update_whose_unit_was_lost_stands_alone(tmp_path):
    events = exported(tmp_path, unit(1, 1, 0, FORWARD, 0, 3), unit(5, 1, 0, UPDATE, 0))
    assert [name for name, *_ in slices(events, 1)] == ["fc1 forward", "fc1 update"]


def test_pauses_are_visible(tmp_path):
    events = exported(tmp_path, unit(1, 1, 0, FORWARD, 0, 3), unit(2, 100, 0, PAUSE, 0xFFFF))
    assert slices(events, 1) == [("fc1 forward", 1000.0, 1000.0), ("pause", 2000.0, 100_000.0)]


def test_arrows_lead_an_instance_from_worker_to_worker_and_never_back_in_time(tmp_path):
    events = exported(
        tmp_path,
        unit(1, 1, 0, FORWARD, 0, 3, 4),
        unit(3, 1, 1, FORWARD, 1, 3),  # after it: an arrow
        unit(5, 1, 1, FORWARD, 1, 3),  # the same worker: none
        unit(6, 4, 1, FORWARD, 1, 4),
        unit(8, 1, 0, BACKWARD, 0, 4),  # while the other still works on it: none
        unit(10, 1, 0, BACKWARD, 0, 3),
    )
    assert arrows(events) == [("key 3", 1, 2), ("key 4", 1, 2), ("key 3", 2, 1)]


def test_counters_are_told_when_they_change(tmp_path):
    nodes = (NodeStats(queued_forward=2, queued_backward=1), NodeStats())
    counters = [each for each in exported(tmp_path, ticks=3, nodes=nodes, in_flight_count=5) if each["ph"] == "C"]
    assert [(each["name"], each["args"]) for each in counters] == [
        ("in flight", {"instances": 5}),
        ("queue fc1", {"forward": 2, "backward": 1}),
        ("queue loss", {"forward": 0, "backward": 0}),
    ]


def test_events_are_instants_and_phases_slices_of_the_session(tmp_path):
    path = write(
        tmp_path / "run.ampviz",
        snapshot(1.0, new_events=(event(1),)),
        snapshot(2.0, phase="valid"),
        snapshot(3.0, epoch=2),
    )
    out = io.StringIO()
    with closing(Recording(path)) as recording:
        write_chrome_trace(recording, out, lambda share: None)
    events = check(json.loads(out.getvalue())["traceEvents"])
    assert [(each["name"], each["ts"], each["args"]["text"]) for each in events if each["ph"] == "i"] == [
        ("KNOB", 1e6, "event 1")
    ]
    assert slices(events, 0) == [
        ("epoch 1 train", 1e6, 1e6), ("epoch 1 valid", 2e6, 1e6), ("epoch 2 train", 3e6, 0.0),
    ]  # fmt: skip


def test_a_recording_of_nothing_is_a_trace_of_nothing(tmp_path):
    path = write(tmp_path / "run.ampviz")
    out = io.StringIO()
    with closing(Recording(path)) as recording:
        assert write_chrome_trace(recording, out, lambda share: None) == 0
    assert all(each["ph"] == "M" for each in json.loads(out.getvalue())["traceEvents"])


UNITS = st.lists(
    st.builds(
        lambda start, length, worker, action, node, keys: unit(
            start / 16, length / 16, worker, action, node, *(keys if action < UPDATE else ())
        ),
        st.integers(0, 16 * 12_000),
        st.integers(0, 16 * 40),
        st.integers(0, 1),
        st.integers(FORWARD, PAUSE),
        st.integers(0, 1),
        st.lists(st.integers(-3, 9), min_size=1, max_size=4, unique=True),
    ),
    max_size=40,
)


@pytest.mark.usefixtures("nothing_left_behind")
@given(UNITS, st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_whatever_was_recorded_keeps_to_the_rules(tmp_path_factory, units, ticks):
    exported(tmp_path_factory.mktemp("any"), *sorted(units, key=lambda each: each["start"][0]), ticks=ticks)
