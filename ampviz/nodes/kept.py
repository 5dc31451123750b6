"""What a transform remembers of messages that went forward, until their backward messages come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, repeat

import numpy as np

from ampviz.nodes.payload import Payload, each, stack
from ampviz.state import State

Block = tuple[Payload, int]
"""(what one forward call saved for all its rows, the node's version then)"""
Place = tuple[Block, int, int]
"""(block, first row, number of rows)"""


class Kept:
    """Rows of the blocks that forward calls saved, by state.

    A block is kept whole and is let go with its last state, so that nothing is cut up per message; backward gets the
    rows back with one operation a block.
    """

    def __init__(self) -> None:
        self._places: dict[State, Place] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[State]:
        return iter(self._places)

    def keep(self, states: Sequence[State], counts: Sequence[int], saved: Payload, version: int) -> None:
        """Remember consecutive row ranges of `saved`, one a state; those of validation keys are left out."""
        self._places.update(zip(states, zip(repeat((saved, version)), accumulate(counts, initial=0), counts)))  # noqa: B905 # one start too many
        for state in states:
            if state[0] < 0:
                del self._places[state]

    def get(self, state: State) -> tuple[Payload, int] | None:
        """What is remembered for a state, and the node's version then; None if nothing is."""
        place = self._places.get(state)
        return None if place is None else (_ranges([place]), place[0][1])

    def items(self) -> Iterator[tuple[State, tuple[Payload, int]]]:
        """Every state with what is remembered for it, and the node's version then."""
        for state, place in self._places.items():
            yield state, (_ranges([place]), place[0][1])

    def __delitem__(self, state: State) -> None:
        del self._places[state]

    def drop(self, state: State) -> None:
        """Forget a state, if it is remembered."""
        self._places.pop(state, None)

    def take(self, states: Sequence[State]) -> tuple[list[int], Payload, list[int]]:
        """The rows of these states as one payload, and forget them.

        They come block by block: (positions in `states` in the order of the rows, the rows, the version of each).
        Raises KeyError for a state that is not remembered.
        """
        pop = self._places.pop
        places = [pop(state) for state in states]
        groups: dict[int, list[int]] = {}
        for position, place in enumerate(places):
            groups.setdefault(id(place[0]), []).append(position)
        if len(groups) == 1:
            return list(range(len(places))), _ranges(places), [places[0][0][1]] * len(places)
        order = [position for group in groups.values() for position in group]
        rows = stack([_ranges([places[position] for position in group]) for group in groups.values()])
        return order, rows, [places[position][0][1] for position in order]


def _ranges(places: Sequence[Place]) -> Payload:
    """The rows of places of one block, in their order; a view where they are consecutive."""
    saved, first = places[0][0][0], places[0][1]
    counts = [count for _, _, count in places]
    if all(start == stop for (_, start, _), stop in zip(places, accumulate(counts, initial=first))):  # noqa: B905 # one stop too many
        last = first + sum(counts)
        return each(lambda array: array[first:last], saved)
    if max(counts) == 1:
        rows = np.array([start for _, start, count in places if count])
        return each(lambda array: array.take(rows, axis=0), saved)
    return stack([each(lambda array, a=start, b=start + count: array[a:b], saved) for _, start, count in places])
