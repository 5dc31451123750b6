"""Running small sessions in tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ampviz.runtime.checkpoint import load_checkpoint
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.telemetry.snapshot import Snapshot

DEADLINE_S = 60


def run_session(session: Session, on_tick: Callable[[Snapshot], None] = lambda snapshot: None) -> dict[str, Any]:
    """Train to the end within the deadline; the outcome."""

    async def bounded() -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            return await session.run()

    session.on_tick = on_tick
    return asyncio.run(bounded())


def trained(spec: RunSpec, folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The outcome of a run, and the arrays of the checkpoint at its end."""
    folder.mkdir(parents=True, exist_ok=True)
    session = Session(spec, folder)
    outcome = run_session(session)
    return outcome, load_checkpoint(session.checkpoint_path).arrays


def losses(outcome: dict[str, Any]) -> list[tuple[float, float | None]]:
    return [(epoch["train_loss"], epoch["valid_loss"]) for epoch in outcome["epochs"]]
