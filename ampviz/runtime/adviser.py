"""What a session says about itself each tick: rates of training, effects of knob changes, lints. Pure."""

from __future__ import annotations

import msgspec

from ampviz.runtime.effects import Effects
from ampviz.runtime.lints import Lints
from ampviz.runtime.meter import Meter
from ampviz.telemetry.snapshot import Event, SessionInfo, Snapshot


class Adviser:
    """Give it every snapshot in order, once."""

    def __init__(self, info: SessionInfo) -> None:
        self._meter, self._effects = Meter(), Effects()
        self.lints = Lints(info)

    def look(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with all that is to be said about it."""
        rate = self._meter.look(snapshot)
        if rate is not None:
            snapshot = msgspec.structs.replace(snapshot, new_rates=(rate,))
        effects = self._effects.look(snapshot)
        told = [("EFFECT", str(effect)) for effect in effects]
        told += [("LINT", words) for words in self.lints.look(snapshot, effects)]
        events = [Event(snapshot.at, kind, words, snapshot.instances) for kind, words in told]
        return msgspec.structs.replace(snapshot, new_events=(*snapshot.new_events, *events), lints=self.lints.listed())
