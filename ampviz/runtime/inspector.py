"""What a worker shows of its nodes when it is asked: summaries of what lies there, never the arrays themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ampviz.errors import AmpvizError, UsageError
from ampviz.message import BACKWARD, FORWARD, Direction, Message, Token
from ampviz.nodes.parameterised import Parameterised
from ampviz.runtime.commands import Look, Seen
from ampviz.runtime.slot import Slot
from ampviz.runtime.summary import summaries, summarise
from ampviz.telemetry.inspection import Detail, KeyDetail, MessageDetail, NodeDetail, ParameterDetail
from ampviz.telemetry.link import InspectKey, InspectMessage, InspectNode

if TYPE_CHECKING:
    from ampviz.runtime.worker import Worker

SHOWN = 100  # names that a list shows at most


def seen(worker: Worker, look: Look) -> Seen:
    """The answer to one question, or why there is none."""
    try:
        return Seen(look.number, detail=_detail(worker, look))
    except AmpvizError as error:
        return Seen(look.number, error=str(error))
    except Exception as error:  # a node of a model may be anything; a look at it must not end the run
        return Seen(look.number, error=f"cannot be shown: {type(error).__name__}: {error}")


def _detail(worker: Worker, look: Look) -> Detail:
    match look.at:
        case InspectNode(node=name):
            return node_detail(worker, _slot(worker, name))
        case InspectMessage(token=text):
            token = Token.parse(text)
            return message_detail(worker, _slot(worker, token.node), token)
        case InspectKey(key=key):
            return key_detail(worker, key)


def _slot(worker: Worker, name: str) -> Slot:
    for slot in worker.slots.values():
        if slot.node.name == name:
            return slot
    raise UsageError(f"{name} is not on worker {worker.index}")


def node_detail(worker: Worker, slot: Slot) -> NodeDetail:
    """A node from inside."""
    node = slot.node
    forward, backward = slot.queues
    return NodeDetail(
        node.name,
        worker.index,
        version=_version(slot),
        pending=node.pending if isinstance(node, Parameterised) else 0,
        queued_forward=len(forward),
        queued_backward=len(backward),
        cached=node.cached(),
        forward=_first(slot.token(FORWARD, *message[:2]) for message in forward),
        backward=_first(slot.token(BACKWARD, *message[:2]) for message in backward),
        remembered=_first(_named(slot, *kept) for kept in node.remembered()),
        parameters=_parameters(node) if isinstance(node, Parameterised) else (),
    )


def message_detail(worker: Worker, slot: Slot, token: Token) -> MessageDetail:
    """The message of this name in a queue, else what the node remembers of it. Raises UsageError for neither."""
    for direction, queue in enumerate(slot.queues):
        for message in queue:
            if slot.token(Direction(direction), *message[:2]) == token:
                then = _version_at_forward(slot, message) if direction == BACKWARD else -1
                return MessageDetail(
                    str(token), "queue", worker.index, summaries(message[2]), then, version_now=_version(slot)
                )
    for direction, message in slot.node.remembered():
        if _named(slot, direction, message) == token:
            then = _version_at_forward(slot, message) if direction == BACKWARD else -1
            return MessageDetail(
                str(token), "cache", worker.index, summaries(message[2]), then, version_now=_version(slot)
            )
    raise UsageError(
        f"{token} is not at its node (any more)", hint="while the run is paused, messages stay where they are"
    )


def key_detail(worker: Worker, key: int) -> KeyDetail:
    """What this worker has of an instance."""
    waiting, kept = [], []
    for slot in worker.slots.values():
        for direction, queue in enumerate(slot.queues):
            waiting += [slot.token(Direction(direction), *message[:2]) for message in queue if message[1][0] == key]
        kept += [_named(slot, *entry) for entry in slot.node.remembered() if entry[1][1][0] == key]
    return KeyDetail(
        key, 0.0, places=_first(waiting), remembered=_first(kept), queued=len(waiting), cached=len(set(kept))
    )


def _first(tokens: Iterable[Token]) -> tuple[str, ...]:
    """The names without repetitions: a node may keep several things for one message."""
    names: dict[str, None] = {}
    for token in tokens:
        names[str(token)] = None
        if len(names) == SHOWN:
            break
    return tuple(names)


def _named(slot: Slot, direction: Direction, message: Message) -> Token:
    """The name of what a node remembers: that of the message that came in where the state is of that one."""
    if len(slot.fields[direction][message[0]]) != len(message[1]):
        direction = FORWARD
    return slot.token(direction, *message[:2])


def _version(slot: Slot) -> int:
    return slot.node.version if isinstance(slot.node, Parameterised) else -1


def _version_at_forward(slot: Slot, message: Message) -> int:
    """The node's version when it forwarded the message of this state; -1 where it has none or did not."""
    if not isinstance(slot.node, Parameterised):
        return -1
    kept: Any = slot.node.saved.get(message[1])
    return kept[1] if kept else -1


def _parameters(node: Parameterised) -> tuple[ParameterDetail, ...]:
    gradients = node.gradient_so_far()
    return tuple(
        ParameterDetail(name, summarise(array), summarise(gradients[name]) if name in gradients else None)
        for name, array in node.parameters.arrays.items()
    )
