"""What one tick shows of a session, and what does not change: immutable structs, shared by link, UI and recording.

Times are seconds since the session started (`at`) or durations (`*_s`). Counts are totals since the start unless said
otherwise; the reader takes differences between ticks, so a missed tick loses nothing.
"""

from __future__ import annotations

import enum

from msgspec import Struct, field

from ampviz.graph import EVERY
from ampviz.telemetry.inspection import Breakpoint, Lint


def place(worker: int) -> str:
    """A worker for people: `w1`, or `w*` for every worker."""
    return "w*" if worker == EVERY else f"w{worker}"


class Status(enum.StrEnum):
    """What a session is doing; the UI prints it, so the words are for people."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"  # asked to stop: no admissions, what is in flight comes home
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        return self in (Status.FINISHED, Status.FAILED, Status.INTERRUPTED)


class NodeInfo(Struct, frozen=True):
    """What does not change about a node."""

    name: str
    kind: str
    worker: int  # or EVERY
    parameters: int = 0  # number of scalars
    line: str = ""  # file:line of the model that made it
    note: str = ""  # its configuration, such as `784 -> 10` or `S.t < S.n`
    part_of: str = ""  # the replicated layer that this node is a copy of

    def on(self, worker: int) -> bool:
        """Whether this worker hosts it."""
        return self.worker in (worker, EVERY)

    def hosts(self, workers: int) -> int:
        """How many of so many workers host it."""
        return workers if self.worker == EVERY else 1


class EdgeInfo(Struct, frozen=True):
    """One edge of the graph: node and port names as `name`, indices into `SessionInfo.nodes`."""

    source: int
    source_port: int
    target: int
    target_port: int
    fields: tuple[str, ...] = ()


class SessionInfo(Struct, frozen=True):
    """What does not change about a session."""

    id: str
    target: str
    backend: str
    workers: int
    seed: int
    epochs: int
    started: str  # local time, ISO 8601
    pid: int = 0  # of the session's process
    nodes: tuple[NodeInfo, ...] = ()
    edges: tuple[EdgeInfo, ...] = ()


class NodeStats(Struct, frozen=True):
    """The state of one node, in the order of `SessionInfo.nodes`."""

    queued_forward: int = 0
    queued_backward: int = 0
    max_queue: int = 0
    forward: int = 0  # messages processed
    backward: int = 0
    updates: int = 0
    busy_s: float = 0.0  # executing
    waiting_s: float = 0.0  # a message waited while the worker was elsewhere ("scheduled")
    cached: int = 0  # entries remembered for keys in flight; 0 when nothing is in flight
    pending: int = 0  # gradients collected since the last update
    staleness: tuple[int, ...] = ()  # histogram: [i] counts gradients of staleness i, the last bin also all above
    staleness_mean: float = 0.0
    staleness_max: int = 0
    gradient_norm: float = 0.0  # Euclidean, of a recent update before clipping; nan or inf where it is; 0 before one


class WorkerStats(Struct, frozen=True):
    """The state of one worker."""

    pid: int = 0
    busy_s: float = 0.0  # executing nodes
    kernel_s: float = 0.0  # of which inside kernels
    messages: int = 0  # processed
    unsent: int = 0  # frames that wait for the peer's socket


class InFlight(Struct, frozen=True):
    """One admitted instance that has not retired."""

    key: int  # negative: validation
    age_s: float
    path: tuple[int, ...] = ()  # its last hops, newest last: 2 * node + direction; the last one is where it was seen


class LossPoint(Struct, frozen=True, array_like=True):
    """Mean training loss over the rows that losses have seen since the last point."""

    instances: int  # training instances retired since the session started: the x axis of every chart
    loss: float
    count: int = 1  # rows averaged


class RatePoint(Struct, frozen=True, array_like=True):
    """How fast and how stale the training was since the last point; nothing of pauses or validation is in it."""

    instances: int  # where it stands on the charts
    seconds: float  # of training
    done: int  # instances retired in them
    staleness: float  # mean of the gradients collected in them, 0 where there were none
    gradients: int


class EpochReport(Struct, frozen=True):
    """One epoch, in the fields of the command line's JSON contract."""

    epoch: int  # from 1
    train_loss: float
    valid_loss: float | None
    metrics: dict[str, float]  # of the validation split
    instances: int  # training keys
    rows: int  # training rows
    seconds: float  # of training, pauses cut out
    instances_per_s: float
    rows_per_s: float
    valid_instances_per_s: float | None
    max_in_flight: int
    at_instances: int = 0  # total training instances when the epoch ended: where it stands on the charts


class Change(Struct, frozen=True):
    """A knob that was turned: what the text of a KNOB event says, for machines."""

    name: str  # "max_active_keys" or "node.knob"
    old: float | int | str | bool | None  # None: the node had no value of its own
    new: float | int | str | bool | None
    who: str


class Event(Struct, frozen=True):
    """One line of the event pane: something a person did, or would want to know."""

    at: float
    kind: str  # EPOCH KNOB EFFECT PAUSE RESUME BREAK WATCH LINT HOLD DROP STOP ERROR TARGET CHECKPOINT VIEWER
    text: str
    instances: int = 0  # where it stands on the charts
    marker: str = ""  # short label for the charts, "" for none
    change: Change | None = None  # of a KNOB event


class Snapshot(Struct, frozen=True):
    """One tick. Lists named `new_*` hold what has come since the previous snapshot sent to the same viewer."""

    at: float
    status: Status
    epoch: int  # from 1; 0 before the first
    phase: str  # "train" or "valid"
    epoch_done: int  # instances retired or dropped in this phase of the epoch
    epoch_size: int
    instances: int  # training instances retired since the start
    max_in_flight: int  # so far in this epoch
    paused_s: float  # total time paused, to cut it out of rates
    in_flight: tuple[InFlight, ...]  # oldest first, at most 64
    in_flight_count: int
    knobs: dict[str, float | int | str | bool]  # "max_active_keys", or "node.min_update_interval" where a node differs
    nodes: tuple[NodeStats, ...]
    workers: tuple[WorkerStats, ...]
    instances_per_s: float = 0.0  # of the current phase, over the last seconds, pauses cut out
    rows_per_s: float = 0.0
    new_points: tuple[LossPoint, ...] = ()
    new_rates: tuple[RatePoint, ...] = ()
    new_epochs: tuple[EpochReport, ...] = ()
    new_events: tuple[Event, ...] = ()
    stepped: str = ""  # name of the last message processed by a step, such as `fc1.F key=7`
    next: tuple[str, ...] = field(default=())  # while paused: what each worker is about to process, "" for nothing
    stopped_by: str = ""  # while paused by a breakpoint or watch: which, and the message or figure that met it
    held: tuple[str, ...] = ()  # nodes that wait although messages do
    viewers: int = 0  # that are attached to the session and have got a snapshot before
    dropped: int = 0  # instances that were dropped by hand
    breakpoints: tuple[Breakpoint, ...] = ()
    lints: tuple[Lint, ...] = ()
    trace: bytes = b""  # records of `telemetry.trace` since the previous snapshot sent to the same viewer
    trace_lost: int = 0  # records that no snapshot to this viewer could carry, in all
    units_lost: int = 0  # of these, without records that only add a key to a unit
    skipped: int = 0  # ticks that this viewer was too slow for, in all; what was new in them came with later ones
