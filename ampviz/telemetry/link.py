"""The link between a session and its viewers: what is said over its Unix socket, in both directions.

The session speaks first: `Hello` at once, then a `Snapshot` with the whole history in its `new_*` lists, then one
`Snapshot` a tick, and `Finished` at the end. A viewer sends requests; each is answered by one `Reply` with the same id.
Frames are length-prefixed msgpack of these tagged structs, decoded strictly: a bad frame closes only that viewer's
connection.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec
from msgspec import Struct

from ampviz.telemetry.inspection import Detail
from ampviz.telemetry.snapshot import SessionInfo, Snapshot

VERSION = 3
READ_ONLY = "this viewer is read-only: it must take control first"  # why a steering request is refused


class Hello(Struct, frozen=True, tag="hello"):
    """First frame of the session. A viewer of another version says so and leaves."""

    version: int
    session: SessionInfo


class Tick(Struct, frozen=True, tag="tick"):
    snapshot: Snapshot


class Reply(Struct, frozen=True, tag="reply"):
    """Answer to the request with the same id: `error` is "" when it was done."""

    id: int
    error: str = ""
    text: str = ""
    detail: Detail | None = None  # what was asked for by an Inspect request


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
    EPOCH = "epoch"  # at full speed to the end of the epoch, validation included


class StopHow(enum.StrEnum):
    """How a session ends early; both end with exit code 130."""

    SAVE = "save"  # finish what is in flight, write a checkpoint
    NOW = "now"


class Pause(Struct, frozen=True, tag="pause"):
    id: int


class Resume(Struct, frozen=True, tag="resume"):
    id: int


class Step(Struct, frozen=True, tag="step"):
    """Process messages one at a time until the goal is met, then stay paused. Pauses a running session.

    One message may be asked of a node, or of a worker; else it is the one whose turn it is.
    """

    id: int
    goal: StepGoal = StepGoal.MESSAGE
    node: str = ""
    worker: int = -1


class SetKnob(Struct, frozen=True, tag="set"):
    """`name` is a knob, or `node.knob`. Refused with a text when unknown or out of range."""

    id: int
    name: str
    value: float | int | str | bool


class UndoKnob(Struct, frozen=True, tag="undo"):
    """Take back the last knob change of the session that was not taken back yet, whoever made it."""

    id: int


class Stop(Struct, frozen=True, tag="stop"):
    id: int
    how: StopHow = StopHow.SAVE


class TakeControl(Struct, frozen=True, tag="control"):
    """From now on this viewer may send requests that change something; before, only Inspect requests."""

    id: int


class SetBreakpoint(Struct, frozen=True, tag="break"):
    """Add a breakpoint or watch, or replace the one of this number. An error in the text names the column."""

    id: int
    text: str
    watch: bool = False
    pause: bool = True
    enabled: bool = True
    number: int = 0  # 0: a new one


class RemoveBreakpoint(Struct, frozen=True, tag="unbreak"):
    id: int
    number: int


class Hold(Struct, frozen=True, tag="hold"):
    """Let one node wait, or go on, while the rest runs."""

    id: int
    node: str
    held: bool = True


class Drop(Struct, frozen=True, tag="drop"):
    """Forget an instance in flight, everywhere; it counts as dropped."""

    id: int
    key: int


class SwitchLint(Struct, frozen=True, tag="lint"):
    id: int
    number: int
    on: bool


class InspectNode(Struct, frozen=True, tag="inspect-node"):
    """Answered with a NodeDetail."""

    id: int
    node: str


class InspectMessage(Struct, frozen=True, tag="inspect-message"):
    """Answered with the MessageDetail of the message of this name, in a queue or remembered by its node."""

    id: int
    token: str


class InspectKey(Struct, frozen=True, tag="inspect-key"):
    """Answered with a KeyDetail."""

    id: int
    key: int


FromSession = Hello | Tick | Reply | Finished
Inspect = InspectNode | InspectMessage | InspectKey
Steering = (
    Pause | Resume | Step | SetKnob | UndoKnob | Stop | SetBreakpoint | RemoveBreakpoint | Hold | Drop | SwitchLint
)  # what needs control
Request = Steering | Inspect | TakeControl

encode = msgspec.msgpack.Encoder().encode
session_decoder = msgspec.msgpack.Decoder(list[FromSession])
request_decoder = msgspec.msgpack.Decoder(list[Request])
