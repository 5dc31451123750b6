"""Who may steer a session: viewers that took control, and what the others are told."""

from __future__ import annotations

from typing import get_args

import pytest

from ampviz.telemetry.link import (
    READ_ONLY,
    Drop,
    Hold,
    InspectKey,
    InspectNode,
    Pause,
    RemoveBreakpoint,
    Reply,
    Resume,
    SetBreakpoint,
    SetKnob,
    Steering,
    Step,
    Stop,
    SwitchLint,
    TakeControl,
    Tick,
    UndoKnob,
)
from tests.runtime.linked import Viewer, serving, tick

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

STEERING = [
    Pause(1), Resume(1), Step(1), SetKnob(1, "max_active_keys", 2), Stop(1), SetBreakpoint(1, "fc1.F"),
    RemoveBreakpoint(1, 1), Hold(1, "fc1"), Drop(1, 3), SwitchLint(1, 1, on=False), UndoKnob(1),
]  # fmt: skip


def test_nothing_that_steers_is_left_out():
    assert {type(request) for request in STEERING} == set(get_args(Steering))


@pytest.mark.parametrize("request_", STEERING, ids=lambda request: type(request).__name__)
async def test_a_viewer_without_control_steers_nothing(tmp_path, request_):
    async with serving(tmp_path) as (server, session):
        viewer = await Viewer().connect(server, control=False)
        viewer.channel.send([request_])
        assert (await viewer.count(2))[1] == Reply(1, READ_ONLY)
        assert session.requests == []


async def test_it_may_inspect_and_sees_all_ticks(tmp_path):
    async with serving(tmp_path) as (server, session):
        viewer = await Viewer().connect(server, control=False)
        viewer.channel.send([InspectNode(1, "fc1"), InspectKey(2, 7), Pause(3)])
        assert (await viewer.count(2))[1] == Reply(3, READ_ONLY)
        assert [question for question, _ in session.questions] == [InspectNode(1, "fc1"), InspectKey(2, 7)]
        server.tick(tick(1))
        assert (await viewer.count(3))[2] == Tick(tick(1))


async def test_taking_control_is_granted_and_counts_from_the_next_request(tmp_path):
    async with serving(tmp_path) as (server, session):
        viewer = await Viewer().connect(server, control=False)
        viewer.channel.send([Pause(1), TakeControl(2), Pause(3), TakeControl(4)])
        assert (await viewer.count(5))[1:] == [Reply(1, READ_ONLY), Reply(2), Reply(3), Reply(4)]
        assert session.requests == [Pause(3)]
        assert session.notes == []


async def test_several_may_have_control_and_the_others_are_told(tmp_path):
    async with serving(tmp_path) as (server, session):
        first, second = await Viewer().connect(server), await Viewer().connect(server)
        watching = await Viewer().connect(server, control=False)
        for viewer in (first, second, watching):
            viewer.channel.send([Pause(5)])
        assert [(await viewer.count(2))[1].error for viewer in (first, second, watching)] == ["", "", READ_ONLY]
        assert session.notes == [("VIEWER", "one more viewer has taken control")]


async def test_ticks_count_the_viewers_that_stay(tmp_path):
    """One that comes for a single snapshot, as a list of sessions does, is not seen by anybody."""
    async with serving(tmp_path) as (server, _):
        staying = await Viewer().connect(server)
        leaving = await Viewer().connect(server)
        server.tick(tick(1))
        server.tick(tick(2))
        assert [shown.snapshot.viewers for shown in (await leaving.count(3))[1:]] == [0, 2]
        leaving.channel.close()
        await leaving.end()
        while len(server.viewers) > 1:
            staying.channel.send([Pause(1)])  # a round trip, after which the server has seen more
            await staying.count(len(staying.received) + 1)
        seen = len(staying.received)
        server.tick(tick(3))
        assert (await staying.count(seen + 1))[-1].snapshot.viewers == 1
