"""The trace: what each worker did when, as fixed-size records in a bounded ring in shared memory.

One writer, the worker; one reader, the session, which takes what is new at every tick. What the reader could not take
in time is counted, never silent. Times are nanoseconds: of the machine's monotonic clock in a ring, since the start of
the session in a snapshot or recording.

A unit of work writes one record, with the key of its first message and the number of its messages, and a copy for each
further key, with 0 messages; these copies are left out, and counted, where they are many and no viewer is there. So
time is summed over `spans`, and the work done for an instance is `of_key`. An update lies inside the backward unit that
made it; a pause is told in pieces, so that a long one is seen while it lasts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FORWARD, BACKWARD, UPDATE, PAUSE = range(4)
"""Actions: a unit of forward or backward work, the update inside a backward one, standing still."""

NOWHERE = 0xFFFF
"""The node of a record of standing still."""

RECORD = np.dtype(
    [
        ("start", "<i8"),
        ("key", "<i8"),  # of the first message; 0 for an update or a pause
        ("duration", "<u4"),  # at most about 4.3 s
        ("rows", "<u4"),  # of the first message
        ("node", "<u2"),
        ("messages", "<u2"),  # of the unit; 0 for all but the first of its records, for updates and for pauses
        ("worker", "u1"),
        ("action", "u1"),
        ("_", "<u2"),
    ]
)

Records = NDArray[np.void]
_WHOLE = np.dtype((np.void, RECORD.itemsize))  # a record as bytes


def decode(trace: bytes) -> Records:
    """The records of a snapshot's `trace`, in the order of their starts. What is not a whole record is left out."""
    return np.frombuffer(trace, RECORD, len(trace) // RECORD.itemsize)


def picked(records: Records, which: NDArray[np.bool_] | NDArray[np.intp]) -> Records:
    """Some of the records, by number or by a mask. (Indexing them directly copies field by field: 20 times slower.)"""
    return records.view(_WHOLE)[which].view(RECORD)


def joined(parts: Sequence[Records]) -> Records:
    """The records of all parts, one part after the other."""
    return np.concatenate([part.view(_WHOLE) for part in parts]).view(RECORD) if parts else np.empty(0, RECORD)


def of_key(records: Records, key: int) -> Records:
    """The units that had a message of this instance."""
    return picked(records, (records["key"] == key) & (records["action"] <= BACKWARD))


def spans(records: Records) -> Records:
    """Every unit, update and pause once: without the records that only add a key to a unit."""
    return picked(records, (records["messages"] > 0) | (records["action"] >= UPDATE))


def in_order(records: Records) -> Records:
    """The records by start; those of one unit stay in the order in which they were written."""
    return picked(records, np.argsort(records["start"], kind="stable"))


def thinned(records: Records, limit: int) -> Records:
    """At most `limit` of the records, in their order: those that only add a key go first, then the shortest."""
    if len(records) > limit:
        records = spans(records)
    if len(records) > limit:
        longest = np.argpartition(records["duration"], len(records) - limit)[len(records) - limit :]
        records = picked(records, np.sort(longest))
    return records
