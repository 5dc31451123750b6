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

    def enter(self) -> int | None:
        """The next key, in flight from now on; None if none is at hand or there is no room."""
        if not self.waiting or 0 <= self.room <= len(self._indices):
            return None
        key, index = self.waiting.popleft()
        self._indices[key] = index
        self.admitted[key] = self._clock()
        return key

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

    def start(self, key: int, sources: int) -> None:
        """So many sources have begun."""
        self._sources_out[key] = sources

    def came_home(self, key: int) -> bool:
        """A source has got its backward message; whether it was the last one."""
        self._sources_out[key] -= 1
        if self._sources_out[key]:
            return False
        del self._sources_out[key]
        return True

    def park(self, key: int, message: Parcel) -> None:
        """Keep a message whose key is not in flight."""
        if key not in self._dropped:
            self._parked.setdefault(key, []).append(message)

    def parked(self, key: int) -> Sequence[Parcel]:
        """The messages that came before their key, which are kept no longer."""
        return self._parked.pop(key, ())

    def leave(self, key: int) -> None:
        """A key in flight has left."""
        del self._indices[key], self.admitted[key]
        self.instances.pop(key, None)

    def drop(self, key: int) -> None:
        """A key in flight is given up; what still comes of it is ignored."""
        self.leave(key)
        self._sources_out.pop(key, None)
        self._dropped.add(key)
