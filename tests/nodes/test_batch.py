"""Batches, the rows they gather, and where messages meet: against plain lists and dictionaries of single messages."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.nodes.batch import Batch, difference, merged
from ampviz.nodes.holder import Holder
from ampviz.nodes.kept import Kept
from ampviz.nodes.payload import gather, row_count, runs
from ampviz.nodes.rendezvous import Rendezvous
from ampviz.runtime.queue import Queue
from tests.nodes.delivery import arrays

COUNTS = st.lists(st.integers(0, 3), min_size=1, max_size=6)
KINDS = st.sampled_from(["array", "tuple", "silent"])


def payload_of(kind: str, rows: np.ndarray):
    if kind == "silent":
        return None
    return (rows[:, None], rows[:, None, None] * 2) if kind == "tuple" else rows[:, None]


def batch_of(kind: str, counts, port: int = 0, first: int = 0) -> Batch:
    """A batch with states (first,), (first + 1,) ... whose rows count from 100 first on."""
    states = [(first + number,) for number in range(len(counts))]
    rows = np.arange(sum(counts), dtype=np.float32) + 100 * first
    return Batch(port, states, payload_of(kind, rows), () if kind == "silent" else counts)


def plain(messages) -> list:
    """Messages that can be compared."""
    parts = [(port, state, payload if isinstance(payload, tuple) else (payload,)) for port, state, payload in messages]
    return [(port, state, [None if a is None else a.tolist() for a in arrays]) for port, state, arrays in parts]


@given(KINDS, COUNTS, st.data())
@settings(max_examples=50, deadline=None)
def test_a_batch_is_its_messages_however_it_is_cut(kind, counts, data):
    batch = batch_of(kind, counts)
    messages = plain(batch)
    assert len(messages) == len(batch) == len(counts)
    cut = data.draw(st.integers(0, len(counts)))
    assert [plain(part) for part in batch.cut(cut)] == [messages[:cut], messages[cut:]]
    chosen = data.draw(st.lists(st.booleans(), min_size=len(counts), max_size=len(counts)))
    kept = batch.where(chosen)
    assert plain(kept) == [message for message, wanted in zip(messages, chosen, strict=True) if wanted]
    ports = data.draw(st.lists(st.integers(0, 2), min_size=len(counts), max_size=len(counts)))
    assert [(port, plain(part)) for port, part in batch.by(ports)] == [
        (port, [message for message, own in zip(messages, ports, strict=True) if own == port])
        for port in sorted(set(ports))
    ]
    assert plain(merged([Batch.of(message) for message in batch])) == messages


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=8))
@settings(max_examples=50, deadline=None)
def test_rows_are_gathered_in_the_order_of_their_places(wanted):
    blocks = [np.arange(8.0) + 10 * number for number in range(3)]
    places = [(blocks[number], start, start + count) for number, start, count in wanted]
    expected = np.concatenate([block[start:stop] for block, start, stop in places])
    np.testing.assert_array_equal(gather(runs(places)), expected)
    pairs = [((block, -block), start, stop) for block, start, stop in places]
    one, other = gather(pairs)
    np.testing.assert_array_equal(one, expected)
    np.testing.assert_array_equal(other, -expected)


def test_a_whole_block_is_not_copied():
    block = np.arange(6.0)
    assert gather(runs([(block, 0, 2), (block, 2, 6)])) is block
    assert gather(runs([(block, 1, 2), (block, 2, 4)])).base is block


@given(st.lists(st.tuples(st.integers(0, 1), KINDS, COUNTS), min_size=1, max_size=5), st.data())
@settings(max_examples=50, deadline=None)
def test_a_queue_gives_the_messages_of_each_port_in_order(batches, data):
    queue, model, first = Queue([True, False]), [], 0
    for port, kind, counts in batches:
        batch = batch_of("array" if kind == "tuple" else kind, counts, port, first)
        queue.append(batch)
        model += plain(batch)
        first += len(counts)
        assert queue.rows >= len(queue)
    while model:
        assert (len(queue), plain(queue)) == (len(model), model)
        assert queue.oldest == model[0][1][0]
        assert queue.head == tuple(model[0][:2])
        if data.draw(st.booleans()):
            gone = data.draw(st.integers(0, first))
            queue.drop(gone)
            model = [message for message in model if message[1][0] != gone]
            continue
        count = data.draw(st.integers(1, len(model)))
        taken = queue.take(count)
        for port in (0, 1):
            for silent in (True, False):
                got = [message for batch in taken for message in plain(batch) if _is(message, port, silent)]
                assert got == [message for message in model[:count] if _is(message, port, silent)]
        assert len([batch for batch in taken if batch.port == 0]) <= 2
        model = model[count:]
    assert not queue


def _is(message, port: int, silent: bool) -> bool:
    return message[0] == port and (message[2] == [None]) == silent


@given(st.permutations(range(7)), st.permutations(range(7)), st.lists(st.integers(1, 7), min_size=1), st.data())
@settings(max_examples=100, deadline=None)
def test_messages_meet_as_if_they_came_one_by_one(left, right, sizes, data):
    meeting, table, left_over, dropped = Rendezvous(2), {}, {0: list(left), 1: list(right)}, -1
    if data.draw(st.booleans()):  # what comes alike on both sides stays together
        left_over[1] = list(left)
    by_state = data.draw(st.booleans())  # where messages meet is their state
    turns = iter(sizes * 14)
    while left_over[0] or left_over[1]:
        port = data.draw(st.sampled_from([port for port in (0, 1) if left_over[port]]))
        count = next(turns)
        keys, left_over[port] = left_over[port][:count], left_over[port][count:]
        states = [(key, 7 if by_state else port) for key in keys]
        wheres = states if by_state else keys
        complete = meeting.put(Batch(port, states, np.array(keys, float), [1] * len(keys)), wheres)
        due = [key for key in keys if table.pop(key, None) is not None]
        table |= {state[0]: state[1] for state in states if state[0] not in due}
        assert len(complete) == bool(due)
        for side in (0, 1) if complete else ():
            assert complete[0][side].states == [(key, 7 if by_state else side) for key in due]
            assert complete[0][side].payload.tolist() == due
        assert len(meeting) == len(table)
        assert sorted(state for _, state, _ in meeting.messages()) == sorted(table.items())
        if dropped < 0 and data.draw(st.integers(0, 4)) == 0:
            dropped = data.draw(st.integers(0, 6))
            meeting.drop(dropped)
            table.pop(dropped, None)
            left_over = {port: [key for key in keys if key != dropped] for port, keys in left_over.items()}
    assert not table
    assert not len(meeting)


def test_what_has_payloads_and_what_has_none_meets_in_groups_of_its_own():
    meeting = Rendezvous(2)
    assert meeting.put(batch_of("array", [1, 2, 1], first=1), [1, 2, 3]) == []
    assert meeting.put(batch_of("silent", [1, 1], first=4), [4, 5]) == []
    silent, loud = meeting.put(batch_of("array", [1, 1, 1], port=1, first=10), [4, 1, 2])
    assert [(one.states, one.payload, other.states) for one, other in [silent]] == [([(4,)], None, [(10,)])]
    assert [(one.states, one.counts, other.states) for one, other in [loud]] == [([(1,), (2,)], [1, 2], [(11,), (12,)])]
    assert loud[0].payload[:, 0].tolist() == [100, 101, 102]
    ((one, other),) = meeting.put(batch_of("silent", [1], port=1, first=13), [5])
    assert (one.states, one.payload, other.payload) == ([(5,)], None, None)
    assert [state for _, state, _ in meeting.messages()] == [(3,)]


def test_alike_batches_meet_whole():
    meeting = Rendezvous(2)
    first, second = (Batch(port, [(1,), (2,)], np.ones((3, 2)), [2, 1]) for port in (0, 1))
    assert meeting.put(first, [1, 2]) == []
    ((one, other),) = meeting.put(second, [1, 2])
    assert (other, one.states, one.counts) == (second, first.states, first.counts)
    assert one.payload is first.payload


def test_batches_stay_whole_again_once_two_were_alike():
    meeting = Rendezvous(2)

    def met(first: int, *, turned: bool = False) -> bool:
        """Whether a batch is given back itself when one for the same messages, or the same turned round, comes."""
        batches = [Batch(port, [(first,), (first + 1,)], np.ones((2, 2)), [1, 1]) for port in (0, 1)]
        assert meeting.put(batches[0], [first, first + 1]) == []
        wheres = [first + 1, first] if turned else [first, first + 1]
        ((one, other),) = meeting.put(batches[1], wheres)
        assert (sorted(one.states), other) == (batches[0].states, batches[1])
        return one is batches[0]

    assert [met(1), met(3, turned=True), met(5), met(7)] == [True, False, False, True]
    assert not len(meeting)


@pytest.mark.parametrize("wheres", [[3, 3], [4, 1]])
@pytest.mark.parametrize("parted", [True, False])
def test_a_port_that_delivers_twice_is_an_error(wheres, parted):
    meeting = Rendezvous(2)
    meeting.put(Batch(0, [(1,), (2,)]), [1, 2])
    if parted:
        meeting.put(Batch(1, [(2,)]), [2])
    with pytest.raises(ValueError, match=r"input 0 delivered state \(6,\) twice"):
        meeting.put(Batch(0, [(5,), (6,)]), wheres)


def test_a_port_that_delivers_twice_what_others_wait_for_is_an_error():
    meeting = Rendezvous(2)
    meeting.put(Batch(0, [(1,), (2,)]), [1, 2])
    with pytest.raises(ValueError, match=r"input 1 delivered state \(6,\) twice"):
        meeting.put(Batch(1, [(5,), (6,)]), [1, 1])


@given(st.sampled_from(["array", "tuple"]), st.lists(COUNTS, min_size=1, max_size=8), st.booleans(), st.data())
@settings(max_examples=100, deadline=None)
def test_a_holder_gives_back_any_messages_in_any_order(kind, came, single, data):
    holder, held, first = Holder(), {}, 0
    for counts in came:
        counts = [1] * len(counts) if single else counts
        rows = np.arange(first, first + sum(counts), dtype=np.float32)
        first += len(rows)
        numbers = holder.put(payload_of(kind, rows), counts)
        assert held.keys().isdisjoint(numbers)
        held |= dict(zip(numbers, np.split(rows, np.cumsum(counts)[:-1]), strict=True))
        wanted = data.draw(st.sampled_from([numbers, data.draw(st.permutations(sorted(held)))]))
        wanted = wanted[: data.draw(st.integers(0, len(wanted)))]
        action = data.draw(st.sampled_from([holder.look, holder.take, holder.free])) if wanted else holder.free
        found = action(wanted)
        if found:
            expected = payload_of(kind, np.concatenate([held[number] for number in wanted]))
            assert list(found[1]) == [len(held[number]) for number in wanted]
            for one, other in zip(arrays(found[0]), arrays(expected), strict=True):
                np.testing.assert_array_equal(one, other)
        if action != holder.look:
            held = {number: rows for number, rows in held.items() if number not in wanted}


@given(st.lists(st.tuples(st.integers(1, 20), st.integers(0, 2)), min_size=1, max_size=6), st.data())
@settings(max_examples=50, deadline=None)
def test_what_is_kept_is_taken_with_how_many_were_kept_at_each_version(came, data):
    kept, model, first = Kept(), {}, 0
    for count, version in came:
        signs = data.draw(st.lists(st.sampled_from([1, 1, 1, -1]), min_size=count, max_size=count))
        states = [(sign * number,) for number, sign in enumerate(signs, first + 1)]
        first += count
        kept.keep(states, [1] * count, np.arange(first - count, first, dtype=float), version)
        model |= {state: (abs(state[0]) - 1, version) for state in states if state[0] > 0}
        assert {state: (rows.tolist(), own) for state, (rows, own) in kept.items()} == {
            state: ([row], own) for state, (row, own) in model.items()
        }
        wanted = data.draw(st.permutations(sorted(model)))
        wanted = wanted[: data.draw(st.integers(0, len(wanted)))]
        if wanted:
            rows, versions = kept.take(wanted)
            taken = [model.pop(state) for state in wanted]
            assert rows.tolist() == [row for row, _ in taken]
            assert versions == Counter(own for _, own in taken)
    assert set(kept) == model.keys()
    assert all(kept.get(state)[1] == own for state, (_, own) in model.items())
    assert kept.get((first + 1,)) is None


def test_what_is_held_and_taken_again_as_it_came_is_not_copied():
    holder, rows = Holder(), [np.ones((3, 2)), np.ones((3, 2))]
    numbers = [holder.put(own, counts) for own, counts in zip(rows, ([1, 1, 1], [2, 1]), strict=True)]
    for own, wanted in zip(rows, numbers, strict=True):
        assert holder.take(wanted)[0] is own


def test_the_first_difference_of_row_counts_is_told():
    assert difference([1, 2], (1, 2)) is None
    assert difference([1, 2, 3], [1, 5, 4]) == (2, 5)
    assert row_count(None) == 0
