"""The small benchmarks run: what they measure is said by them, that they work is said here."""

from __future__ import annotations

import pytest

from benchmarks import dispatch, wire


@pytest.mark.parametrize("column", [1, 4])
def test_messages_go_from_one_process_to_the_other(monkeypatch, column):
    monkeypatch.setattr(wire, "_MESSAGES", 256)
    numbers = wire.measure(512, column)
    assert set(numbers) >= {"sender_us", "receiver_us"}
    assert all(value > 0 for value in numbers.values())


def test_messages_are_dispatched_without_a_kernel():
    assert dispatch.microseconds(dispatch.chain(3), keys=2, messages=50) > 0
    assert dispatch.microseconds(dispatch.turning(5), keys=4, messages=50, max_batch=16) > 0
