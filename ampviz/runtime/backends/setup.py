"""What a worker process needs to know to build its part of a session."""

from __future__ import annotations

from msgspec import Struct

from ampviz.experiment import Variant


class WorkerSetup(Struct, frozen=True):
    """Given to a worker process as JSON. Descriptors are inherited; `peers` has one by worker index (as text)."""

    target: str
    variant: Variant
    index: int
    workers: int
    seed: int
    placement: tuple[int, ...]
    control: int
    store: int
    board: int
    trace: int
    peers: dict[str, int]
