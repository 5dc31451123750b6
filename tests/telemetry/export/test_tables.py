"""CSV: what the csv module reads back is what the recording holds."""

from __future__ import annotations

import csv
import io
import re
from contextlib import closing
from pathlib import Path

import msgspec

from ampviz.telemetry.export.tables import METRICS, NODES, write_metrics, write_nodes
from ampviz.telemetry.reading import Recording
from ampviz.telemetry.snapshot import NodeStats
from tests.telemetry.samples import event, point, report, snapshot, write


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_metrics_are_in_the_order_of_their_times(tmp_path):
    knob = msgspec.structs.replace(event(1), at=0.75, text='cell.rate "0.1", then\n0.2')
    path = write(
        tmp_path / "run.ampviz",
        snapshot(0.5, new_points=(point(1),)),
        snapshot(1.0, new_events=(knob,), new_epochs=(report(1),)),
        snapshot(1.5, new_points=(point(2),)),
    )
    out = io.StringIO(newline="")
    with closing(Recording(path)) as recording:
        assert write_metrics(recording, out) == 4
    rows = read(out.getvalue())
    assert list(rows[0]) == [*METRICS, "metric.accuracy"]
    assert [(row["kind"], row["at"]) for row in rows] == [
        ("point", "0.5"), ("knob", "0.75"), ("epoch", "1.0"), ("point", "1.5"),
    ]  # fmt: skip
    assert (rows[0]["instances"], float(rows[0]["train_loss"]), rows[0]["count"]) == ("10", point(1).loss, "2")
    assert rows[1]["text"] == knob.text
    assert (rows[2]["epoch"], float(rows[2]["train_loss"]), rows[2]["valid_loss"]) == ("1", report(1).train_loss, "")
    assert (rows[2]["metric.accuracy"], rows[2]["seconds"], rows[2]["instances"]) == ("0.75", "1.5", "10")


def test_every_node_of_every_snapshot_is_a_row(tmp_path):
    stats = NodeStats(queued_forward=3, updates=7, busy_s=0.125, staleness_mean=1.5)
    path = write(tmp_path / "run.ampviz", snapshot(0.5), snapshot(1.0, nodes=(stats, NodeStats())))
    out, told = io.StringIO(newline=""), []
    with closing(Recording(path)) as recording:
        assert write_nodes(recording, out, told.append) == 4
    rows = read(out.getvalue())
    assert tuple(rows[0]) == NODES
    assert [(row["at"], row["node"]) for row in rows] == [
        ("0.5", "fc1"), ("0.5", "loss"), ("1.0", "fc1"), ("1.0", "loss"),
    ]  # fmt: skip
    assert rows[2].items() >= {
        "kind": "Linear", "worker": "0", "queued_forward": "3", "updates": "7", "busy_s": "0.125",
        "staleness_mean": "1.5",
    }.items()  # fmt: skip
    assert told == [0.5, 1.0]


def test_a_recording_of_nothing_is_a_heading(tmp_path):
    path = write(tmp_path / "run.ampviz")
    with closing(Recording(path)) as recording:
        metrics, nodes = io.StringIO(newline=""), io.StringIO(newline="")
        assert write_metrics(recording, metrics) == write_nodes(recording, nodes, lambda share: None) == 0
    assert metrics.getvalue() == ",".join(METRICS) + "\n"
    assert nodes.getvalue() == ",".join(NODES) + "\n"


def test_the_documentation_names_every_column():
    text = (Path(__file__).parents[3] / "docs" / "usage.md").read_text()
    (metrics, nodes) = re.search(
        r"Columns of the metrics: (.*?)Columns of the nodes: (.*?)Counts", text, re.DOTALL
    ).groups()
    assert re.findall(r"`(\w+)`", metrics) == list(METRICS)
    assert re.findall(r"`(\w+)`", nodes) == list(NODES)
