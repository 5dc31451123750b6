"""Memory that several processes map: anonymous, so that nothing is left behind however a process ends."""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile


class SharedBlock:
    """A block of zeroed bytes behind a file descriptor without a name.

    Give `fd` to a subprocess (`pass_fds`) and open it there with `SharedBlock(size, fd)`. After use call `close`.
    """

    def __init__(self, size: int, fd: int | None = None):
        self.size = max(size, 1)
        self.fd = _anonymous_file(self.size) if fd is None else fd
        self.memory = mmap.mmap(self.fd, self.size)

    def close(self) -> None:
        """Close the descriptor; the mapping lives until the last array over it is gone."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            del self.memory


class Turn:
    """What one process at a time holds (`with turn:`): a lock on one byte of a file.

    The kernel lifts it when its holder ends, however that happens. Workers within one process do not exclude each
    other: they never run at the same time.
    """

    def __init__(self, fd: int, byte: int):
        self._fd, self._byte = fd, byte

    def __enter__(self) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_EX, 1, self._byte)

    def __exit__(self, *_: object) -> None:
        fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, self._byte)


def _anonymous_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("ampviz")
    else:  # macOS: a temporary file, unlinked at once
        fd, path = tempfile.mkstemp()
        os.unlink(path)
    os.ftruncate(fd, size)
    return fd
