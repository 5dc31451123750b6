"""Policies: which queue is served next, against plain descriptions of each rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.knobs import POLICIES as KNOB_CHOICES
from ampviz.message import BACKWARD, FORWARD
from ampviz.nodes.base import Node
from ampviz.nodes.batch import Batch
from ampviz.runtime.policy import POLICIES
from ampviz.runtime.queue import Queue
from ampviz.runtime.slot import Slot

KEYS = st.integers(-9, 9)
QUEUES = st.lists(st.tuples(KEYS, st.integers(1, 20) | st.none()), max_size=4)
SLOTS = st.lists(st.tuples(QUEUES, QUEUES, st.integers(0, 5), st.booleans()), min_size=1, max_size=5)


def slot(forward, backward=(), since: int = 0, in_loop: bool = True) -> Slot:
    """A slot whose queues hold messages of (key, rows); rows None is a message without payload."""
    made = Slot(Node("node"), ([], []), (Queue([True]), Queue([True])), in_loop, ready_since=since)
    for queue, messages in zip(made.queues, (forward, backward), strict=True):
        for key, rows in messages:
            queue.append(Batch.of((0, (key, 5), None if rows is None else np.zeros((rows, 2), np.float32))))
    return made


def lines(slots) -> tuple[dict[int, Slot], dict[int, Slot]]:
    """The ready slots of each direction, in the order of their turn."""
    forward, backward = (
        {index: each for index, each in enumerate(slots) if each.queues[direction]} for direction in (FORWARD, BACKWARD)
    )
    return forward, backward


def choose(policy: str, *slots: Slot) -> tuple[int, int]:
    """The index of the slot chosen, and the direction."""
    chosen, direction = POLICIES[policy](*lines(slots))
    return [each is chosen for each in slots].index(True), direction


def rows(queue) -> int:
    """The rows that a policy takes a queue to have: one at least of each message."""
    return sum(1 if payload is None else len(payload) for _, _, payload in queue)


def oldest(queue) -> int:
    _, state, _ = next(iter(queue))
    return abs(state[0])


def test_there_is_a_policy_for_every_choice_of_the_knob():
    assert sorted(POLICIES) == sorted(KNOB_CHOICES)


@given(st.sampled_from(sorted(POLICIES)), SLOTS)
@settings(max_examples=50, deadline=None)
def test_the_choice_follows_the_rule(policy, described):
    slots = [slot(*each) for each in described]
    forward, backward = lines(slots)
    if not forward and not backward:
        return
    everything = [(index, BACKWARD) for index in backward] + [(index, FORWARD) for index in forward]
    preferred = [choice for choice in everything if choice[1] is BACKWARD] or everything
    queues = {(index, direction): slots[index].queues[direction] for index, direction in everything}
    inside = [slots[index].in_loop for index, _ in everything]
    enough = [
        choice
        for choice, turns in zip(everything, inside, strict=True)
        if rows(queues[choice]) >= (16 if turns else 64)
    ]
    loops = [choice for choice, turns in zip(everything, inside, strict=True) if turns] or everything
    expected = {
        "backward": lambda: min(preferred, key=lambda choice: (oldest(queues[choice]), not slots[choice[0]].in_loop)),
        "fifo": lambda: min(everything, key=lambda choice: slots[choice[0]].ready_since),
        "oldest": lambda: min(everything, key=lambda choice: oldest(queues[choice])),
        "deepest": lambda: max(everything, key=lambda choice: rows(queues[choice])),
        "mixed": lambda: enough[0] if enough else max(loops, key=lambda choice: rows(queues[choice])),
    }[policy]()
    assert choose(policy, *slots) == expected


@pytest.mark.parametrize("policy", sorted(POLICIES))
@pytest.mark.parametrize("direction", [FORWARD, BACKWARD])
def test_the_only_queue_is_served(policy, direction):
    messages = [(3, 2)]
    only = slot(messages) if direction is FORWARD else slot([], messages)
    assert choose(policy, only) == (0, direction)


@pytest.mark.parametrize("policy", ["backward", "deepest", "oldest", "fifo", "mixed"])
def test_backward_wins_a_tie(policy):
    assert choose(policy, slot([(3, 2)]), slot([], [(3, 2)])) == (1, BACKWARD)


@pytest.mark.parametrize("policy", ["backward", "oldest"])
def test_validation_keys_count_by_their_age_too(policy):
    assert choose(policy, slot([(-5, 1)]), slot([(-2, 1)]), slot([(-9, 1)])) == (1, FORWARD)


def test_strict_backward_first_serves_one_row_before_any_number_forward():
    deep = slot([(0, 100)] * 50)
    assert choose("backward", deep, slot([], [(9, 1)])) == (1, BACKWARD)
    assert choose("mixed", deep, slot([], [(9, 1)])) == (0, FORWARD)


def test_of_one_instance_what_turns_in_a_loop_goes_first():
    outside, inside = slot([], [(3, 1)], in_loop=False), slot([], [(3, 1)])
    assert choose("backward", outside, inside) == (1, BACKWARD)
    assert choose("backward", slot([], [(2, 1)], in_loop=False), inside) == (0, BACKWARD)


@pytest.mark.parametrize(("size", "served"), [(15, 0), (16, 1)])
def test_mixed_serves_backward_first_from_sixteen_rows_on(size, served):
    assert choose("mixed", slot([(0, 100)]), slot([], [(5, size)]))[0] == served


def test_mixed_lets_what_stands_outside_of_loops_wait_for_150_rows():
    turning = slot([(0, 2)])
    assert choose("mixed", slot([], [(1, 149)], in_loop=False), turning) == (1, FORWARD)
    assert choose("mixed", slot([], [(1, 150)], in_loop=False), turning) == (0, BACKWARD)
    assert choose("mixed", slot([], [(1, 3)], in_loop=False), slot([(2, 4)], in_loop=False)) == (1, FORWARD)


def test_the_parts_of_a_tuple_count_once():
    pair = slot([])
    pair.queues[FORWARD].append(Batch.of((0, (1,), (np.zeros((4, 2)), np.zeros((4, 9))))))
    assert choose("deepest", slot([(0, 5)]), pair) == (0, FORWARD)
    assert choose("deepest", slot([(0, 3)]), pair) == (1, FORWARD)
