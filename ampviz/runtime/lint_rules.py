"""The rules of the lints: what each measures against its threshold, and in which words. Pure.

A rule gives, for each subject (a node, a worker, a knob), by how much it is over the threshold (1 is at it) and what
is found. The machine in `runtime.lints` makes beginnings and ends of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from ampviz.knobs import KnobValues, Value
from ampviz.runtime.effects import Effect
from ampviz.runtime.sight import Sight
from ampviz.telemetry.snapshot import NodeInfo, SessionInfo, Snapshot

Finding = tuple[str, float, str]
"""(subject, measure over threshold, words). A subject that is not given is as it was."""

_FEW = 20  # gradients or messages below which a mean says nothing
_AT_WORK = 0.95  # share of the time from which a worker is saturated


_GAIN, _COST = 1.03, 1.2  # a raise that gained less throughput and cost more staleness was past saturation
_QUIET = 3  # ticks with nothing in flight after which nothing may be remembered


def starved_worker(sight: Sight, threshold: float) -> Iterator[Finding]:
    """A worker that is hardly at work."""
    if len(sight.at_work) > 1:
        for index, share in enumerate(sight.at_work):
            yield f"w{index}", (1 - share) / (1 - threshold), f"at work {share:.0%} < {threshold:.0%}"


def one_sided_queue(sight: Sight, threshold: float) -> Iterator[Finding]:
    """A queue that grows on the forward or backward side while the other side does not."""
    first, last = sight.queues
    growth = 2 * (last - first)  # from end to end of the window
    for node, old, new, grown in zip(sight.info.nodes, first, last, growth, strict=True):
        for side, words in enumerate(("forward", "backward")):
            other = abs(grown[1 - side])
            over = grown[side] / threshold if grown[side] > 4 * other and new[side] > 1.25 * old[side] else 0.0
            yield f"{node.name} {words}", over, f"queue {old[side]:.0f}→{new[side]:.0f} in {sight.seconds:.0f} s"


def stale(sight: Sight, threshold: float) -> Iterator[Finding]:
    """Gradients that are many updates old."""
    counted = zip(sight.info.nodes, sight.nodes["stale"], sight.nodes["gradients"], strict=True)
    for node, total, gradients in counted:
        if gradients >= _FEW:
            mean = total / gradients
            yield node.name, mean / threshold, f"staleness {mean:.1f} > {threshold:g}"


class Saturation:
    """More instances in flight than are of use: raising them gained nothing, or they only wait in long queues."""

    def __init__(self) -> None:
        self._raised: Effect | None = None  # of max_active_keys, for nothing

    def learn(self, effect: Effect) -> None:
        """Take what a knob change did."""
        if [change.name for change in effect.changes] != ["max_active_keys"]:
            return
        change = effect.changes[0]
        self._raised = effect if _count(change.new) > _count(change.old) and _for_nothing(effect) else None

    def look(self, sight: Sight, threshold: float) -> Iterator[Finding]:
        keys, raised = _count(sight.now.knobs["max_active_keys"]), self._raised
        if raised is not None and keys > _count(raised.changes[0].old):
            yield "max_active_keys", 2.0, f"gained nothing by the raise {raised}"
        else:
            yield "max_active_keys", *(_waiting(sight, threshold) if keys > 1 else (0.0, ""))


def _count(value: Value | None) -> int:
    return value if isinstance(value, int) else 0


def _for_nothing(effect: Effect) -> bool:
    before, after = effect.before, effect.after
    if before.instances_per_s is None or after.instances_per_s is None:
        return False
    if before.staleness is None or after.staleness is None:
        return False
    return after.instances_per_s < _GAIN * before.instances_per_s and after.staleness > _COST * before.staleness


def _waiting(sight: Sight, threshold: float) -> tuple[float, str]:
    """How many batches wait, on average, before the node that keeps a worker busy all the time."""
    batch, worst, words = _count(sight.now.knobs["max_batch"]), 0.0, ""
    for worker, share in enumerate(sight.at_work):
        own = [index for index, node in enumerate(sight.info.nodes) if node.on(worker)]
        if share > _AT_WORK and own:
            node = max(own, key=lambda index: sight.nodes["busy_s"][index])
            waiting = float(sight.queues[1][node].sum()) / sight.info.nodes[node].hosts(sight.info.workers)
            if waiting / batch > worst:
                worst = waiting / batch
                words = f"{waiting:.0f} messages wait at {sight.info.nodes[node].name}, w{worker} at work {share:.0%}"
    return worst / threshold, words


def leaking(sight: Sight, threshold: float) -> Iterator[Finding]:
    """More remembered than the instances in flight can account for."""
    if not sight.done:
        return
    for node, least, messages in zip(sight.info.nodes, sight.least_cached, sight.nodes["forward"], strict=True):
        usual = max(1, sight.most_in_flight) * max(1.0, messages / sight.done)
        words = f"{least:.0f} entries remembered, {usual:.0f} would be usual for {sight.most_in_flight} in flight"
        yield node.name, least / usual / threshold, words


def unbalanced(sight: Sight, threshold: float) -> Iterator[Finding]:
    """A copy of a layer that gets far more messages than the others."""
    layers: dict[str, list[int]] = {}
    for index, node in enumerate(sight.info.nodes):
        if node.part_of:
            layers.setdefault(node.part_of, []).append(index)
    for layer, copies in layers.items():
        messages = sight.nodes["forward"][copies]
        total, most = float(messages.sum()), int(messages.argmax())
        if total >= _FEW * len(copies):
            share = float(messages[most]) / total
            words = f"{sight.info.nodes[copies[most]].name} takes {share:.0%} of the messages of {len(copies)} copies"
            yield layer, share * len(copies) / threshold, words


class Idle:
    """Nodes with parameters that have made no update for long, although they are not frozen."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def look(self, sight: Sight, threshold: float) -> Iterator[Finding]:
        frozen = _frozen(sight)
        for node, stats, updates in zip(sight.info.nodes, sight.now.nodes, sight.nodes["updates"], strict=True):
            if not node.parameters:
                continue
            if updates or frozen(node):
                self._since[node.name] = sight.elapsed
            idle = sight.elapsed - self._since.setdefault(node.name, sight.elapsed - sight.seconds)
            held = f"{stats.pending} gradients collected" if stats.pending else "no gradient reaches it"
            yield node.name, idle / threshold, f"no update for {idle:.0f} s of training, {held}"


class Norms:
    """Gradients that are not finite, or far larger than they used to be."""

    def __init__(self, info: SessionInfo) -> None:
        self._info = info
        self._usual: dict[str, tuple[float, int]] = {}  # mean of the logarithm of the norm, and of how many
        self._last: dict[str, float] = {}

    def glance(self, now: Snapshot, threshold: float) -> Iterator[Finding]:
        for node, stats in zip(self._info.nodes, now.nodes, strict=True):
            norm = stats.gradient_norm
            if not math.isfinite(norm):
                yield node.name, math.inf, f"gradient norm {norm}"
            elif norm > 0 and norm != self._last.get(node.name):
                self._last[node.name] = norm
                mean, count = self._usual.get(node.name, (0.0, 0))
                over = norm / math.exp(mean) / threshold if count >= _FEW else 0.0
                yield node.name, over, f"gradient norm {norm:.3g} > {threshold:g} x {math.exp(mean):.3g}"
                weight = max(0.02, 1 / (count + 1))
                self._usual[node.name] = (mean + weight * (math.log(norm) - mean), count + 1)


class Quiet:
    """Entries that are still remembered some ticks after the last instance retired; counters come a little late."""

    def __init__(self, info: SessionInfo) -> None:
        self._info = info
        self._ticks = 0

    def glance(self, now: Snapshot, threshold: float) -> Iterator[Finding]:
        self._ticks = 0 if now.in_flight_count else self._ticks + 1
        if self._ticks >= _QUIET:
            for node, stats in zip(self._info.nodes, now.nodes, strict=True):
                words = f"{stats.cached} entries remembered with nothing in flight"
                yield node.name, math.inf if stats.cached else 0.0, words


def _frozen(sight: Sight) -> Callable[[NodeInfo], bool]:
    """Says of a node whether it is frozen now."""
    learns = [node for node in sight.info.nodes if node.parameters]
    copies = {node.name: node.part_of for node in learns if node.part_of}
    own = {name: value for name, value in sight.now.knobs.items() if name.rpartition(".")[2] == "freeze"}
    values = KnobValues([node.name for node in learns], own, copies)
    return lambda node: bool(values.get("freeze", node.name))
