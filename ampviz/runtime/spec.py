"""What a session is asked to do: everything the command line can say, as data that a checkpoint keeps."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ampviz.experiment import Variant
from ampviz.placement import PlacementPolicy

BackendName = Literal["inline", "process"]


class RunSpec(Struct, frozen=True):
    """One run. `knobs` holds changes by `knob` or `node.knob`; `placement` fixes the worker of nodes by name, and
    `placement_policy` says where the others go.
    """

    target: str
    backend: BackendName = "process"
    workers: int = 2
    epochs: int | None = None  # None: as the experiment says
    limit: int | None = None  # training instances an epoch
    valid_limit: int | None = None
    seed: int = 0
    goal: str | None = None
    knobs: dict[str, str | float | int | bool] = {}
    placement: dict[str, int] = {}
    placement_policy: PlacementPolicy = "auto"
    variant: Variant = Variant()
    recording: str | None = None
    recording_mb: int = 64
