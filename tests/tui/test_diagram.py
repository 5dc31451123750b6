"""The drawing of the graph: goldens in the shapes of the demos, queues, work and messages on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ampviz.tui.diagram import Diagram, Zoom
from ampviz.tui.glyphs import ASCII, TRAIN, UNICODE, VALID, Glyphs
from ampviz.tui.layering import network
from ampviz.tui.motion import Look, Move
from ampviz.tui.routing import Frame
from tests.tui.shapes import SHAPES, graph, graphs, names

MNIST_COMPACT = """
              [ image     ]
                    │
               [ fc1     ]
                    │
              [ relu1     ]
                    │
[ label     ]  [ fc2     ]
      ╰─────────╮   │
             [ loss    ]
"""
LISTRED_COMPACT = """
                  [ tokens    ]
                        │
                   [ fork    ]
          ╭───────────╯   │
      [ h0    ]           │
          │               │
    [ start     ]  [ columns     ]
╭╌╌╌╌╌╮   │               │
╎  [ phi     ]      [ embed     ]
╎       ╰─────────────╮   │
╎                  [ cell    ]
↑                       │
╎                  [ step    ]
╎                       │
╎                 [ while     ]
╰╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯     │
       [ label     ]  [ out     ]
             ╰─────────╮   │
                    [ loss    ]
"""
NESTED_COMPACT = """
[ x     ]
    │     ╭╌╌╌╌╌╌╌╌╌╌╌╮
 [ outer     ]        ╎
       │     ╭╌╌╌╌╌╮  ╎
    [ inner     ]  ╎  ╎
          │        ╎  ╎
     [ work    ]   ↑  ↑
          │        ╎  ╎
    [ again     ]  ╎  ╎
       │     ╰╌╌╌╌╌╯  ╎
  [ more    ]         ╎
     │   ╰╌╌╌╌╌╌╌╌╌╌╌╌╯
[ loss    ]
"""
BY_TYPE_COMPACT = """
                                                                  [ atoms     ]
                                                                        │
                                                                   [ fork    ]
                                                                 ╭────╯   │
                                                           [ start     ]  │
╭╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╮   │        │
╎                                                         [ phi     ]     │
╎                                                              │          │
╎                                                         [ both    ]     │
╎                                     ╭──────────────────────╯   │        │
╎                               [ bonds     ]                    │        │
╎        ╭────────────────────────╯  │ │  ╰────────────╮         │        │
╎        │              ╭────────────╯ │               │         │        │
↑  [ single    ]  [ double    ]  [ triple    ]  [ aromatic    ]  │        │
╎        │              ╰────────────╮ │  ╭────────────╯         │        │
╎        ╰────────────────────────╮  │ │  │                      │        │
╎                               [ arrive    ]                    │        │
╎                                     ╰──────────────────────╮   │        │
╎                                                         [ cell    ]     │
╎                                                              │          │
╎                                                        [ while     ]    │
╰╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯     ╰───╮   │
                                                        [ mu    ]  [ read    ]
                                                            ╰───────╮   │
                                                                 [ loss    ]
"""
SST_NORMAL = """
                     ┌─────────┐
                     │ words   │
                     └────┬────┘
                          │
                     ┏━━━━▼━━━━┓
                     ┃ embed   ┃
                     ┗━━━━┯━━━━┛
                          │
                      ┏━━━▼━━━┓
                      ┃ leaf  ┃
                      ┗━━━┯━━━┛
                          │
                      ┌───▼───┐
                      │ cut   │
                      └───┬───┘
                          │     ╭╌╌╌╌╌╌╮
                      ┌───▼─────▼───┐  ╎
                      │ node        │  ╎
                      └──────┬──────┘  ╎
                             │         ╎
                      ┌──────▼──────┐  ╎
                      │ fork        │  ╎
                      └───┬─────┬───┘  ╎
                 ╭────────╯     │      ↑
          ┌──────▼──────┐   ┏━━━▼━━━┓  ╎
          │ up          │   ┃ out   ┃  ╎
          └───┬─────┬───┘   ┗━━━┯━━━┛  ╎
      ╭───────╯     │           │      ╎
┌─────▼─────┐  ┏━━━━▼━━━━┓  ┌───▼───┐  ╎
│ discard   │  ┃ branch  ┃  │ loss  │  ╎
└───────────┘  ┗━━━━┯━━━━┛  └───────┘  ╎
                    ╰╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╌╯
"""
REPLICATED_NORMAL = """
             ┌───────┐
             │ x     │
             └───┬───┘
                 │
             ┌───▼───┐
             │ cond  │
             └───┬───┘
                 │
           ┏━━━━━▼━━━━━┓
           ┃ cell x2   ┃
           ┃ 0  1      ┃
           ┗━━━━━┯━━━━━┛
                 │
┌─────────┐  ┌───▼───┐
│ label   │  │ phi   │
└────┬────┘  └───┬───┘
     ╰─────╮     │
       ┌───▼─────▼───┐
       │ loss        │
       └─────────────┘
"""
REPLICATED_DETAILED = """
            ┌─────────┐
            │ x       │
            │ Source  │
            │ w0      │
            └────┬────┘
                 │
             ┌───▼───┐
             │ cond  │
             │ Cond  │
             │ w0    │
             └───┬───┘
                 │
 ┏━━━━━━━━━━━━━━━▼━━━━━━━━━━━━━━━┓
 ┃ cell x2                       ┃
 ┃ Linear                        ┃
 ┃ 0 w1 ↓0 ↑0 v0 stale 0         ┃
 ┃ 1 w0 ↓0 ↑0 v0 stale 0         ┃
 ┗━━━━━━━━━━━━━━━┯━━━━━━━━━━━━━━━┛
                 │
┌─────────┐  ┌───▼───┐
│ label   │  │ phi   │
│ Source  │  │ Phi   │
│ w1      │  │ w1    │
└────┬────┘  └───┬───┘
     ╰─╮         │
 ┌─────▼─────────▼─────┐
 │ loss                │
 │ SoftmaxCrossEntropy │
 │ w0                  │
 └─────────────────────┘
"""
SST_COMPACT_ASCII = """
                           [ words     ]
                                 |
                           [ embed     ]
                                 |
                            [ leaf    ]
                                 |
                            [ cut     ]
                                 |   +.......+
                              [ node    ]    :
                                   |         :
                              [ fork    ]    :
                     +-----------+   |       ^
                 [ up    ]      [ out     ]  :
       +-----------+   |             |       :
[ discard     ]  [ branch    ]  [ loss    ]  :
                       +.....................+
"""


def drawn(
    name: str,
    zoom: Zoom,
    glyphs: Glyphs = UNICODE,
    looks: dict[str, Look] | None = None,
    moves: tuple[Move, ...] = (),
    progress: float = 1.0,
) -> str:
    info = graph(SHAPES[name])
    diagram = Diagram(info, zoom, glyphs)
    every = [(looks or {}).get(node.name, Look()) for node in info.nodes]
    whole = Frame(0, 0, diagram.layout.width, diagram.layout.height)
    return diagram.text(every, moves, progress, whole).plain


def wire(name: str, source: str, target: str) -> int:
    """The wire between two nodes of a shape."""
    info = graph(SHAPES[name])
    at = names(info)
    wires = network(info)
    ends = wires.box_of[at[source]], wires.box_of[at[target]]
    return next(index for index, one in enumerate(wires.wires) if (one.source, one.target) == ends)


@pytest.mark.parametrize(
    ("name", "zoom", "glyphs", "golden"),
    [
        ("mnist", Zoom.COMPACT, UNICODE, MNIST_COMPACT),
        ("listred", Zoom.COMPACT, UNICODE, LISTRED_COMPACT),
        ("nested", Zoom.COMPACT, UNICODE, NESTED_COMPACT),
        ("by type", Zoom.COMPACT, UNICODE, BY_TYPE_COMPACT),
        ("sst", Zoom.NORMAL, UNICODE, SST_NORMAL),
        ("replicated", Zoom.NORMAL, UNICODE, REPLICATED_NORMAL),
        ("replicated", Zoom.DETAILED, UNICODE, REPLICATED_DETAILED),
        ("sst", Zoom.COMPACT, ASCII, SST_COMPACT_ASCII),
    ],
    ids=lambda value: getattr(value, "name", value) if isinstance(value, str | Zoom) else "",
)
def test_the_shapes_of_the_demos(name, zoom, glyphs, golden):
    assert drawn(name, zoom, glyphs) == golden[1:-1]


BUSY = {
    "fc1": Look(forward=12, busy=0.5, working=True),
    "relu1": Look(backward=3),
    "fc2": Look(forward=1, backward=2, busy=1.0, held=True),
    "loss": Look(forward=1500),
    "label": Look(forward=7),
}
MNIST_BUSY = """
            ┌─────────┐
            │ image   │
            └────┬────┘
                 │
             ┏━━━▼12━┓
             ┃▸fc1  ▄┃
             ┗━━━┯━━━┛
                 │
            ┌────▼────┐
            │ relu1   │
            └────▲3───┘
                 │
┌─7───────┐  ┏━━━▼1━━┓
│ label   │  ┃‖fc2  █┃
└────┬────┘  ┗━━━▲2━━┛
     ╰─────╮     │
       ┌───▼─────▼1k─┐
       │ loss        │
       └─────────────┘
"""
MNIST_BUSY_ASCII = """
              [ image     ]
                    |
               [>fc1  12v]
                    |
              [ relu1   3^]
                    |
[ label   7v]  [=fc2   3^]
      +---------+   |
             [ loss 1kv]
"""
REPLICATED_BUSY = """
             ┌───────┐
             │ x     │
             └───┬───┘
                 │
             ┌───▼───┐
             │ cond  │
             └───┬───┘
                 │
           ┏━━━━━▼5━━━━┓
           ┃▸cell x2  ▄┃
           ┃ 0▂▸1▆     ┃
           ┗━━━━━┯━━━━━┛
                 │
"""
PARTS = {"cell-0": Look(forward=2, busy=0.25), "cell-1": Look(forward=3, busy=0.75, working=True)}


def test_queues_stand_at_the_ends_of_wires_and_work_in_the_boxes():
    assert drawn("mnist", Zoom.NORMAL, looks=BUSY) == MNIST_BUSY[1:-1]
    assert drawn("mnist", Zoom.COMPACT, ASCII, looks=BUSY) == MNIST_BUSY_ASCII[1:-1]


def test_a_copy_at_work_is_marked_within_its_layer():
    assert drawn("replicated", Zoom.NORMAL, looks=PARTS).startswith(REPLICATED_BUSY[1:-1])
    detailed = drawn("replicated", Zoom.DETAILED, looks=PARTS)
    assert " 0 w0 ↓2 ↑0 v0 stale 0 " in detailed.replace("w1", "w0")
    assert "▸1 w0 ↓3 ↑0 v0 stale 0 " in detailed


@pytest.mark.parametrize(("progress", "at"), [(0.0, (9, 11)), (0.5, (22, 6)), (1.0, (10, 1))])
def test_a_message_goes_along_its_wire(progress, at):
    """From below `more` round the outer loop to above `outer`, and back."""
    index = wire("nested", "more", "outer")
    for dot, move, share in (("●", Move(index, up=False), progress), ("○", Move(index, up=True), 1 - progress)):
        lines = drawn("nested", Zoom.COMPACT, moves=(move,), progress=share).split("\n")
        assert [(line.index(dot), y) for y, line in enumerate(lines) if dot in line] == [at]


def test_wires_with_waiting_messages_are_coloured_by_direction():
    info = graph(SHAPES["mnist"])
    diagram = Diagram(info, Zoom.NORMAL, UNICODE)
    cells = diagram.cells([BUSY.get(node.name, Look()) for node in info.nodes])
    assert cells[17, 3] == ("│", TRAIN)
    assert cells[17, 11] == ("│", TRAIN)  # both ways: what goes forward
    cells = diagram.cells([{"fc1": Look(backward=1)}.get(node.name, Look()) for node in info.nodes])
    assert cells[17, 7] == ("│", VALID)
    assert cells[17, 6] == ("▲", f"bold {VALID}")


@given(graphs(), st.sampled_from(list(Zoom)), st.sampled_from([UNICODE, ASCII]))
def test_any_graph_is_drawn_within_its_bounds_and_always_the_same(info, zoom, glyphs):
    diagram = Diagram(info, zoom, glyphs)
    looks = [Look(forward=999_999, backward=10, busy=0.3, working=True)] * len(info.nodes)
    moves = tuple(Move(index, up=bool(index % 2)) for index in range(len(diagram.graph.wires)))
    cells = diagram.cells(looks, moves, 0.4)
    assert all(0 <= x < diagram.layout.width and 0 <= y < diagram.layout.height for x, y in cells)
    assert cells == Diagram(info, zoom, glyphs).cells(looks, moves, 0.4)
    whole = diagram.text(looks, (), 1.0, Frame(0, 0, diagram.layout.width, diagram.layout.height)).plain
    assert glyphs.braille or whole.isascii()
    assert [box.name for box in diagram.graph.boxes if box.name not in whole] == []


@given(graphs(), st.integers(-5, 30), st.integers(-5, 30), st.integers(1, 20), st.integers(1, 8))
def test_a_window_shows_a_part_of_the_whole(info, x, y, width, height):
    diagram = Diagram(info, Zoom.NORMAL, UNICODE)
    looks = [Look(forward=1)] * len(info.nodes)
    cells = diagram.cells(looks)
    rows = diagram.text(looks, (), 1.0, Frame(x, y, width, height)).plain.split("\n")
    wanted = ["".join(cells.get((x + i, y + j), " ")[0] for i in range(width)).rstrip() for j in range(height)]
    assert [row.rstrip() for row in rows] == wanted
