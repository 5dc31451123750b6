"""Messages between two worker processes over one socket: how many a second, and the CPU both ends spend on each.

One by one, each is a frame; in columns a frame carries the rows of many, as a kernel made them.

python -m benchmarks.wire [--rounds N]
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from functools import partial

import numpy as np
import uvloop

from ampviz.message import FORWARD
from ampviz.runtime.peer import Peer, connect_peer
from benchmarks.rounds import in_turns, options, show

_BURST = 64  # messages lined up before the sender yields, as a busy worker does
VARIANTS = {
    f"{name}, {how}": (nbytes, column)
    for how, column in (("one by one", 1), (f"{_BURST} a frame", _BURST))
    for name, nbytes in (("512 B", 512), ("4 KB", 4096), ("64 KB", 65_536))
}
GOALS = {"4 KB": 250_000, "64 KB": 3e9 / 65_536}  # messages a second, in columns

_BYTES = 1 << 30  # sent per measurement, at most
_MESSAGES = 200_000  # the same


async def receive(fd: int, messages: int) -> None:
    """The far end: takes so many messages, then prints the CPU seconds it spent."""
    done = asyncio.get_running_loop().create_future()
    left = messages

    def deliver(frames: list) -> None:
        nonlocal left
        left -= sum(len(states) for _, _, states, *_ in frames)
        if not left:
            done.set_result(None)

    peer = await connect_peer(socket.socket(fileno=fd), deliver, lambda error: None)
    peer.send(FORWARD, 0, [(0,)], None, ())  # ready
    peer.flush()
    began = time.process_time()
    await done
    print(json.dumps(time.process_time() - began), flush=True)


async def send(sock: socket.socket, nbytes: int, column: int, messages: int) -> tuple[float, float]:
    """The near end; returns the seconds and the CPU seconds it took once the far end was ready.

    It does not run ahead of the socket, as back-pressure would have it.
    """
    rows, counts = np.zeros((column, nbytes // 4), np.float32), [1] * column
    loop = asyncio.get_running_loop()
    ready, gone = loop.create_future(), loop.create_future()
    peer: Peer = await connect_peer(sock, lambda frames: ready.set_result(None), lambda error: gone.set_result(None))
    await ready
    began, worked = time.perf_counter(), time.process_time()
    sent = 0
    while sent < messages:
        if not peer.unsent:
            for first in range(sent, sent + _BURST, column):
                peer.send(FORWARD, 3, [(first + index, 5, 7) for index in range(column)], rows, counts)
            sent += _BURST
            peer.flush()
        await asyncio.sleep(0)
    await gone
    return time.perf_counter() - began, time.process_time() - worked


def measure(nbytes: int, column: int) -> dict[str, float]:
    """One run: messages a second, and microseconds of CPU a message at both ends."""
    messages = min(_MESSAGES, _BYTES // nbytes) // _BURST * _BURST
    near, far = socket.socketpair()
    command = [sys.executable, "-m", "benchmarks.wire", str(far.fileno()), str(messages)]
    process = subprocess.Popen(command, pass_fds=[far.fileno()], stdout=subprocess.PIPE)
    far.close()
    elapsed, sending = uvloop.run(send(near, nbytes, column, messages))
    receiving = json.loads(process.communicate()[0])
    return {
        "messages_per_s": messages / elapsed,
        "sender_us": sending / messages * 1e6,
        "receiver_us": receiving / messages * 1e6,
    }


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1].isdigit():  # the far end, started by `measure`
        uvloop.run(receive(int(sys.argv[1]), int(sys.argv[2])))
        return
    chosen = options(__doc__, rounds=5).parse_args()
    details: dict[str, dict[str, float]] = {}

    def rate(name: str) -> float:
        details[name] = measure(*VARIANTS[name])
        return details[name]["messages_per_s"]

    result = in_turns({name: partial(rate, name) for name in VARIANTS}, chosen.rounds)
    for name, numbers in result.items():
        nbytes, column = VARIANTS[name]
        numbers["GB_per_s"] = numbers["median"] * nbytes / 1e9
        numbers["sender_us"], numbers["receiver_us"] = details[name]["sender_us"], details[name]["receiver_us"]
        if column > 1 and name.split(",")[0] in GOALS:
            numbers["goal"] = GOALS[name.split(",")[0]]
    show("wire", {"unit": "messages/s", "variants": result})


if __name__ == "__main__":
    main()
