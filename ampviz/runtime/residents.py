"""The instances that are with one worker: at hand, or in flight with their data; and messages ahead of theirs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from ampviz.data.dataset import Dataset, Instance
from ampviz.errors import NodeError
from ampviz.message import is_training
from ampviz.runtime.router import Parcel


class Residents:
    """Keys enter when there is room, and leave when all their sources have their backward messages, or are dropped.

    A message of another worker may come before its key does: it is parked until then, unless the key was dropped.
    """

    def __init__(self, worker: int, datasets: tuple[Dataset, Dataset | None], clock: Callable[[], int]):
        self._worker, self._datasets, self._clock = worker, datasets, clock
        self.room = -1  # keys that may be in flight here; below 0 all that are at hand
        self.waiting: deque[tuple[int, int]] = deque()  # keys at hand that there was no room for yet, and their indices
        self.admitted: dict[int, int] = {}  # keys in flight -> when they entered
        self._indices: dict[int, int] = {}  # keys in flight -> index into the data set
        self.instances: dict[int, Instance] = {}  # those whose data was read
        self._sources_out: dict[int, int] = {}  # key -> sources that still wait for their backward message
        self._parked: dict[int, list[Parcel]] = {}
        self._dropped: set[int] = set()  # keys that other workers may still send messages of

    def __contains__(self, key: int) -> bool:
        """Whether it is in flight."""
        return key in self._indices

    def __len__(self) -> int:
        """How many things are remembered."""
        kept = len(self._indices) + len(self.instances) + len(self._sources_out) + len(self._parked)
        return kept + len(self.waiting)

    def enter(self) -> list[int]:
        """The next keys, as many as are at hand and there is room for, in flight from now on."""
        count = len(self.waiting) if self.room < 0 else min(len(self.waiting), self.room - len(self._indices))
        entering = dict([self.waiting.popleft() for _ in range(count)])
        self._indices |= entering
        self.admitted |= dict.fromkeys(entering, self._clock())
        return list(entering)

    def instance(self, key: int) -> Instance:
        """The data of a key in flight, read once. Raises NodeError if the data set fails."""
        instance = self.instances.get(key)
        if instance is None:
            dataset = self._datasets[0] if is_training(key) else self._datasets[1]
            assert dataset is not None  # validation keys are admitted only where there is a validation split
            index = self._indices[key]
            try:
                instance = self.instances[key] = dataset[index]
            except Exception as error:
                where = f"instance {index} of {type(dataset).__name__} (key {key}, worker {self._worker})"
                raise NodeError(f"{type(error).__name__}: {error}", where=where) from error
        return instance

    def start(self, keys: Sequence[int], sources: int) -> None:
        """So many sources have begun with these."""
        self._sources_out |= dict.fromkeys(keys, sources)

    def came_home(self, keys: Sequence[int]) -> list[int]:
        """A source has got its backward messages for these; for which of them it was the last source."""
        out, home = self._sources_out, []
        for key in keys:
            out[key] -= 1
            if not out[key]:
                del out[key]
                home.append(key)
        return home

    def park(self, key: int, message: Parcel) -> None:
        """Keep a message whose key is not in flight."""
        if key not in self._dropped:
            self._parked.setdefault(key, []).append(message)

    def parked(self, keys: Sequence[int]) -> list[Parcel]:
        """The messages that came before these keys did, which are kept no longer."""
        return [message for key in keys for message in self._parked.pop(key, ())] if self._parked else []

    def leave(self, keys: Sequence[int]) -> None:
        """Keys in flight have left."""
        for key in keys:
            del self._indices[key], self.admitted[key]
            self.instances.pop(key, None)

    def drop(self, key: int) -> None:
        """A key in flight is given up; what still comes of it is ignored."""
        self.leave([key])
        self._sources_out.pop(key, None)
        self._dropped.add(key)
