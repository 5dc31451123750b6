"""The link between a session and its viewers: what is said over its Unix socket, in both directions.

The session speaks first: `Hello`, then a `Snapshot` with the whole history in its `new_*` lists, then one `Snapshot` a
tick, and `Finished` at the end. A viewer sends requests; each is answered by one `Reply` with the same id. Frames are
length-prefixed msgpack of these tagged structs, decoded strictly: a bad frame closes that viewer's connection only.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec
from msgspec import Struct

from ampviz.telemetry.snapshot import SessionInfo, Snapshot

VERSION = 1


class Hello(Struct, frozen=True, tag="hello"):
    """First frame of the session. A viewer of another version says so and leaves."""

    version: int
    session: SessionInfo
    control: bool  # whether this viewer may send anything but reads


class Tick(Struct, frozen=True, tag="tick"):
    snapshot: Snapshot


class Reply(Struct, frozen=True, tag="reply"):
    """Answer to the request with the same id: `error` is "" when it was done."""

    id: int
    error: str = ""
    text: str = ""


class Finished(Struct, frozen=True, tag="finished"):
    """Last frame: exit code, an error text if it failed, and the report of the command line's JSON contract."""

    exit: int
    error: str
    report: dict[str, Any]


class StepGoal(enum.StrEnum):
    """How far one step goes."""

    MESSAGE = "message"
    UPDATE = "update"  # until a node has updated its parameters
    INSTANCE = "instance"  # until the oldest instance in flight has retired


class StopHow(enum.StrEnum):
    """How a session ends early; both end with exit code 130."""

    SAVE = "save"  # finish what is in flight, write a checkpoint
    NOW = "now"


class Pause(Struct, frozen=True, tag="pause"):
    id: int


class Resume(Struct, frozen=True, tag="resume"):
    id: int


class Step(Struct, frozen=True, tag="step"):
    """Process messages one at a time until the goal is met, then stay paused. Pauses a running session."""

    id: int
    goal: StepGoal = StepGoal.MESSAGE


class SetKnob(Struct, frozen=True, tag="set"):
    """`name` is a knob, or `node.knob`. Refused with a text when unknown or out of range."""

    id: int
    name: str
    value: float | int | str | bool


class Stop(Struct, frozen=True, tag="stop"):
    id: int
    how: StopHow = StopHow.SAVE


FromSession = Hello | Tick | Reply | Finished
Request = Pause | Resume | Step | SetKnob | Stop

encode = msgspec.msgpack.Encoder().encode
session_decoder = msgspec.msgpack.Decoder(list[FromSession])
request_decoder = msgspec.msgpack.Decoder(list[Request])
