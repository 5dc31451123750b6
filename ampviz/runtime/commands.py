"""What the controller tells workers, and what they tell it: small structs, the same for every backend."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ampviz.telemetry.inspection import Detail
from ampviz.telemetry.link import Inspect


class Admit(Struct, frozen=True, tag="admit", array_like=True):
    """Instances enter: key and index into the data set (training for keys >= 0, validation for negative ones).

    With `room` >= 0 they enter as long as so many are in flight here, and the others wait at hand: the worker forgets
    an instance that came home by itself, and begins the next one.
    """

    keys: tuple[int, ...]
    indices: tuple[int, ...]
    room: int = -1


class Retire(Struct, frozen=True, tag="retire", array_like=True):
    """These instances came home everywhere: forget them."""

    keys: tuple[int, ...]


class Drop(Struct, frozen=True, tag="drop", array_like=True):
    """Forget an instance that is under way, and ignore what still comes of it."""

    key: int


class Retune(Struct, frozen=True, tag="retune", array_like=True):
    """All knob values in force (as `KnobValues.as_dict` gives them), and the epoch, from 1."""

    values: dict[str, float | int | str | bool]
    epoch: int


class Trace(Struct, frozen=True, tag="trace", array_like=True):
    """Note what is done unit by unit, or do not: nobody watches or records it. Only a viewer needs `every_key`."""

    on: bool
    every_key: bool = True


class SetPaused(Struct, frozen=True, tag="paused", array_like=True):
    """Process nothing (messages still arrive), or go on."""

    paused: bool


class StepOne(Struct, frozen=True, tag="step", array_like=True):
    """Process one message now, paused or not; answered by Stepped. `node` asks for one node's message.

    With `stop` a breakpoint may prevent it; a single step goes past breakpoints.
    """

    node: int = -1
    stop: bool = False


class Rule(Struct, frozen=True, array_like=True):
    """A breakpoint as workers get it: `action` is F, B or U, `port` -1 for any."""

    number: int
    node: int
    action: str
    port: int
    condition: str
    pause: bool


class SetRules(Struct, frozen=True, tag="rules", array_like=True):
    """All breakpoints in force."""

    rules: tuple[Rule, ...]


class HoldNode(Struct, frozen=True, tag="hold", array_like=True):
    """Let a node wait, or go on."""

    node: int
    held: bool


class Look(Struct, frozen=True, tag="look", array_like=True):
    """What a viewer wants to see; answered by Seen of the same number."""

    number: int
    at: Inspect


class Barrier(Struct, frozen=True, tag="barrier", array_like=True):
    """Answered by Passed, after every report that came before it."""


class Shutdown(Struct, frozen=True, tag="shutdown", array_like=True):
    """Leave at once."""


class Ready(Struct, frozen=True, tag="ready", array_like=True):
    """A worker process has built its graph and is connected."""

    pid: int


class CameHome(Struct, tag="home", array_like=True):
    """All sources of this worker have got their backward messages for these keys."""

    keys: list[int]


class LossSeen(Struct, tag="loss", array_like=True):
    """Sums over the rows of messages that losses with these metrics have got."""

    rows: int
    total: float
    metrics: dict[str, float]

    def add(self, rows: int, total: float, metrics: Mapping[str, float]) -> None:
        """Take the sums of another message, with the same metrics."""
        self.rows += rows
        self.total += total
        for name, value in metrics.items():
            self.metrics[name] += value


class Stepped(Struct, frozen=True, tag="stepped", array_like=True):
    """What a step processed: a message's name (`fc1.F key=7`), "" if nothing waited; whether a node updated."""

    token: str
    updated: bool


class Halted(Struct, frozen=True, tag="halted", array_like=True):
    """This worker has paused: the name of the message it is about to process, "" if none waits."""

    next: str


class Hit(Struct, frozen=True, tag="hit", array_like=True):
    """A message met a breakpoint. With `pause` this worker stands still before it; for losses and updates, after it."""

    number: int
    token: str
    pause: bool


class Seen(Struct, frozen=True, tag="seen", array_like=True):
    """The answer to Look: what this worker has of it, or why it has nothing."""

    number: int
    detail: Detail | None = None
    error: str = ""


class Passed(Struct, frozen=True, tag="passed", array_like=True):
    """The answer to Barrier."""


class Failed(Struct, frozen=True, tag="failed", array_like=True):
    """A node could not process a message; the worker stands still."""

    what: str
    where: str
    hint: str


Command = Admit | Retire | Drop | Retune | Trace | SetPaused | StepOne | SetRules | HoldNode | Look | Barrier | Shutdown
Report = Ready | CameHome | LossSeen | Stepped | Halted | Hit | Seen | Passed | Failed
