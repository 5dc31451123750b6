"""The table of panes: a new pane needs one line here, and a file in `tui.panes`."""

from __future__ import annotations

from ampviz.tui.layout import HIGH, WIDE
from ampviz.tui.pane import ASIDE, Column, Place
from ampviz.tui.panes.events import EventPane
from ampviz.tui.panes.flight import FlightPane
from ampviz.tui.panes.graph import GraphPane
from ampviz.tui.panes.knobs import KnobPane
from ampviz.tui.panes.lints import LintPane
from ampviz.tui.panes.loss import LossPane
from ampviz.tui.panes.node import NodePane
from ampviz.tui.panes.queues import QueuePane
from ampviz.tui.panes.stops import StopPane
from ampviz.tui.panes.stream import StreamPane

_WIDE = (WIDE, 0)
_HIGH = (0, HIGH)

PANES = (
    Place("queues", "1", "Queues", "queues", QueuePane, Column.LEFT),
    Place("loss", "2", "Loss", "loss", LossPane, Column.RIGHT),
    Place("flight", "3", "In flight", "instances in flight", FlightPane, Column.LEFT, _WIDE, "Flight"),
    Place("workers", "4", "Task stream", "task stream of the workers", StreamPane, Column.LEFT, _WIDE, "Tasks"),
    Place("knobs", "5", "Knobs", "knobs", KnobPane, Column.BELOW, _HIGH),
    Place("events", "6", "Events", "events", EventPane, Column.RIGHT, _WIDE),
    Place("stops", "7", "Stops", "breakpoints, watches, held nodes", StopPane, Column.LEFT, _WIDE),
    Place("graph", "8", "Graph", "graph", GraphPane, Column.RIGHT, ASIDE),
    Place("node", "9", "Node", "the selected node from inside", NodePane, Column.RIGHT, ASIDE),
    Place("lints", "0", "Lints", "lints", LintPane, Column.RIGHT, ASIDE),
)
