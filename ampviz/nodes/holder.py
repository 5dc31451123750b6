"""Where payload rows wait, message by message, until they are wanted again in any order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, repeat
from typing import Any

import numpy as np

from ampviz.nodes.payload import Payload, Place, each, gather, row_count, runs


class Holder:
    """Rows of payloads of one kind. Each message has a number while it is held.

    What is wanted again just as it came is given back as it is. Else messages of one row each go into an arena, others
    stay in the block they came in. So many messages that come together from everywhere are one `take`, where blocks
    would have to be put together piece by piece; and a block of many rows is never copied.
    """

    def __init__(self) -> None:
        self._whole: dict[int, tuple[list[int], Payload, Sequence[int]]] = {}  # what came, by its first number
        self._arena: Any = None  # a payload; row n is that of message n
        self._kind: Any = None  # of the arena
        self._places: dict[int, Place] = {}  # of other messages that are not in the arena
        self._free: list[int] = []  # numbers
        self.size = 0  # all numbers are below; about as many as were held at once

    def put(self, payload: Payload, counts: Sequence[int]) -> list[int]:
        """Hold the rows of messages, so many each: a number for each."""
        count = len(counts)
        if len(self._free) < count:
            before = self.size
            self.size += max(count, before, 16)
            self._free += range(before, self.size)
        numbers = self._free[-count:]
        del self._free[-count:]
        self._whole[numbers[0]] = numbers, payload, counts
        return numbers

    def take(self, numbers: list[int]) -> tuple[Payload, Sequence[int]]:
        """The rows of these messages, in this order, and how many each has; they are held no more."""
        came = self._whole.get(numbers[0])
        if came and came[0] == numbers:
            del self._whole[numbers[0]]
            self._free += numbers
            return came[1:]
        if len(numbers) == 1:
            self._part()
            place = self._places.pop(numbers[0], None)
            if place is not None:
                self._free += numbers
                return gather([place]), [place[2] - place[1]]
        found = self.look(numbers)
        self.free(numbers)
        return found

    def look(self, numbers: Sequence[int]) -> tuple[Payload, Sequence[int]]:
        """The rows of these messages, in this order, and how many each has."""
        self._part()
        places, arena = self._places, self._arena
        if not places or places.keys().isdisjoint(numbers):
            index = np.array(numbers, np.intp)
            return each(lambda array: array.take(index, axis=0), arena), [1] * len(numbers)
        found = [places.get(number) or (arena, number, number + 1) for number in numbers]
        return gather(runs(found)), [stop - start for _, start, stop in found]

    def free(self, numbers: Sequence[int]) -> None:
        """Hold these no more."""
        self._part()
        self._free += numbers
        if self._places:
            for number in numbers:
                self._places.pop(number, None)

    def _part(self) -> None:
        """Have a row of the arena or a place of its own for every message."""
        for numbers, payload, counts in self._whole.values():
            if min(counts) == 1 and row_count(payload) == len(counts) and self._kind in (None, _kind(payload)):
                self._store(numbers, payload)
            else:
                starts = list(accumulate(counts, initial=0))
                self._places.update(zip(numbers, zip(repeat(payload), starts, starts[1:])))  # noqa: B905 # one payload for all
        self._whole.clear()

    def _store(self, numbers: list[int], payload: Payload) -> None:
        """Write rows into the arena, which has a row for each number then."""
        size, index = row_count(self._arena), np.array(numbers, np.intp)
        if size < self.size:
            grown = each(lambda rows: np.empty((self.size, *rows.shape[1:]), rows.dtype), payload)
            if size:
                each(lambda fresh, old: np.copyto(fresh[:size], old), grown, self._arena)
            self._arena, self._kind = grown, _kind(payload)
        if type(payload) is tuple:
            for own, rows in zip(self._arena, payload, strict=True):
                own[index] = rows
        else:
            self._arena[index] = payload


def _kind(payload: Payload) -> list[Any]:
    """What payloads must have in common to be stacked."""
    arrays = payload if type(payload) is tuple else (payload,)
    return [(array.dtype, array.shape[1:]) for array in arrays]
