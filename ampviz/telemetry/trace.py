"""The trace: what each worker did when, as fixed-size records in a bounded ring in shared memory.

One writer, the worker; one reader, the session, which takes what is new at every tick. What the reader could not take
in time is counted, never silent. Times are nanoseconds: of the machine's monotonic clock in a ring, since the start of
the session in a snapshot or recording.
"""

from __future__ import annotations

import numpy as np

FORWARD, BACKWARD, UPDATE, PAUSE = range(4)
"""Actions: a unit of forward or backward work, the update inside a backward one, standing still."""

RECORD = np.dtype(
    [
        ("start", "<i8"),
        ("key", "<i8"),  # of the first message
        ("duration", "<u4"),
        ("rows", "<u4"),
        ("node", "<u2"),
        ("messages", "<u2"),  # of the unit; 0 in a record that only adds a key to the unit before it
        ("worker", "u1"),
        ("action", "u1"),
        ("_", "<u2"),
    ]
)
