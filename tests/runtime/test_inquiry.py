"""Questions that workers answer: every one gets one reply, whatever the workers do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ampviz.placement import place
from ampviz.runtime.commands import Look, Seen
from ampviz.runtime.controller import Controller
from ampviz.runtime.inquiry import SILENCE_S, Inquiries
from ampviz.runtime.plan import Plan
from ampviz.runtime.session import Session
from ampviz.runtime.spec import RunSpec
from ampviz.runtime.trail import Trail
from ampviz.telemetry.inspection import Hop, KeyDetail, MessageDetail, NodeDetail
from ampviz.telemetry.link import (
    InspectKey,
    InspectMessage,
    InspectNode,
    Pause,
    SetKnob,
    Stop,
    StopHow,
    encode,
    session_decoder,
)
from ampviz.telemetry.ring import TraceRing
from ampviz.telemetry.snapshot import Status
from ampviz.telemetry.trace import BACKWARD, FORWARD, RECORD, UPDATE
from tests.runtime import models
from tests.runtime.models import target
from tests.runtime.runs import run_session
from tests.runtime.test_controller import Clock


class Desk:
    """Inquiries about the pipeline on two workers, with keys 0 to 3 in flight since 2 s."""

    def __init__(self):
        experiment = models.pipeline()
        graph = experiment.graph()
        self.clock, self.replies, self.held = Clock(), [], {"fc2"}
        self.placement = place(graph, 2)
        self.ring = TraceRing(64)
        self.trail = Trail([self.ring], 0)
        plan = Plan(1, 24, 0, 0, 2, 1)
        self.controller = Controller(plan, experiment.knob_values(graph, {}), clock=self.clock)
        self.controller.start()
        self.controller.outbox.clear()
        self.clock.now = 2.0
        self.inquiries = Inquiries(graph, self.placement, self.controller, self.trail, lambda: self.held)
        self.ids = {node.name: node.id for node in graph.nodes}
        self.worker = {node.name: self.placement[node.id] for node in graph.nodes}

    def ask(self, request):
        """The commands that go out for it."""
        self.inquiries.ask(request, self.replies.append)
        asked, self.controller.outbox[:] = list(self.controller.outbox), []
        return asked

    @property
    def reply(self):
        (reply,) = self.replies
        return reply

    def work(self, node, action, key, start, duration, messages=1):
        """Have a record in the trace, times in milliseconds."""
        row = (start * 10**6, key, duration * 10**6, 5, self.ids[node], messages, self.worker[node], action, 0)
        self.ring.write(np.array([row], RECORD).tobytes())


@pytest.fixture
def desk():
    desk = Desk()
    yield desk
    desk.ring.close()


@pytest.mark.parametrize("held", [True, False])
def test_a_node_is_asked_of_the_worker_that_hosts_it(desk, held):
    desk.held = {"fc1"} if held else set()
    assert desk.ask(InspectNode(7, "fc1")) == [(desk.worker["fc1"], Look(1, InspectNode(7, "fc1")))]
    assert desk.replies == []
    desk.inquiries.heard(desk.worker["fc1"], Seen(1, NodeDetail("fc1", 0, version=3)))
    assert (desk.reply.id, desk.reply.error) == (7, "")
    assert desk.reply.detail == NodeDetail("fc1", 0, version=3, held=held)


def test_an_instance_is_asked_of_all_workers_and_their_answers_are_joined(desk):
    assert [worker for worker, _ in desk.ask(InspectKey(8, 2))] == [0, 1]
    desk.inquiries.heard(1, Seen(1, KeyDetail(2, 0, ("b",), ("c",), queued=4, cached=1)))
    assert desk.replies == []
    desk.inquiries.heard(0, Seen(1, KeyDetail(2, 0, ("a",), (), queued=1)))
    assert desk.reply.detail == KeyDetail(2, 2.0, ("b", "a"), ("c",), queued=5, cached=1)


def test_the_path_of_an_instance_comes_from_the_trace(desk):
    desk.work("x", FORWARD, 2, 500, 1)
    desk.work("fc1", FORWARD, 2, 600, 3, messages=0)  # in a batch that began with another instance
    desk.work("fc1", BACKWARD, 3, 700, 1)
    desk.work("fc1", UPDATE, 0, 701, 1, messages=0)
    desk.trail.look([])
    desk.ask(InspectKey(8, 2))
    for worker in (0, 1):
        desk.inquiries.heard(worker, Seen(1, KeyDetail(2, 0)))
    assert desk.reply.detail.path == (
        Hop(0.5, 0.001, "x.F", desk.worker["x"]),
        Hop(0.6, 0.003, "fc1.F", desk.worker["fc1"]),
    )
    assert desk.reply.detail.complete
    assert session_decoder.decode(encode([desk.reply])) == [desk.reply]


def test_a_path_that_is_not_known_whole_says_so(desk):
    for number in range(80):  # more than the ring holds
        desk.work("fc1", FORWARD, 2, number, 1)
    desk.trail.look([])
    desk.ask(InspectKey(8, 2))
    for worker in (0, 1):
        desk.inquiries.heard(worker, Seen(1, KeyDetail(2, 0)))
    assert [hop.at for hop in desk.reply.detail.path] == [number / 1000 for number in range(16, 80)]
    assert not desk.reply.detail.complete


def test_what_cannot_be_there_is_said_at_once(desk):
    questions = [
        (InspectNode(1, "fc9"), "no node is called 'fc9'"),
        (InspectMessage(2, "fc9.F key=1"), "no node is called 'fc9'"),
        (InspectMessage(3, "key=1"), "not the name of a message"),
        (InspectKey(4, 99), "key 99 is not in flight"),
    ]
    for request, error in questions:
        assert desk.ask(request) == []
        reply = desk.replies.pop()
        assert reply.id == request.id
        assert error in reply.error


def test_what_a_worker_has_not_is_passed_on(desk):
    desk.ask(InspectMessage(3, "fc1.B key=1"))
    desk.inquiries.heard(desk.worker["fc1"], Seen(1, error="fc1.B key=1 is not at its node"))
    assert desk.reply.error == "fc1.B key=1 is not at its node"


def test_a_silent_worker_is_named_and_its_late_answer_ignored(desk):
    desk.ask(InspectKey(8, 2))
    desk.inquiries.heard(0, Seen(1, KeyDetail(2, 0)))
    desk.clock.now += SILENCE_S
    desk.inquiries.look()
    assert desk.replies == []
    desk.clock.now += 0.1
    desk.inquiries.look()
    assert "no answer from worker 1 within 2 s" in desk.reply.error
    desk.inquiries.heard(1, Seen(1, KeyDetail(2, 0)))
    assert len(desk.replies) == 1


def test_the_end_answers_what_is_open_and_what_comes_after(desk):
    desk.ask(InspectKey(8, 2))
    desk.inquiries.end()
    assert desk.reply.error == "the session has ended"
    desk.controller.fail("broken")
    desk.ask(InspectKey(9, 2))
    assert [(reply.id, reply.error) for reply in desk.replies] == [
        (number, "the session has ended") for number in (8, 9)
    ]


def test_only_so_many_may_be_open(desk):
    for number in range(40):
        desk.ask(InspectNode(number, "fc1"))
    assert all("too many questions" in reply.error for reply in desk.replies)
    assert [reply.id for reply in desk.replies] == list(range(32, 40))


@pytest.mark.parametrize("backend", ["inline", "process"])
@pytest.mark.parametrize("paused", [False, True])
def test_a_session_shows_nodes_messages_and_instances(tmp_path: Path, backend, paused):
    """A running one may have moved on between the name of a message and the look at it; a paused one has not."""
    session = Session(RunSpec(target("endless"), backend, workers=2), tmp_path)
    details, errors, asked, seen = [], [], [], []

    def reply(answer):
        assert session_decoder.decode(encode([answer])) == [answer]
        (errors if answer.error else details).append(answer.error or answer.detail)
        for token in getattr(answer.detail, "places", ()):
            session.inspect(InspectMessage(3, token), reply)

    def watch(shown):
        if shown.instances < 20:
            return
        if paused and shown.status is Status.RUNNING:
            session.request(Pause(1))
        elif len(seen) < 4:  # the trace comes with the ticks after the work
            seen.append(shown)
        elif not asked and shown.in_flight:
            asked.append(shown)
            session.inspect(InspectNode(2, "fc2"), reply)
            session.inspect(InspectKey(2, shown.in_flight[0].key), reply)
        elif len(details) + len(errors) > 1 + sum(len(getattr(detail, "places", ())) for detail in details):
            session.request(Stop(4, StopHow.NOW))

    assert run_session(session, watch)["exit"] == 130
    (node,) = [detail for detail in details if isinstance(detail, NodeDetail)]
    assert node.version > 10
    assert [parameter.value.shape for parameter in node.parameters] == [(8, 8), (8,)]
    if paused:
        (key,) = [detail for detail in details if isinstance(detail, KeyDetail)]
        messages = [detail for detail in details if isinstance(detail, MessageDetail)]
        assert errors == []
        assert [message.token for message in messages] == list(key.places)
        assert key.queued + key.cached > 0
        begun = not {f"{source}.F key={key.key}" for source in ("x", "label")} <= set(key.places)
        assert [hop.token for hop in key.path][:1] in ((["x.F"], ["label.F"]) if begun else ([],))
        assert key.complete
        assert {message.place for message in messages} <= {"queue"}


def test_before_there_are_workers_nothing_can_be_seen(tmp_path: Path):
    session = Session(RunSpec(target("pipeline"), "inline"), tmp_path)
    replies = []
    session.inspect(InspectNode(3, "fc1"), replies.append)
    assert [(reply.id, reply.error) for reply in replies] == [(3, "there are no workers yet")]
    session.discard()


@pytest.mark.parametrize("backend", ["inline", "process"])
def test_slow_motion_keeps_nobody_waiting(tmp_path: Path, backend):
    """A minute between two messages: nodes are shown meanwhile, and a quicker pace holds at once."""
    knobs = {"slow_motion": 60.0}
    session = Session(RunSpec(target("pipeline"), backend, workers=2, epochs=1, knobs=knobs), tmp_path)
    replies = []

    def watch(shown):
        if sum(node.forward for node in shown.nodes) and not replies:
            replies.append(None)
            session.inspect(InspectNode(2, "fc2"), replies.append)
        elif len(replies) == 2:
            session.request(SetKnob(3, "slow_motion", 0.0))

    assert run_session(session, watch)["exit"] == 0
    assert replies[1].detail.node == "fc2"
