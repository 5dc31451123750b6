"""How a recording packs snapshots and trace: small, and each piece readable without the ones before it."""

from __future__ import annotations

import zlib

import msgspec
import numpy as np
from numpy.typing import NDArray

from ampviz.telemetry.snapshot import Snapshot
from ampviz.telemetry.trace import RECORD

_LEVEL = 3
_WINDOW = 32 << 10  # bytes of a dictionary that zlib looks at


class SnapshotPacker:
    """Packs single snapshots against a dictionary, the encoding of an early one: field names then cost nothing."""

    def __init__(self, dictionary: bytes):
        self.dictionary = dictionary[-_WINDOW:]
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Snapshot)

    @classmethod
    def like(cls, snapshot: Snapshot) -> SnapshotPacker:
        """A packer for snapshots of the same session."""
        return cls(msgspec.msgpack.encode(snapshot))

    def pack(self, snapshot: Snapshot) -> bytes:
        """The snapshot as bytes."""
        deflate = zlib.compressobj(_LEVEL, zdict=self.dictionary)
        return deflate.compress(self._encoder.encode(snapshot)) + deflate.flush()

    def unpack(self, data: bytes) -> Snapshot:
        """The snapshot that was packed. Raises zlib.error or MsgspecError for anything else."""
        inflate = zlib.decompressobj(zdict=self.dictionary)
        return self._decoder.decode(inflate.decompress(data) + inflate.flush())


def pack_trace(records: NDArray[np.void]) -> bytes:
    """Records of the trace as bytes: starts as differences, then byte by byte of all records, which zlib likes."""
    packed = records.view(np.uint8).reshape(len(records), RECORD.itemsize).copy()
    packed.reshape(-1).view(RECORD)["start"][1:] -= records["start"][:-1]
    return zlib.compress(packed.T.tobytes(), 1)


def unpack_trace(data: bytes) -> NDArray[np.void]:
    """The records that were packed. Raises zlib.error or ValueError for anything else."""
    columns = np.frombuffer(zlib.decompress(data), np.uint8).reshape(RECORD.itemsize, -1)
    records = columns.T.copy().reshape(-1).view(RECORD)
    records["start"] = np.cumsum(records["start"])
    return records
