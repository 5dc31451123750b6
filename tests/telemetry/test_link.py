"""The link's vocabulary: every request and answer survives the wire, and nothing else decodes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.link import (
    VERSION,
    Finished,
    FromSession,
    Hello,
    Pause,
    Reply,
    Request,
    Resume,
    SetKnob,
    Step,
    StepGoal,
    Stop,
    StopHow,
    Tick,
    encode,
    request_decoder,
    session_decoder,
)
from tests.telemetry.samples import INFO, event, point, report, snapshot

REQUESTS: list[Request] = [
    Pause(1),
    Resume(2),
    *(Step(3, goal) for goal in StepGoal),
    SetKnob(4, "learning_rate", 0.5),
    SetKnob(5, "fc1.min_update_interval", 7),
    SetKnob(6, "policy", "mixed"),
    SetKnob(7, "validate", False),
    *(Stop(8, how) for how in StopHow),
]
FULL = snapshot(
    2.5,
    new_points=(point(1), point(2)),
    new_epochs=(report(),),
    new_events=(event(1, "lr"),),
    stepped="fc1.F key=7",
    next=("loss.B key=3", ""),
)
ANSWERS: list[FromSession] = [
    Hello(VERSION, INFO, control=True),
    Tick(snapshot()),
    Tick(FULL),
    Reply(1),
    Reply(2, "out of range", "2 → 3"),
    Finished(0, "", {"exit": 0, "epochs": [{"train_loss": 0.5, "valid_loss": None}]}),
]


def kind(message: object) -> str:
    return type(message).__name__


@pytest.mark.parametrize("request_", REQUESTS, ids=kind)
def test_every_request_decodes_to_itself(request_):
    (decoded,) = request_decoder.decode(encode([request_]))
    assert decoded == request_
    assert type(decoded) is type(request_)


@pytest.mark.parametrize("answer", ANSWERS, ids=kind)
def test_every_answer_decodes_to_itself(answer):
    (decoded,) = session_decoder.decode(encode([answer]))
    assert decoded == answer
    assert type(decoded) is type(answer)


@given(st.lists(st.sampled_from(REQUESTS)))
@settings(max_examples=25, deadline=None)
def test_a_frame_of_many_requests_keeps_their_order(requests):
    assert request_decoder.decode(encode(requests)) == requests


@given(
    st.integers(0, 2**63 - 1),
    st.text(),
    st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text()),
)
@settings(max_examples=50, deadline=None)
def test_a_knob_value_keeps_its_type(number, name, value):
    (decoded,) = request_decoder.decode(encode([SetKnob(number, name, value)]))
    assert decoded == SetKnob(number, name, value)
    assert type(decoded.value) is type(value)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "explode", "id": 1},
        {"id": 1},
        {"type": "pause"},
        {"type": "pause", "id": "1"},
        {"type": "pause", "id": 1.5},
        {"type": "step", "id": 1, "goal": "epoch"},
        {"type": "set", "id": 1, "name": 3, "value": 1},
        {"type": "set", "id": 1, "name": "mak", "value": None},
        {"type": "set", "id": 1, "name": "mak", "value": [1]},
        {"type": "stop", "id": 1, "how": "later"},
        {"type": "reply", "id": 1},
        ["pause", 1],
        None,
    ],
    ids=repr,
)
def test_what_is_not_a_request_is_refused(message):
    with pytest.raises(msgspec.ValidationError):
        request_decoder.decode(encode([message]))


@pytest.mark.parametrize(
    "message",
    [
        {"type": "pause", "id": 1},
        {"type": "reply"},
        {"type": "tick", "snapshot": {"at": 1.0}},
        {"type": "tick", "snapshot": {**msgspec.to_builtins(FULL), "status": "asleep"}},
        {"type": "hello", "version": "1", "session": msgspec.to_builtins(INFO), "control": True},
        {"type": "finished", "exit": 0, "error": "", "report": []},
    ],
    ids=lambda message: message["type"],
)
def test_what_is_not_an_answer_is_refused(message):
    with pytest.raises(msgspec.ValidationError):
        session_decoder.decode(encode([message]))


def test_an_answer_built_from_plain_values_is_accepted_as_the_struct():
    plain = {"type": "tick", "snapshot": msgspec.to_builtins(FULL)}
    assert session_decoder.decode(encode([plain])) == [Tick(FULL)]
