"""The link's vocabulary: every request and answer survives the wire, and nothing else decodes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ampviz.telemetry.inspection import (
    ArraySummary,
    Breakpoint,
    Hop,
    KeyDetail,
    Lint,
    MessageDetail,
    NodeDetail,
    ParameterDetail,
)
from ampviz.telemetry.link import (
    VERSION,
    Drop,
    Finished,
    FromSession,
    Hello,
    Hold,
    InspectKey,
    InspectMessage,
    InspectNode,
    Pause,
    RemoveBreakpoint,
    Reply,
    Request,
    Resume,
    SetBreakpoint,
    SetKnob,
    Step,
    StepGoal,
    Stop,
    StopHow,
    SwitchLint,
    TakeControl,
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
    Step(9, node="cell"),
    TakeControl(10),
    SetBreakpoint(11, "cell.B:0 if staleness > 8", number=2, enabled=False),
    RemoveBreakpoint(12, 2),
    Hold(13, "cell"),
    Drop(14, -3),
    SwitchLint(15, 1, on=False),
    InspectNode(16, "cell"),
    InspectMessage(17, "cell.B key=7 t=3"),
    InspectKey(18, 7),
]
FULL = snapshot(
    2.5,
    new_points=(point(1), point(2)),
    new_epochs=(report(),),
    new_events=(event(1, "lr"),),
    stepped="fc1.F key=7",
    next=("loss.B key=3", ""),
    stopped_by="1 fc1.F",
    held=("fc1",),
    breakpoints=(Breakpoint(1, "fc1.F", hits=3),),
    lints=(Lint(1, "starved worker", "give it a heavy node", 0.2, found=("worker 1: 0.1 < 0.2",)),),
    trace=b"\x00\xff",
)
ARRAY = ArraySummary("float32", (2, 3), -1.0, 1.0, 0.0, 2.0, histogram=(3, 3), first=(-1.0, 1.0))
ANSWERS: list[FromSession] = [
    Hello(VERSION, INFO),
    Tick(snapshot()),
    Tick(FULL),
    Reply(1),
    Reply(2, "out of range", "2 → 3"),
    Reply(3, detail=NodeDetail("fc1", 0, parameters=(ParameterDetail("W", ARRAY, ARRAY),))),
    Reply(4, detail=MessageDetail("fc1.B key=7", "cache", 0, (ARRAY,), 3, 5)),
    Reply(5, detail=KeyDetail(7, 0.5, path=(Hop(0.25, 0.001, "fc1.F key=7", 0),))),
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
        {"type": "step", "id": 1, "goal": "forever"},
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
        {"type": "tick", "snapshot": {**msgspec.to_builtins(FULL, builtin_types=(bytes,)), "status": "asleep"}},
        {"type": "hello", "version": "1", "session": msgspec.to_builtins(INFO)},
        {"type": "finished", "exit": 0, "error": "", "report": []},
    ],
    ids=lambda message: message["type"],
)
def test_what_is_not_an_answer_is_refused(message):
    with pytest.raises(msgspec.ValidationError):
        session_decoder.decode(encode([message]))


@given(
    st.sampled_from([(request_decoder, REQUESTS), (session_decoder, ANSWERS)]),
    st.data(),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), min_size=1, max_size=4),
)
@settings(max_examples=200, deadline=None)
def test_a_damaged_frame_is_other_messages_or_refused(direction, data, flips):
    decoder, messages = direction
    frame = bytearray(encode([data.draw(st.sampled_from(messages))]))
    for position, flip in flips:
        frame[position % len(frame)] ^= flip
    try:
        decoded = decoder.decode(bytes(frame))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return
    assert {type(message) for message in decoded} <= {type(message) for message in messages}


def test_an_answer_built_from_plain_values_is_accepted_as_the_struct():
    plain = {"type": "tick", "snapshot": msgspec.to_builtins(FULL, builtin_types=(bytes,))}
    assert session_decoder.decode(encode([plain])) == [Tick(FULL)]
