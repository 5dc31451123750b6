"""TensorBoard: the event files, read back record by record, hold the recording's values at its steps and times."""

from __future__ import annotations

import datetime
import struct
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tensorboardX.crc32c import crc32c
from tensorboardX.proto.event_pb2 import Event

from ampviz.errors import UsageError
from ampviz.telemetry.export.tensorboard import write_tensorboard
from ampviz.telemetry.reading import Recording
from tests.telemetry.samples import INFO, event, point, report, snapshot, write

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


def masked(data: bytes) -> int:
    """The checksum of a record, as the format has it."""
    value = crc32c(data)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def events(folder: Path) -> list[Event]:
    """The records of the only file there, checksums looked at."""
    (file,) = folder.iterdir()
    data, start, found = file.read_bytes(), 0, []
    while start < len(data):
        head, body = data[start : start + 8], data[start + 12 :]
        (length,) = struct.unpack("<Q", head)
        assert struct.unpack_from("<I", data, start + 8) == (masked(head),)
        assert struct.unpack_from("<I", body, length) == (masked(body[:length]),)
        found.append(Event.FromString(body[:length]))
        start += 16 + length
    return found


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for each in events(folder):
        for value in each.summary.value:
            if value.HasField("simple_value"):
                found.setdefault(value.tag, []).append((each.step, value.simple_value))
    return found


def test_values_are_read_back(tmp_path):
    path = write(
        tmp_path / "run.ampviz",
        snapshot(0.5, new_points=(point(1),), instances=10),
        snapshot(0.7, new_points=(point(3),), instances=30, new_events=(event(1),)),
        snapshot(2.0, new_epochs=(report(1),), instances=40, instances_per_s=8.0),
    )
    with closing(Recording(path)) as recording:
        count = write_tensorboard(recording, tmp_path / "logs", lambda share: None)
    found = scalars(tmp_path / "logs")
    assert found["loss/train"] == [(10, 0.5), (30, 0.25)]
    assert found["loss/train_epoch"] == [(10, 0.5)]
    assert "loss/valid" not in found
    assert found["metrics/accuracy"] == [(10, 0.75)]
    assert found["throughput/instances_per_s"] == [(10, 0.0), (40, 8.0)]
    assert found["queue/fc1"] == [(10, 1.0), (40, 1.0)]
    assert found["staleness/fc1"] == [(10, pytest.approx(1 / 3)), (40, pytest.approx(1 / 3))]
    assert "staleness/loss" not in found
    assert count == sum(map(len, found.values())) + 1
    told = [
        each for each in events(tmp_path / "logs") if each.summary.value and each.summary.value[0].tag == "loss/train"
    ]
    assert told[0].wall_time == datetime.datetime.fromisoformat(INFO.started).timestamp() + 0.5
    assert any(b"event 1" in each.SerializeToString() for each in events(tmp_path / "logs"))


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    path = write(tmp_path / "run.ampviz")
    with closing(Recording(path)) as recording, pytest.raises(UsageError, match="not installed") as caught:
        write_tensorboard(recording, tmp_path / "logs", lambda share: None)
    assert "ampviz[tensorboard]" in str(caught.value)
    assert not (tmp_path / "logs").exists()
