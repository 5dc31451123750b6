"""The far side of a channel or peer in tests: collects what arrives, and waits for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

PATIENCE = 5  # seconds before a wait fails

any_loop = pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])

uvloop.run(asyncio.sleep(0))  # libuv opens the pipe for its signals once a process: before any test counts descriptors


class Endpoint:
    """Collects what a protocol gives to `receive` and `lost`, and what the event loop complains about."""

    def __init__(self) -> None:
        self.received: list[Any] = []
        self.reasons: list[Exception | None] = []
        self.complaints: list[dict[str, Any]] = []
        self._changed = asyncio.Event()
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.complaints.append(context))

    def receive(self, items: list[Any]) -> None:
        self.received += items
        self._changed.set()

    def lost(self, reason: Exception | None) -> None:
        self.reasons.append(reason)
        self._changed.set()

    async def count(self, number: int) -> list[Any]:
        """Everything received, once there are this many."""
        await self._until(lambda: len(self.received) >= number)
        return self.received

    async def end(self) -> Exception | None:
        """Why the connection was lost."""
        await self._until(lambda: bool(self.reasons))
        (reason,) = self.reasons
        return reason

    async def _until(self, reached: Any) -> None:
        async with asyncio.timeout(PATIENCE):
            while not reached():
                self._changed.clear()
                await self._changed.wait()
