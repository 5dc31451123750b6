"""The time of a session, with its pauses and without them."""

from __future__ import annotations

from collections.abc import Callable


class Stopwatch:
    """Runs from the moment it is made. `clock` gives seconds; all times here are seconds."""

    def __init__(self, clock: Callable[[], float]):
        self._clock = clock
        self.started = clock()
        self._paused = 0.0  # in the pauses that are over
        self._paused_at: float | None = None

    @property
    def now(self) -> float:
        """Since it was made."""
        return self._clock() - self.started

    @property
    def active(self) -> float:
        """Since it was made, pauses cut out."""
        end = self._clock() if self._paused_at is None else self._paused_at
        return end - self.started - self._paused

    @property
    def paused(self) -> float:
        """In pauses so far, one under way included."""
        return self.now - self.active

    def pause(self) -> None:
        """A pause begins, if none is under way."""
        if self._paused_at is None:
            self._paused_at = self._clock()

    def go_on(self) -> None:
        """The pause is over, if there is one."""
        if self._paused_at is not None:
            self._paused += self._clock() - self._paused_at
            self._paused_at = None
