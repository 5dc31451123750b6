"""What a transform remembers of messages that went forward, until their backward messages come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from ampviz.nodes.holder import Holder
from ampviz.nodes.payload import Payload
from ampviz.state import State


class Kept:
    """Rows that forward calls saved, and the node's version then, by state; none of validation keys."""

    def __init__(self) -> None:
        self._holder = Holder()
        self._held: dict[State, int] = {}  # number in the holder
        self._versions: list[int] = []  # by number; that of a free number means nothing

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[State]:
        return iter(self._held)

    def keep(self, states: Sequence[State], counts: Sequence[int], saved: Payload, version: int) -> None:
        """Remember consecutive row ranges of `saved`, one a state; those of validation keys are left out."""
        validation = [state for state in states if state[0] < 0]
        if len(validation) == len(states):
            return
        numbers, versions = self._holder.put(saved, counts), self._versions
        self._held.update(zip(states, numbers, strict=True))
        if len(versions) < self._holder.size:
            versions += [0] * (self._holder.size - len(versions))
        for number in numbers:
            versions[number] = version
        self.drop(validation)

    def get(self, state: State) -> tuple[Payload, int] | None:
        """What is remembered for a state, and the node's version then; None if nothing is."""
        number = self._held.get(state)
        return None if number is None else self._entry(number)

    def items(self) -> Iterator[tuple[State, tuple[Payload, int]]]:
        """Every state with what is remembered for it, and the node's version then."""
        for state, number in self._held.items():
            yield state, self._entry(number)

    def __delitem__(self, state: State) -> None:
        self._holder.free([self._held.pop(state)])

    def drop(self, states: Sequence[State]) -> None:
        """Forget these states, as far as they are remembered."""
        for state in states if self._held else ():
            if state in self._held:
                del self[state]

    def take(self, states: Sequence[State]) -> tuple[Payload, Mapping[int, int]]:
        """The rows of these states in this order, and forget them; and how many were kept at each version.

        Raises KeyError for a state that is not remembered.
        """
        numbers = list(map(self._held.pop, states))
        versions = list(map(self._versions.__getitem__, numbers))
        alike = versions.count(versions[0]) == len(versions)
        counted = {versions[0]: len(versions)} if alike else Counter(versions)
        return self._holder.take(numbers)[0], counted

    def _entry(self, number: int) -> tuple[Payload, int]:
        return self._holder.look([number])[0], self._versions[number]
