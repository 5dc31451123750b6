"""Where payload rows wait, message by message, until they are wanted again in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from ampviz.nodes.payload import Payload, Place, each, gather, runs

Held = int | Place
"""(block, first row, row behind the last) of a message, or the number of its only row in the holder's arena"""


class Holder:
    """Rows of payloads of one kind. Messages of one row each go into an arena, others stay in the block they came in.

    So many messages that come together from everywhere are one `take`, where blocks would have to be put together
    piece by piece; and a block of many rows, which mostly comes back as it went, is never copied.
    """

    def __init__(self) -> None:
        self._arena: Any = None  # a payload of as many rows as were ever held at once, about
        self._free: list[int] = []

    def put(self, payload: Payload, starts: list[int]) -> Iterable[Held]:
        """Hold the rows of messages, given the first row of each and the number of all rows: a place for each."""
        count = len(starts) - 1
        if starts[-1] != count or starts != list(range(count + 1)) or not self._fits(payload):
            return zip(repeat(payload), starts, starts[1:])  # one payload for all
        if len(self._free) < count:
            self._grow(payload, count)
        numbers = self._free[-count:]
        del self._free[-count:]
        index = np.array(numbers)
        if type(payload) is tuple:
            for own, rows in zip(self._arena, payload, strict=True):
                own[index] = rows
        else:
            self._arena[index] = payload
        return numbers

    def take(self, held: Sequence[Held]) -> Payload:
        """The rows at these places, in this order, which are held no more."""
        rows = self.look(held)
        self.free(held)
        return rows

    def look(self, held: Sequence[Held]) -> Payload:
        """The rows at these places, in this order."""
        numbers = [place for place in held if type(place) is int]
        if len(numbers) == len(held):
            index = np.array(numbers)
            return each(lambda array: array.take(index, axis=0), self._arena)
        if numbers:
            arena = self._arena
            held = [(arena, place, place + 1) if type(place) is int else place for place in held]
        return gather(runs(held))  # type: ignore[arg-type] # no number is left

    def free(self, held: Iterable[Held]) -> None:
        """Hold these no more."""
        self._free += [place for place in held if type(place) is int]

    def _fits(self, payload: Payload) -> bool:
        """Whether the arena is of this kind, or of none yet."""
        if self._arena is None:
            return True
        pairs = zip(self._arena, payload, strict=True) if type(payload) is tuple else ((self._arena, payload),)
        return all(own.dtype == rows.dtype and own.shape[1:] == rows.shape[1:] for own, rows in pairs)

    def _grow(self, payload: Payload, count: int) -> None:
        size = 0 if self._arena is None else len(self._arena[0] if type(payload) is tuple else self._arena)
        more = max(count, size, 16)

        def longer(rows: Any, old: Any = None) -> Any:
            fresh = np.empty((size + more, *rows.shape[1:]), rows.dtype)
            if size:
                fresh[:size] = old
            return fresh

        self._arena = each(longer, payload, *([] if self._arena is None else [self._arena]))
        self._free += range(size, size + more)
