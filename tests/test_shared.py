"""Shared blocks: zeroed, seen by whoever maps the descriptor, and gone when closed."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from ampviz.shared import SharedBlock, Turn

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.fixture
def block():
    made = SharedBlock(4096)
    yield made
    made.close()


@pytest.mark.parametrize("size", [1, 7, 4096, 100_001])
def test_a_fresh_block_is_zeroed(size):
    block = SharedBlock(size)
    assert block.size == len(block.memory) == size
    assert bytes(block.memory) == bytes(size)
    block.close()


def test_an_empty_block_is_still_a_block():
    block = SharedBlock(0)
    assert len(block.memory) == 1
    block.close()


def test_a_second_mapping_sees_writes_both_ways(block):
    other = SharedBlock(block.size, os.dup(block.fd))
    here, there = np.frombuffer(block.memory, np.int32), np.frombuffer(other.memory, np.int32)
    here[:] = np.arange(1024)
    assert np.array_equal(there, np.arange(1024))
    there[10] = -5
    assert here[10] == -5
    other.close()


def test_a_subprocess_that_inherits_the_descriptor_maps_the_same_memory(block):
    block.memory[:5] = b"hello"
    code = (
        "import mmap, sys\n"
        "memory = mmap.mmap(int(sys.argv[1]), int(sys.argv[2]))\n"
        "memory[:5] = memory[:5].upper()\n"
    )  # fmt: skip
    subprocess.run(
        [sys.executable, "-S", "-E", "-c", code, str(block.fd), str(block.size)], pass_fds=[block.fd], check=True
    )
    assert block.memory[:5] == b"HELLO"


def test_blocks_do_not_share_with_each_other(block):
    other = SharedBlock(block.size)
    block.memory[0] = 1
    assert other.memory[0] == 0
    other.close()


def test_close_gives_the_descriptor_back_and_may_be_called_twice(block):
    fd = block.fd
    block.close()
    block.close()
    assert block.fd < 0
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_an_array_outlives_the_descriptor(block):
    array = np.frombuffer(block.memory, np.float32)
    array[:] = 2.5
    block.close()
    assert array.sum() == 2.5 * len(array)


def test_a_block_has_no_name_that_could_be_left_behind(block):
    assert os.fstat(block.fd).st_nlink == 0


TRIES = """
import fcntl, sys
for byte in sys.argv[2:]:
    try:
        fcntl.lockf(int(sys.argv[1]), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(byte))
        print("free", flush=True)
    except BlockingIOError:
        print("taken", flush=True)
sys.stdin.read()
"""


def other_process(fd: int, *turns: int) -> subprocess.Popen[str]:
    """A process that tries to take these turns, says which were free, and keeps them until its input ends."""
    command = [sys.executable, "-c", TRIES, str(fd), *map(str, turns)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, pass_fds=(fd,))


def test_a_turn_is_held_by_one_process_at_a_time(block):
    with Turn(block.fd, 8), other_process(block.fd, 8, 16) as other:
        assert other.communicate(timeout=20)[0].split() == ["taken", "free"]
    with other_process(block.fd, 8) as other:
        assert other.communicate(timeout=20)[0].split() == ["free"]


def test_the_turn_of_a_process_that_died_is_free(block):
    with other_process(block.fd, 8) as other:
        assert other.stdout.readline() == "free\n"
        other.kill()
    with Turn(block.fd, 8), other_process(block.fd, 8) as other:  # the turn came at once, or this would wait for ever
        assert other.communicate(timeout=20)[0].split() == ["taken"]
