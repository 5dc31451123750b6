"""What a person can look into while a session runs: one message, one node, one instance; and what stops a session.

Arrays are summarised where they lie; only the summary travels.
"""

from __future__ import annotations

from msgspec import Struct


class ArraySummary(Struct, frozen=True):
    """One array in a few numbers. Statistics are over the finite elements; 0 where there are none."""

    dtype: str
    shape: tuple[int, ...]
    minimum: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0
    norm: float = 0.0  # Euclidean
    nans: int = 0
    infs: int = 0
    histogram: tuple[int, ...] = ()  # 16 equal bins from minimum to maximum; of a large array over an even sample
    first: tuple[float, ...] = ()  # at most 8 elements, in memory order


class MessageDetail(Struct, frozen=True, tag="message"):
    """A message in a queue, or what a node remembers of one; `payload` is empty where there is None."""

    token: str  # `cell.B key=7 t=3`
    place: str  # "queue" or "cache"
    worker: int
    payload: tuple[ArraySummary, ...] = ()
    version_then: int = -1  # the node's version when the message went forward; -1 where it has none or went not yet
    version_now: int = -1


class ParameterDetail(Struct, frozen=True):
    """One parameter of a node, and the gradient collected for it since the last update, if any.

    The gradient is what an update now would take, before clipping: the sum divided by the keys that gave it. Where only
    looked-up rows of a table have one, it has those rows only.
    """

    name: str
    value: ArraySummary
    gradient: ArraySummary | None = None


class NodeDetail(Struct, frozen=True, tag="node"):
    """A node from inside. Tokens are those of the first messages only; the counts are whole."""

    node: str
    worker: int
    held: bool = False
    version: int = -1  # updates so far; -1 for a node without parameters
    pending: int = 0  # gradients collected since the last update
    queued_forward: int = 0
    queued_backward: int = 0
    cached: int = 0
    forward: tuple[str, ...] = ()  # tokens in the queue, next first
    backward: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()  # messages that came in and wait for others (F), or whose backward is awaited (B)
    parameters: tuple[ParameterDetail, ...] = ()


class Hop(Struct, frozen=True, array_like=True):
    """One piece of work done for an instance, perhaps with others in one batch. Seconds since the session started.

    The token is that of a node and direction, without the state: `cell.B`.
    """

    at: float
    duration_s: float
    token: str
    worker: int


class KeyDetail(Struct, frozen=True, tag="key"):
    """An instance in flight: where its messages are, and its path as far as the trace still knows it."""

    key: int
    age_s: float
    places: tuple[str, ...] = ()  # tokens of its messages in queues; of the first ones of each worker
    remembered: tuple[str, ...] = ()  # tokens of what nodes remember for it, the same
    queued: int = 0  # all of its messages in queues
    cached: int = 0  # all that nodes remember for it
    path: tuple[Hop, ...] = ()  # oldest first
    complete: bool = True  # whether the path begins where the instance began


Detail = NodeDetail | MessageDetail | KeyDetail


class Breakpoint(Struct, frozen=True):
    """Where to stop, or what to tell.

    On messages `text` is `NODE.F`, `NODE.B` or `NODE.U`, optionally `:PORT`, optionally ` if CONDITION`. A watch looks
    at the figures of the session once a tick: `valid_loss < 0.4`, `embed.staleness > 4`.
    """

    number: int
    text: str
    watch: bool = False
    pause: bool = True  # else it only tells
    enabled: bool = True
    hits: int = 0


class Lint(Struct, frozen=True):
    """A rule of advice and where it applies at the moment."""

    number: int
    name: str
    advice: str  # one sentence
    threshold: float
    on: bool = True
    found: tuple[str, ...] = ()  # "embed: staleness 5.9 > 4"; empty while all is well
