"""Which part of the x axis a chart shows: all of it, or a part that follows the newest or stands still. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_LEAST = 8.0  # instances: no closer


@dataclass(frozen=True, slots=True)
class Viewport:
    """A part of 0..last, where `last` grows. Every change gives another viewport."""

    width: float | None = None  # in instances; None: everything
    right: float | None = None  # where it ends; None: at the newest

    def span(self, last: float) -> tuple[float, float]:
        """From where to where it shows now."""
        if self.width is None:
            return 0.0, last
        right = last if self.right is None else min(self.right, last)
        low = max(0.0, right - self.width)
        return low, max(low + self.width, right)

    def zoomed(self, factor: float, last: float, at: float = 1.0) -> Viewport:
        """So much wider; what lies at the share `at` of the width stays there."""
        low, high = self.span(last)
        width = max(_LEAST, (high - low) * factor)
        if width >= last:
            return Viewport()
        right = low + at * (high - low) + (1 - at) * width
        return _at(max(width, right), width, last)

    def panned(self, share: float, last: float) -> Viewport:
        """Moved by a share of its width; at the end it follows again."""
        if self.width is None:
            return self
        _, high = self.span(last)
        return _at(max(self.width, high + share * self.width), self.width, last)


def _at(right: float, width: float, last: float) -> Viewport:
    return Viewport(width, None if right >= last * (1 - 1e-9) else right)
