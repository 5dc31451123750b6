"""Checkpoints: they come back as they were, are written whole or not at all, and foreign files are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from ampviz.errors import UsageError
from ampviz.runtime import checkpoint
from ampviz.runtime.checkpoint import load_checkpoint, save_checkpoint
from ampviz.runtime.plan import Progress
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.tally import Tally
from tests.telemetry.samples import report

SPEC = RunSpec(
    "demos/listred.py:experiment",
    backend="inline",
    workers=3,
    epochs=5,
    seed=11,
    goal="accuracy>=0.97",
    knobs={"max_active_keys": 8, "fc1.learning_rate": 0.5, "policy": "mixed", "validate": False},
    placement={"fc1": 1},
)
PROGRESS = Progress(
    epoch=3,
    position=17,
    instances=217,
    epochs=[report(1), report(2)],
    train=Tally(17, 1700, 12.5, {"accuracy": 800.0}, 3.25, 4),
)
KNOBS = {"max_active_keys": 4, "learning_rate": 1.0, "policy": "fifo", "validate": True, "fc1.gradient_clip": 0.0}


def arrays(start: float = 0.0) -> dict[str, np.ndarray]:
    """The arrays of a small model."""
    weights = np.arange(12, dtype=np.float32).reshape(3, 4) + np.float32(start)
    return {"fc1/W": weights, "fc1/W/step": np.array([3], np.float32), "fc1/b": np.zeros(4, np.float32)}


def save(path, start: float = 0.0) -> None:
    save_checkpoint(path, SPEC, PROGRESS, KNOBS, arrays(start))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


def same(got, expected) -> None:
    assert got.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype == array.dtype


def test_a_checkpoint_comes_back_as_it_was(path):
    save(path)
    loaded = load_checkpoint(path)
    assert loaded.spec == SPEC
    assert loaded.progress == PROGRESS
    assert loaded.knobs == KNOBS
    assert [type(value) for value in loaded.knobs.values()] == [type(value) for value in KNOBS.values()]
    same(loaded.arrays, arrays())


def test_a_model_without_parameters_has_a_checkpoint_too(path):
    save_checkpoint(path, RunSpec("t"), Progress(), {}, {})
    loaded = load_checkpoint(path)
    assert (loaded.spec, loaded.progress, loaded.knobs, loaded.arrays) == (RunSpec("t"), Progress(), {}, {})


def test_arrays_are_copied_so_that_training_may_go_on(path):
    given_arrays = arrays()
    save_checkpoint(path, SPEC, PROGRESS, KNOBS, given_arrays)
    loaded = load_checkpoint(path)
    given_arrays["fc1/W"] += 1
    save(path, start=5.0)
    same(loaded.arrays, arrays())


def test_a_newer_checkpoint_replaces_the_older_and_leaves_nothing_else(path):
    save(path)
    save(path, start=100.0)
    same(load_checkpoint(path).arrays, arrays(100.0))
    assert list(path.parent.iterdir()) == [path]


def half_a_file(tensors, file, metadata):
    file.write_bytes(b"half")
    raise OSError("no space left on device")


def no_rename(source, target):
    raise OSError("not permitted")


@pytest.mark.parametrize(
    ("place", "name", "failure"), [(checkpoint, "save_file", half_a_file), (checkpoint.os, "replace", no_rename)]
)
def test_a_failing_write_leaves_the_old_file_and_nothing_beside_it(path, monkeypatch, place, name, failure):
    save(path)
    with monkeypatch.context() as patch:
        patch.setattr(place, name, failure)
        with pytest.raises(OSError, match=r"no space|not permitted"):
            save(path, start=100.0)
    same(load_checkpoint(path).arrays, arrays())
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_checkpoint_and_a_folder_are_usage_errors(path, tmp_path):
    for absent in (path, tmp_path):
        with pytest.raises(UsageError, match="no such checkpoint") as caught:
            load_checkpoint(absent)
        assert caught.value.where == str(absent)


GOOD = {"format": "ampviz-checkpoint-1", "spec": '{"target":"t"}', "progress": "{}", "knobs": "{}"}


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"format": "ampviz-checkpoint-2"}, "not a checkpoint of this version"),
        ({"format": None}, "not a checkpoint of this version"),
        ({"spec": None}, "cannot be read"),
        ({"spec": "{}"}, "cannot be read"),
        ({"spec": "{"}, "cannot be read"),
        ({"spec": '{"target":"t","backend":"cloud"}'}, "cannot be read"),
        ({"progress": '{"epoch":"three"}'}, "cannot be read"),
        ({"knobs": '{"policy":null}'}, "cannot be read"),
    ],
    ids=repr,
)
def test_a_foreign_safetensors_file_is_refused(path, changes, what):
    metadata = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    save_file(arrays(), path, metadata)
    with pytest.raises(UsageError, match=what) as caught:
        load_checkpoint(path)
    assert caught.value.where == str(path)


def test_a_safetensors_file_without_metadata_is_refused(path):
    save_file(arrays(), path)
    with pytest.raises(UsageError, match="not a checkpoint of this version"):
        load_checkpoint(path)


@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_truncated_checkpoint_is_refused(path, share):
    save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UsageError, match="cannot be read") as caught:
        load_checkpoint(path)
    assert caught.value.where == str(path)
    assert len(str(caught.value).splitlines()) == 1


@given(data=st.binary(max_size=100))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_bytes_are_no_checkpoint(path, data):
    path.write_bytes(data)
    with pytest.raises(UsageError):
        load_checkpoint(path)
