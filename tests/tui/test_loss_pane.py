"""The chart pane under keys and mouse: curves, zoom, and the letters of changes on every chart."""

from __future__ import annotations

from textual.events import MouseScrollDown, MouseScrollUp

from ampviz.telemetry.snapshot import RatePoint
from ampviz.tui.chart import GUTTER
from ampviz.tui.viewport import Viewport
from tests.tui.feed import epoch_report, knob_event, points
from tests.tui.terminal import NARROW, WIDE, terminal

PAST = {
    "new_points": points(*(10 / (1 + index) for index in range(40))),
    "new_rates": tuple(RatePoint(100 * index, 0.1, 10, 1.5, 10) for index in range(1, 41)),
    "new_epochs": (epoch_report(1), epoch_report(2), epoch_report(3)),
    "new_events": (knob_event(2500, "max_active_keys 4→8"),),
}


def pane(shown):
    return shown.app.query_one("#loss")


def span(shown):
    return pane(shown).viewport.span(4000.0)


async def test_v_goes_through_the_curves_and_each_has_the_change_on_it():
    async with terminal(WIDE, **PAST) as shown:
        titles = []
        for _ in range(5):
            titles.append(pane(shown).border_title)
            chart = pane(shown).render().plain
            assert "A 2500 max_active_keys 4→8" in chart
            assert "A" in chart.split("\n")[0]
            assert "e3" in chart.split("\n")[0]
            await shown.press("v")
        assert titles == ["2 Loss", "2 Accuracy", "2 Instances per s", "2 Staleness", "2 Loss"]


async def test_keys_zoom_move_and_reset_while_the_pane_has_the_focus():
    async with terminal(WIDE, **PAST) as shown:
        await shown.press("plus", "left")  # of the queues: nothing here
        assert pane(shown).viewport == Viewport()
        pane(shown).focus()
        await shown.press("plus", "equals_sign")
        assert span(shown) == (3000.0, 4000.0)
        await shown.press("left", "h")
        assert span(shown) == (2500.0, 3500.0)
        assert "zoomed" in shown.text
        await shown.press("l", "minus")
        assert span(shown) == (2000.0, 4000.0)
        await shown.press("r")
        assert pane(shown).viewport == Viewport()
        assert "zoomed" not in shown.text


async def test_the_wheel_zooms_around_the_mouse():
    async with terminal(WIDE, **PAST) as shown:
        chart = pane(shown)
        x, y = 2 + GUTTER, 4  # the left end of the plot

        def wheel(kind):
            left, top = chart.region.offset
            chart.post_message(kind(chart, x, y, 0, 0, 0, False, False, False, screen_x=left + x, screen_y=top + y))

        wheel(MouseScrollUp)
        await shown.settle()
        low, high = span(shown)
        assert low == 0.0
        assert high < 4000.0
        wheel(MouseScrollDown)
        await shown.settle()
        assert chart.viewport == Viewport()


async def test_a_change_stands_above_the_histories_of_the_queues_as_time_goes_by():
    async with terminal(WIDE) as shown:
        await shown.push(at=20.0, new_events=(knob_event(900, at=19.9),))
        await shown.push(at=20.1)
        await shown.push(at=20.2)
        head = shown.app.query_one("#queues").render().plain.split("\n")[0]
        assert head.index(" busy/wait") - head.index("A") == 3


async def test_changes_of_long_ago_do_not_stand_above_the_histories():
    async with terminal(NARROW, at=100.0, new_events=(knob_event(900, at=19.9),)) as shown:
        assert "A" not in shown.app.query_one("#queues").render().plain.split("\n")[0]
