"""What a session says about itself each tick: rates of training, effects of knob changes, lints. Pure."""

from __future__ import annotations

import msgspec

from ampviz.runtime.effects import Effects
from ampviz.runtime.meter import Meter
from ampviz.telemetry.snapshot import Event, Snapshot


class Adviser:
    """Give it every snapshot in order, once."""

    def __init__(self) -> None:
        self._meter, self._effects = Meter(), Effects()

    def look(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with all that is to be said about it."""
        rate = self._meter.look(snapshot)
        if rate is not None:
            snapshot = msgspec.structs.replace(snapshot, new_rates=(rate,))
        effects = self._effects.look(snapshot)
        events = [Event(snapshot.at, "EFFECT", str(effect), snapshot.instances) for effect in effects]
        return msgspec.structs.replace(snapshot, new_events=(*snapshot.new_events, *events))
