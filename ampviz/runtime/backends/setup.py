"""What a worker process needs to know to build its part of a session."""

from __future__ import annotations

from msgspec import Struct


class WorkerSetup(Struct, frozen=True):
    """Given to a worker process as JSON. Descriptors are inherited; `peers` has one by worker index (as text)."""

    target: str
    index: int
    workers: int
    placement: tuple[int, ...]
    control: int
    store: int
    board: int
    peers: dict[str, int]
