"""The keys: one table, from which bindings, footer, help screen and documentation are made."""

from __future__ import annotations

from dataclasses import replace

from ampviz.tui.key import Key
from ampviz.tui.places import PANES

KEYS = (
    Key("space,c", "space", "toggle_pause", "pause, or go on", "Run", "Pause"),
    Key("s", "s", "step('message')", "process one message", "Run", "Step"),
    Key("n", "n", "step('update')", "run to the next parameter update", "Run"),
    Key("S", "S", "step('instance')", "run until the oldest instance is done", "Run"),
    Key("E", "E", "step('epoch')", "run to the end of the epoch", "Run"),
    Key("x", "x", "step_node", "process one message of the selected node", "Run"),
    Key("q,ctrl+q,ctrl+c", "q", "leave", "stop the run, or leave", "Run", "Quit"),
    Key("D", "D", "detach", "leave; the run goes on", "Run"),
    Key("C", "C", "take_control", "take control of a run that was only watched", "Run"),
    Key("ctrl+z", "ctrl+z", "suspend_process", "suspend the viewer; fg brings it back", "Run"),
    Key("b", "b", "toggle_breakpoint", "stop at the selected node, or no longer", "Stops", "Break"),
    Key("B", "B", "edit_breakpoint", "set, switch or remove any breakpoint or watch", "Stops"),
    Key("H", "H", "hold", "let the selected node wait, or go on", "Stops"),
    Key("left_square_bracket", "[", "change_keys('-1')", "max_active_keys - 1", "Knobs", "Keys", "[ ]"),
    Key("right_square_bracket", "]", "change_keys('+1')", "max_active_keys + 1", "Knobs"),
    Key("left_curly_bracket", "{", "change_keys('/2')", "halve max_active_keys", "Knobs"),
    Key("right_curly_bracket", "}", "change_keys('*2')", "double max_active_keys", "Knobs"),
    Key("m", "m", "edit_knob", "set any knob", "Knobs", "Knob"),
    Key("u", "u", "undo_knob", "take back the last knob change, whoever made it", "Knobs"),
    *(Key(place.digit, place.digit, f"pane('{place.name}')", place.help, "Panes") for place in PANES),
    Key("F", "F", "maximise", "maximise the focused pane", "Panes"),
    Key("escape", "esc", "overview", "back to all panes", "Panes"),
    Key("tab", "tab", "focus_next", "next pane", "Panes"),
    Key("shift+tab", "shift+tab", "focus_previous", "previous pane", "Panes"),
    Key("p", "p", "freeze", "freeze the view; the run goes on", "View"),
    Key("slash", "/", "filter", "show only rows with these words in the focused pane or queues", "View"),
    Key("h,l", "h l", "sort", "sort the queues by the next column", "View"),
    Key("i", "i", "invert", "invert the order of the queues", "View"),
    Key("j,down", "j ↓", "cursor(1)", "next row, in the focused pane or queues", "View"),
    Key("k,up", "k ↑", "cursor(-1)", "previous row", "View"),
    Key("g", "g", "cursor(-100000)", "first row", "View"),
    Key("G", "G", "cursor(100000)", "last row", "View"),
    Key("enter", "enter", "inspect", "look inside the selected node or instance", "View"),
    Key("v", "v", "next_curve", "chart of the loss, a metric, throughput, or staleness", "View"),
    Key("y", "y", "log_scale", "logarithmic axis of the chart", "View"),
    Key("z", "z", "smooth", "smoothing of the chart", "View"),
    Key("question_mark", "?", "help", "this help", "View", "Help"),
    Key("ctrl+p", "^p", "command_palette", "every action and theme, by its name", "View"),
)

REPLAY_KEYS = (
    Key("space,c", "space", "toggle_play", "play, or stand still; at the end, from the beginning", "Replay", "Play"),
    Key("comma", ",", "to_landmark(-1)", "back to the event before", "Replay", "Back"),
    Key("full_stop", ".", "to_landmark(1)", "on to the next event", "Replay", "Next"),
    Key(
        "t", "t", "landmark_kind", "what , and . go to: events, epochs, knob changes, stops, lints", "Replay", "Events"
    ),
    Key("left", "←", "step_snapshot(-1)", "one snapshot back", "Replay"),
    Key("right", "→", "step_snapshot(1)", "one snapshot on", "Replay"),
    Key("less_than_sign", "<", "change_speed(-1)", "slower", "Replay", "Slower"),
    Key("greater_than_sign", ">", "change_speed(1)", "faster", "Replay", "Faster"),
    Key("home", "home", "to_start", "to the start", "Replay"),
    Key("end", "end", "to_end", "to the end", "Replay"),
)
"""Those of a replay, which has no run to steer."""

REPLAY_TABLE = (
    *REPLAY_KEYS,
    *(replace(key, footer="") for key in KEYS if key.action == "leave"),
    *(key for key in KEYS if key.group in ("Panes", "View")),
)
"""All that a replay has."""

FOCUSED_KEYS = tuple(key for place in PANES for key in place.pane.keys)
"""Those of the panes, each while it has the focus."""


def shown_key(action: str) -> str:
    """The key of an action, as the help shows it."""
    return next(key.shown for key in KEYS if key.action == action)


def help_lines() -> list[tuple[str, list[tuple[str, str]]]]:
    """The keys by group, as (group, [(key, what it does)])."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for key in KEYS + FOCUSED_KEYS + REPLAY_KEYS:
        groups.setdefault(key.group, []).append((key.shown, key.help))
    return list(groups.items())
