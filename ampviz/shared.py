"""Memory that several processes map: anonymous, so that nothing is left behind however a process ends."""

from __future__ import annotations

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


def _anonymous_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("ampviz")
    else:  # macOS: a temporary file, unlinked at once
        fd, path = tempfile.mkstemp()
        os.unlink(path)
    os.ftruncate(fd, size)
    return fd
