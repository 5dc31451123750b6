"""The lints: rules of advice that begin when something goes wrong and end when it no longer does. Pure.

Time is seconds of training. What is found must hold for a while before it is told, and must be gone by a margin for a
while before it is over, so that nothing flickers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ampviz.errors import UsageError
from ampviz.runtime.effects import Effect
from ampviz.runtime.lint_rules import (
    Finding,
    Idle,
    Norms,
    Quiet,
    Saturation,
    leaking,
    one_sided_queue,
    stale,
    starved_worker,
    unbalanced,
)
from ampviz.runtime.sight import Sight, Watcher
from ampviz.telemetry.inspection import Lint
from ampviz.telemetry.snapshot import SessionInfo, Snapshot

HOLD_S = 2.0  # how long something is found before it is told, and gone before it is over
_GONE = 0.8  # of the threshold: what is found is gone from here on
_SHOWN = 8  # subjects listed of one lint


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `look` is given a full window of training, `glance` every snapshot; at least one of them is there."""

    name: str
    threshold: float
    advice: str
    look: Callable[[Sight, float], Iterator[Finding]] | None = None
    glance: Callable[[Snapshot, float], Iterator[Finding]] | None = None
    at_once: bool = False  # whether what is found once is told


def all_rules(info: SessionInfo, saturation: Saturation) -> tuple[Rule, ...]:
    """Fresh rules for one session, in the order of their numbers."""
    norms, quiet = Norms(info), Quiet(info)
    return (
        Rule(
            "starved worker",
            0.2,
            "Host more nodes on it (--set NODE.worker=W), or raise max_active_keys.",
            starved_worker,
        ),
        Rule(
            "queue growing on one side",
            32,
            "Try the policy mixed, or host the node on a worker with room.",
            one_sided_queue,
        ),
        Rule(
            "staleness over limit",
            4,
            "Lower max_active_keys, or raise the min_update_interval of the node.",
            stale,
        ),
        Rule(
            "knob past saturation",
            4,
            "Lower max_active_keys: staleness falls and throughput stays.",
            saturation.look,
        ),
        Rule(
            "node never updated",
            30,
            "Lower its min_update_interval, or see whether its output reaches a loss.",
            Idle().look,
        ),
        Rule(
            "NaN or exploding gradient",
            100,
            "Lower learning_rate, or set gradient_clip.",
            glance=norms.glance,
            at_once=True,
        ),
        Rule(
            "cached activations leaking",
            4,
            "Some forward messages get no answer: break on the node's backward messages.",
            leaking,
            quiet.glance,
        ),
        Rule(
            "replica imbalance",
            1.5,
            "A key meets copy key % N: choose an N over which the keys spread evenly.",
            unbalanced,
        ),
    )


@dataclass(slots=True)
class _Case:
    """One subject of one lint."""

    found: bool = False
    words: str = ""
    began: float = 0.0  # when it was found
    turned: float | None = None  # since when it looks otherwise


@dataclass(slots=True)
class _Entry:
    """One lint, and what it has been found at."""

    number: int
    rule: Rule
    on: bool = True
    cases: dict[str, _Case] = field(default_factory=dict)

    def findings(self, snapshot: Snapshot, sight: Sight | None) -> list[Finding]:
        rule, found = self.rule, list[Finding]()
        if rule.glance is not None:
            found += rule.glance(snapshot, rule.threshold)
        if rule.look is not None and sight is not None:
            found += rule.look(sight, rule.threshold)
        return found

    def take(self, finding: Finding, now: float) -> str:
        """Note a finding; what is to be told of it, mostly nothing."""
        subject, over, words = finding
        case = self.cases.setdefault(subject, _Case())
        if over > 1:
            case.words = words
        if (over >= _GONE) if case.found else (over <= 1):
            case.turned = None
            return ""
        case.turned = now if case.turned is None else case.turned
        wait = 0.0 if self.rule.at_once and not case.found else HOLD_S
        if now - case.turned < wait:
            return ""
        case.found, case.turned = not case.found, None
        if not case.found:
            return f"{subject}: {self.rule.name} is over after {now - case.began:.0f} s"
        case.began = now
        return f"{subject}: {words}"

    def shown(self) -> Lint:
        found = tuple(f"{subject}: {case.words}" for subject, case in self.cases.items() if case.found)
        return Lint(self.number, self.rule.name, self.rule.advice, self.rule.threshold, self.on, found[:_SHOWN])


class Lints:
    """Give it every snapshot with its `new_rates`, and the effects of knob changes that have just been measured."""

    def __init__(self, info: SessionInfo):
        self._watcher, self._saturation = Watcher(info), Saturation()
        self._entries = [_Entry(number, rule) for number, rule in enumerate(all_rules(info, self._saturation), 1)]

    def look(self, snapshot: Snapshot, effects: Sequence[Effect] = ()) -> list[str]:
        """What has begun or is over."""
        for effect in effects:
            self._saturation.learn(effect)
        sight, told = self._watcher.look(snapshot), []
        for entry in self._entries:
            findings = entry.findings(snapshot, sight)  # rules learn also while switched off
            if entry.on:
                told += [entry.take(finding, self._watcher.elapsed) for finding in findings]
        return [words for words in told if words]

    def switch(self, number: int, on: bool) -> str:
        """Switch one on or off; its name. What it had found is forgotten. Raises UsageError."""
        for entry in self._entries:
            if entry.number == number:
                entry.on = on
                entry.cases.clear()
                return entry.rule.name
        raise UsageError(f"there is no lint {number}", expected=f"1 to {len(self._entries)}")

    def listed(self) -> tuple[Lint, ...]:
        """All of them, with what each has found."""
        return tuple(entry.shown() for entry in self._entries)
