"""What a transform remembers of messages that went forward, until their backward messages come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, repeat

from ampviz.nodes.payload import Payload, Place, gather, runs
from ampviz.state import State

Block = tuple[Payload, int]
"""(what one forward call saved for all its rows, the node's version then)"""


class Kept:
    """Rows of the blocks that forward calls saved, by state.

    A block is kept whole and is let go with its last state, so that nothing is cut up per message; backward gets the
    rows of a block that come in the order in which they went as a view.
    """

    def __init__(self) -> None:
        self._places: dict[State, Place] = {}  # of a Block

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[State]:
        return iter(self._places)

    def keep(self, states: Sequence[State], counts: Sequence[int], saved: Payload, version: int) -> None:
        """Remember consecutive row ranges of `saved`, one a state; those of validation keys are left out."""
        stops = list(accumulate(counts))
        self._places.update(zip(states, zip(repeat((saved, version)), [0, *stops], stops)))  # noqa: B905 # one start too many
        if min(states)[0] < 0:
            for state in states:
                if state[0] < 0:
                    del self._places[state]

    def get(self, state: State) -> tuple[Payload, int] | None:
        """What is remembered for a state, and the node's version then; None if nothing is."""
        place = self._places.get(state)
        return None if place is None else _seen(place)

    def items(self) -> Iterator[tuple[State, tuple[Payload, int]]]:
        """Every state with what is remembered for it, and the node's version then."""
        for state, place in self._places.items():
            yield state, _seen(place)

    def __delitem__(self, state: State) -> None:
        del self._places[state]

    def drop(self, states: Sequence[State]) -> None:
        """Forget these states, as far as they are remembered."""
        if self._places:
            for state in states:
                self._places.pop(state, None)

    def take(self, states: Sequence[State]) -> tuple[Payload, Mapping[int, int]]:
        """The rows of these states in this order, and forget them; and how many were kept at each version.

        Raises KeyError for a state that is not remembered.
        """
        places = list(map(self._places.pop, states))
        found = runs(places)
        if len(found) == 1:
            versions: Mapping[int, int] = {found[0][0][1]: len(states)}
        else:
            versions = Counter([place[0][1] for place in places])
        return gather([(block[0], start, stop) for block, start, stop in found]), versions


def _seen(place: Place) -> tuple[Payload, int]:
    (saved, version), start, stop = place
    return gather([(saved, start, stop)]), version
