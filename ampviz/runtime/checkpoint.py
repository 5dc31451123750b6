"""Checkpoints: one safetensors file with parameters, optimizer state, knobs and progress; written atomically."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ampviz.errors import UsageError
from ampviz.runtime.plan import Progress
from ampviz.runtime.spec import RunSpec

_FORMAT = "ampviz-checkpoint-1"


class Checkpoint(Struct, frozen=True):
    """What a session needs to go on: `arrays` as `ParameterStore.arrays` names them."""

    spec: RunSpec
    progress: Progress
    knobs: dict[str, float | int | str | bool]
    arrays: dict[str, Any]


def save_checkpoint(
    path: Path,
    spec: RunSpec,
    progress: Progress,
    knobs: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Write beside `path`, then rename: a reader sees the old file or the new one, never half of one."""
    encode = msgspec.json.encode
    metadata = {
        "format": _FORMAT,
        "spec": encode(spec).decode(),
        "progress": encode(progress).decode(),
        "knobs": encode(knobs).decode(),
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(dict(arrays), temporary, metadata)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises UsageError for a missing file, a foreign one, or one of another version."""
    if not path.is_file():
        raise UsageError("no such checkpoint", where=str(path))
    decode = msgspec.json.decode
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != _FORMAT:
                raise UsageError("not a checkpoint of this version", where=str(path), expected=_FORMAT)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 # not a dict, has no iterator
            return Checkpoint(
                decode(metadata["spec"], type=RunSpec),
                decode(metadata["progress"], type=Progress),
                decode(metadata["knobs"], type=dict[str, float | int | str | bool]),
                arrays,
            )
    except (SafetensorError, msgspec.MsgspecError, KeyError) as error:
        raise UsageError(f"cannot be read as a checkpoint: {error}", where=str(path)) from error
