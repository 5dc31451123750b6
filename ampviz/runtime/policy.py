"""Which queue a worker serves next. A policy sees the slots whose queues are not empty, and is never asked without one.

The ready slots of each direction stand in the order of their turn: a slot served goes to the end of its line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ampviz.message import BACKWARD, FORWARD, Direction
from ampviz.runtime.slot import Slot

Ready = Mapping[int, Slot]
Choice = tuple[Slot, Direction]


class Policy(Protocol):
    """Chooses among ready slots; at least one of the two maps is not empty."""

    def __call__(self, forward: Ready, backward: Ready) -> Choice: ...


def backward_first(forward: Ready, backward: Ready) -> Choice:
    """Backward messages before forward ones (the paper, section 3); among equals the instance admitted first.

    The tie-break keeps instances at different phases. Serving nodes in turn would let all instances march forward in
    step and then all back, which gives every gradient the largest staleness: MNIST at 4 keys diverged that way.
    Of one instance what turns in a loop goes first: what has left it, such as the gradients of all words of a sequence,
    comes together meanwhile.
    """
    ready, direction = (backward, BACKWARD) if backward else (forward, FORWARD)
    if len(ready) == 1:
        return next(iter(ready.values())), direction
    return min(ready.values(), key=lambda slot: (slot.queues[direction].oldest, not slot.in_loop)), direction


def first_in_line(forward: Ready, backward: Ready) -> Choice:
    """The node that has waited longest, whatever the direction."""
    return _best(forward, backward, lambda slot, direction: -slot.ready_since)


def oldest_key(forward: Ready, backward: Ready) -> Choice:
    """The queue whose head belongs to the instance admitted first."""
    return _best(forward, backward, lambda slot, direction: -slot.queues[direction].oldest)


def deepest(forward: Ready, backward: Ready) -> Choice:
    """The queue with most rows; backward wins a tie."""
    return _best(forward, backward, lambda slot, direction: slot.queues[direction].rows)


_ENOUGH_ROWS = 16
_ENOUGH_OUTSIDE = 150  # of a queue that stands in no loop


def mixed(forward: Ready, backward: Ready) -> Choice:
    """Lets small messages gather for coalescing: backward first among queues of enough rows, else a loop's deepest.

    16 rows are enough in a loop, 150 elsewhere: a message that turns keeps its whole instance waiting, and brings
    others to meet; what enters or has left can wait. So leaves, losses and tables of words take most rows at a time.
    """
    best, most = None, 0
    for ready, direction in ((backward, BACKWARD), (forward, FORWARD)):
        for slot in ready.values():
            rows, in_loop = slot.queues[direction].rows, slot.in_loop
            if rows >= (_ENOUGH_ROWS if in_loop else _ENOUGH_OUTSIDE):
                return slot, direction
            weight = rows + _ENOUGH_OUTSIDE if in_loop else rows
            if weight > most:
                best, most = (slot, direction), weight
    assert best is not None  # a ready queue has rows
    return best


def _best(forward: Ready, backward: Ready, score: Callable[[Slot, Direction], Any]) -> Choice:
    choices = [(slot, BACKWARD) for slot in backward.values()] + [(slot, FORWARD) for slot in forward.values()]
    return max(choices, key=lambda choice: score(*choice))


POLICIES: dict[str, Policy] = {
    "backward": backward_first,
    "mixed": mixed,
    "oldest": oldest_key,
    "deepest": deepest,
    "fifo": first_in_line,
}
