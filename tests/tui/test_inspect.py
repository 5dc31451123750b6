"""Looking inside on the screen: the node pane, the inspection dialog, copying and dropping."""

from __future__ import annotations

from itertools import groupby

import msgspec
import pytest

from ampviz.telemetry.inspection import ArraySummary, Hop, KeyDetail, MessageDetail, NodeDetail, ParameterDetail
from ampviz.telemetry.link import Drop, Inspect, InspectKey, InspectMessage, InspectNode, Pause, Reply, Step
from ampviz.tui.inspect_dialog import DropDialog, InspectDialog
from ampviz.tui.panes.node import NodePane
from ampviz.tui.panes.queues import QueuePane
from tests.tui.feed import NODES, FakeFeed, node_stats
from tests.tui.terminal import NARROW, WIDE, terminal

ARRAY = ArraySummary(
    "float32", (5, 128), -1.94, 2.31, 0.012, 11.2, histogram=tuple(range(16)), first=(0.5, -1.0, 0.25, 0, 1, 2, 3, 4)
)
CELL = NodeDetail(
    "cell",
    1,
    version=415,
    pending=38,
    queued_forward=2,
    queued_backward=1,
    cached=3,
    forward=("cell.F key=17 t=3", "cell.F key=18 t=1"),
    backward=("cell.B key=-3 t=2",),
    remembered=("cell.B key=17 t=0", "cell.B key=17 t=1", "cell.B key=-3 t=2"),
    parameters=(ParameterDetail("W", ARRAY, ARRAY), ParameterDetail("b", ARRAY)),
)
MESSAGE = MessageDetail("cell.F key=17 t=3", "queue", 1, (ARRAY,), 412, 415)
KEY = KeyDetail(
    17,
    0.5,
    places=("cell.F key=17 t=3",),
    remembered=("cell.B key=17 t=0",),
    queued=1,
    cached=1,
    path=(Hop(9.5, 40e-6, "words.F", 0), Hop(9.6, 1e-3, "cell.F", 1)),
)
STATS = tuple(
    node_stats(updates=415, pending=38, staleness=(4, 9, 2), staleness_mean=0.9, staleness_max=2) for _ in NODES
)


class Answering(FakeFeed):
    """A feed behind which workers answer."""

    gone = False  # whether the instance has come home

    async def request(self, make):
        reply = await super().request(make)
        request = self.sent[-1]
        match request:
            case InspectNode(node="cell"):
                return Reply(request.id, detail=CELL)
            case InspectKey(key=17) if not self.gone:
                return Reply(request.id, detail=KEY)
            case InspectMessage(token=token) if token != "cell.F key=18 t=1":
                place = "cache" if ".B" in token else "queue"
                return Reply(request.id, detail=MessageDetail(token, place, 1, (ARRAY,), 412, 415))
            case InspectNode() | InspectKey() | InspectMessage():
                return Reply(request.id, "it is not there")
        return reply


async def opened(shown, pane, *keys):
    """Give a pane the focus, press keys, and open what is under the cursor."""
    shown.app.query_one(pane).focus()
    await shown.press(*keys, "enter")
    assert isinstance(shown.app.screen, InspectDialog)


async def opened_instance(shown, *keys):
    """The same for the instances in flight."""
    await shown.press("3", *keys, "enter")
    assert isinstance(shown.app.screen, InspectDialog)


def asked(shown):
    """The names of the nodes and messages that were asked about, each once: a slow machine may ask again."""
    names = [getattr(request, "node", "") or getattr(request, "token", "") for request in shown.feed.sent]
    return list(dict.fromkeys(names))


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=str)
async def test_enter_opens_the_selected_node_and_shows_its_first_message(size):
    async with terminal(size, feed=Answering(), nodes=STATS) as shown:
        await opened(shown, QueuePane, "j", "j", "j")
        for words in (
            "Inspect node cell",
            "version 415  gradients 38/50",
            "W          5x128  11.2  norm 11.2",
            "forward queue 2",
            "backward queue 1",
            "remembered 3",
            "cell.F key=17 t=3  in the queue on w1",
            "min -1.94  max 2.31  mean 0.012  norm 11.2",
            "first 0.5 -1 0.25 0 1 2",
            "version 412 when it went forward, 415 now, 3 apart",
        ):
            assert words in shown.text
        assert asked(shown) == ["cell", "cell.F key=17 t=3"]


async def test_the_cursor_chooses_the_message_and_passes_over_headings():
    async with terminal(feed=Answering(), nodes=STATS) as shown:
        await opened(shown, QueuePane, "j", "j", "j")
        await shown.press("j")
        assert "it is not there" in shown.text
        await shown.press("down")
        assert "cell.B key=-3 t=2  remembered on w1" in shown.text
        await shown.press("k", "k")
        tokens = [request.token for request in shown.feed.sent if isinstance(request, InspectMessage)]
        first, second, third = CELL.forward[0], CELL.forward[1], CELL.backward[0]
        assert [token for token, _ in groupby(tokens)] == [first, second, third, second, first]


async def test_enter_on_an_instance_shows_its_messages_and_its_path():
    async with terminal(feed=Answering(), nodes=STATS) as shown:
        await opened_instance(shown)
        for words in (
            "Inspect instance 17",
            "training, in flight for 500ms",
            "messages waiting 1, remembered 1, units of work 2",
            "in queues 1",
            "path so far",
            "+100ms   cell.F               w1  took 1000 us",
        ):
            assert words in shown.text
        await shown.press("j", "j")
        assert "in the queue on w1" not in shown.text
        await shown.press("escape")
        assert not isinstance(shown.app.screen, InspectDialog)


async def test_the_run_is_paused_and_stepped_from_the_dialog():
    async with terminal(feed=Answering(), nodes=STATS) as shown:
        await opened_instance(shown)
        await shown.press("space", "s")
        assert [type(request) for request in shown.feed.sent if not isinstance(request, Inspect)] == [Pause, Step]
        assert isinstance(shown.app.screen, InspectDialog)


async def test_an_instance_that_has_gone_is_still_shown_as_it_was():
    async with terminal(feed=Answering(), nodes=STATS) as shown:
        await opened_instance(shown)
        shown.feed.gone = True
        shown.app.screen._look_again()
        await shown.settle()
        assert "messages waiting 1, remembered 1" in shown.text
        assert "it is not there" in shown.text


async def test_what_is_not_there_any_more_is_said():
    async with terminal(feed=Answering()) as shown:
        await opened_instance(shown, "j")
        assert "it is not there" in shown.text
        await shown.press("Y", "d")
        assert isinstance(shown.app.screen, DropDialog)


@pytest.mark.parametrize(("keys", "detail"), [(["j", "j"], KEY), ([], MESSAGE)], ids=["instance", "message"])
async def test_a_copy_is_json_of_what_is_chosen(keys, detail):
    """Of the message; where none is chosen, of the instance."""
    async with terminal(feed=Answering()) as shown:
        await opened_instance(shown)
        await shown.press(*keys, "Y")
        assert msgspec.json.decode(shown.app.clipboard, type=type(detail)) == detail
        assert "characters" in shown.text


@pytest.mark.parametrize("answer", ["n", "escape", "enter"])
async def test_an_instance_is_not_dropped_by_accident(answer):
    async with terminal(feed=Answering()) as shown:
        await opened_instance(shown)
        await shown.press("d")
        assert "Drop key 17?" in shown.text
        await shown.press(answer)
        assert isinstance(shown.app.screen, InspectDialog)
        assert not any(isinstance(request, Drop) for request in shown.feed.sent)


async def test_an_instance_is_dropped_after_a_question():
    async with terminal(feed=Answering()) as shown:
        await opened_instance(shown)
        await shown.press("d", "y")
        assert [request.key for request in shown.feed.sent if isinstance(request, Drop)] == [17]
        assert not isinstance(shown.app.screen, InspectDialog)


async def test_the_instance_of_a_nodes_message_is_dropped_and_the_node_looked_at_again():
    async with terminal(feed=Answering(), nodes=STATS) as shown:
        await opened(shown, QueuePane, "j", "j", "j")
        await shown.press("j", "d", "y")
        (dropped,) = [index for index, request in enumerate(shown.feed.sent) if isinstance(request, Drop)]
        assert shown.feed.sent[dropped].key == 18
        assert any(isinstance(request, InspectNode) for request in shown.feed.sent[dropped:])
        assert isinstance(shown.app.screen, InspectDialog)


async def test_dropped_instances_are_counted():
    async with terminal(WIDE, dropped=3) as shown:
        assert "3 of at most 8, 3 dropped" in shown.text


async def test_a_refused_drop_says_why():
    async with terminal(feed=Answering()) as shown:
        await opened_instance(shown)
        shown.feed.refusal = "key 17 is not in flight"
        await shown.press("d", "y")
        assert isinstance(shown.app.screen, InspectDialog)
        assert "key 17 is not in flight" in shown.text


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=str)
async def test_the_node_pane_follows_the_cursor(size):
    async with terminal(size, feed=Answering(), nodes=STATS) as shown:
        await shown.press("j", "j", "j", "9")
        expected = ("9 Node", "cell  Linear", "version 415  gradients 38/50", "p95 2", "W          5x128", "key=17 t=3")
        for words in expected:
            assert words in shown.text
        await shown.press("k")
        await shown.push(nodes=STATS)
        assert "phi  Phi" in shown.text
        assert "W          5x128" not in shown.text
        assert asked(shown) == ["cell", "phi"]


async def test_a_hidden_node_pane_asks_nothing():
    async with terminal(WIDE, feed=Answering(), nodes=STATS) as shown:
        await shown.press("j", "9", "9")
        before = len(shown.feed.sent)
        await shown.press("j")
        shown.app.query_one(NodePane)._ask()
        await shown.push(nodes=STATS)
        assert len(shown.feed.sent) == before
        assert asked(shown) == ["embed"]


async def test_the_node_pane_keeps_what_it_knows_while_no_answer_comes():
    async with terminal(WIDE, feed=Answering(), nodes=STATS) as shown:
        await shown.press("j", "j", "j", "9")
        shown.feed.hung_up = True
        shown.app.query_one(NodePane)._ask()
        await shown.settle()
        assert "W          5x128" in shown.text


async def test_an_ascii_screen_inspects_in_ascii():
    async with terminal(WIDE, feed=Answering(), nodes=STATS, ascii_only=True) as shown:
        await shown.press("j", "j", "j", "9")
        assert shown.text.isascii()
        await shown.press("enter")
        assert "Inspect node cell" in shown.text
        assert shown.text.isascii()
