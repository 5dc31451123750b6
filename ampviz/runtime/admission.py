"""Which instances are in flight, and whose turn is next: pure, the controller's half of admitting and retiring.

Where the nodes of an instance are on several workers, all of them are told of each one (`ForAll`). Where every worker
hosts all nodes, instances are dealt out in lots (`Dealt`): a worker has some at hand that wait, and begins one itself
when another came home, so that neither it nor the session waits for the other's word instance by instance.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ampviz.runtime.commands import Admit, Command, Drop, Retire
from ampviz.runtime.plan import ALL

Addressed = tuple[int, Command]


class Admission:
    """What both kinds have. `open` a phase; then after each change `admit`, whose commands are to be sent."""

    def __init__(self) -> None:
        self.in_flight: dict[int, float] = {}  # key -> when it was admitted
        self._dropped: set[int] = set()  # keys of this phase
        self._order: Sequence[int] = ()
        self._next = self._end = 0  # of the order
        self._first_key = self._step = 0

    def open(self, order: Sequence[int], first_key: int, step: int) -> None:
        """A phase has begun: these indices, with keys from the first one on, upwards (1) or downwards (-1)."""
        self._order, self._next, self._end = order, 0, len(order)
        self._first_key, self._step = first_key, step
        self._dropped.clear()

    def close(self) -> None:
        """Admit no more of this phase."""
        self._end = self._next

    @property
    def size(self) -> int:
        return len(self._order)

    @property
    def left(self) -> int:
        """Instances of this phase that no worker has been told of."""
        return self._end - self._next

    @property
    def done(self) -> bool:
        """Whether all instances of the phase came home or were dropped."""
        return not self.left and not self.in_flight

    def next_key(self) -> int:
        """The key that the next instance gets."""
        return self._first_key + self._step * self._next

    def owner(self, key: int) -> int:
        """The worker that an instance stays with; 0 where it is not known."""
        return 0

    def admit(self, limit: int, now: float, *, ahead: bool = True) -> list[Addressed]:
        """Let as many be in flight; not `ahead`: leave nothing at hand with workers."""
        raise NotImplementedError

    def home(self, worker: int, keys: Sequence[int]) -> tuple[list[int], list[Addressed]]:
        """These came home to a worker: which of them came home everywhere, and who is to forget them."""
        raise NotImplementedError

    def drop(self, key: int) -> list[Addressed]:
        """Forget an instance in flight."""
        del self.in_flight[key]
        self._dropped.add(key)
        return [(ALL, Drop(key))]

    def _take(self, count: int) -> tuple[range, Sequence[int]]:
        """Keys and indices of the next instances."""
        first, indices = self.next_key(), self._order[self._next : self._next + count]
        self._next += count
        return range(first, first + self._step * count, self._step), indices


class ForAll(Admission):
    """Every worker is told of every instance, which came home when all workers with sources have said so."""

    def __init__(self, source_workers: int):
        super().__init__()
        self._source_workers = source_workers
        self._not_home: dict[int, int] = {}  # key -> workers whose sources still wait

    def admit(self, limit: int, now: float, *, ahead: bool = True) -> list[Addressed]:
        count = min(limit - len(self.in_flight), self.left)
        if count <= 0:
            return []
        keys, indices = self._take(count)
        self.in_flight.update(dict.fromkeys(keys, now))
        self._not_home.update(dict.fromkeys(keys, self._source_workers))
        return [(ALL, Admit(tuple(keys), tuple(indices)))]

    def home(self, worker: int, keys: Sequence[int]) -> tuple[list[int], list[Addressed]]:
        retired = []
        for key in keys:
            if key in self._dropped:
                continue  # it came home to this worker before the word of its end got there
            self._not_home[key] -= 1
            if not self._not_home[key]:
                del self._not_home[key], self.in_flight[key]
                retired.append(key)
        return retired, [(ALL, Retire(tuple(retired)))] if retired else []

    def drop(self, key: int) -> list[Addressed]:
        del self._not_home[key]
        return super().drop(key)


@dataclass(slots=True, eq=False)
class _Lane:
    """One worker: what it has in flight and at hand, as far as it has said."""

    worker: int
    room: int = 0  # instances that it may have in flight
    told: int = -1  # the room it knows of
    active: int = 0
    waiting: deque[int] = field(default_factory=deque)  # keys at hand
    reserve: int = 0  # how many it should have at hand
    keys: list[int] = field(default_factory=list)  # to be told of, with their indices
    indices: list[int] = field(default_factory=list)

    def lacks(self, ahead: int) -> int:
        """How many more it should know of, with at most so many at hand."""
        return self.room + min(self.reserve, ahead) - self.active - len(self.waiting) if self.room else 0


class Dealt(Admission):
    """An instance is dealt to the worker that has room for it, and stays there.

    `in_flight` follows what the workers do with what they have at hand, by the same rule, a report later.
    """

    def __init__(self, workers: int):
        super().__init__()
        self._lanes = [_Lane(worker) for worker in range(workers)]
        self._owner: dict[int, _Lane] = {}

    @property
    def done(self) -> bool:
        return not self.left and not self._owner

    def owner(self, key: int) -> int:
        lane = self._owner.get(key)
        return 0 if lane is None else lane.worker

    def admit(self, limit: int, now: float, *, ahead: bool = True) -> list[Addressed]:
        self._share(limit)
        if not any(lane.waiting and not lane.room for lane in self._lanes):
            # Towards the end they have less and less at hand, so that they end together.
            self._deal(self.left // (2 * len(self._lanes)) if ahead else 0)
        for lane in self._lanes:
            while lane.waiting and lane.active < lane.room:
                self.in_flight[lane.waiting.popleft()] = now
                lane.active += 1
        return [entry for lane in self._lanes for entry in _told(lane)]

    def home(self, worker: int, keys: Sequence[int]) -> tuple[list[int], list[Addressed]]:
        lane, retired = self._lanes[worker], [key for key in keys if key not in self._dropped]
        for key in retired:
            del self._owner[key]
            if self.in_flight.pop(key, None) is None:
                lane.waiting.remove(key)  # it had begun before it heard that there is less room
            else:
                lane.active -= 1
        lane.reserve = 2 * len(keys)  # enough until its next report has been answered
        return retired, []

    def drop(self, key: int) -> list[Addressed]:
        lane = self._owner.pop(key)
        lane.active -= 1
        return [(lane.worker, command) for _, command in super().drop(key)]

    def _share(self, limit: int) -> None:
        """Divide what may be in flight. Where it does not reach for all, those go first that have something."""
        lanes = self._lanes
        if limit < len(lanes):
            lanes = sorted(lanes, key=lambda lane: not (lane.active or lane.waiting))
        each, more = divmod(limit, len(lanes))
        for number, lane in enumerate(lanes):
            lane.room = each + (number < more)

    def _deal(self, ahead: int) -> None:
        """In turns, to all that lack instances."""
        lacking = [(lane, lane.lacks(ahead)) for lane in self._lanes]
        while lacking and self.left:
            lacking = [(lane, lacks) for lane, lacks in lacking if lacks > 0]
            alone = len(lacking) == 1
            for number, (lane, lacks) in enumerate(lacking):
                keys, indices = self._take(min(lacks if alone else 1, self.left))
                lane.waiting += keys
                lane.keys += keys
                lane.indices += indices
                self._owner.update(dict.fromkeys(keys, lane))
                lacking[number] = (lane, 0 if alone else lacks - 1)


def _told(lane: _Lane) -> list[Addressed]:
    """What there is to tell a worker."""
    if not lane.keys and lane.told == lane.room:
        return []
    command = Admit(tuple(lane.keys), tuple(lane.indices), lane.room)
    lane.keys.clear()
    lane.indices.clear()
    lane.told = lane.room
    return [(lane.worker, command)]
