"""The kernel's floor: ``sendmmsg`` of the same bytes to as many sockets, without SRTP and without GSO.

``python -m bench.floor`` is the process that sends, on the beat of the load's sender. It is told what to do by lines
of JSON. What counts is the CPU of the calls alone: no interpreter, no waiting between them.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.load import picture
from bench.load.picture import SOUNDS, Shape
from bench.load.wire import Burst

FLOOR_SSRC = 1
OVERHEAD = 12 + 12 + 16
"""Bytes that a relay adds to a payload: RTP header, extensions, SRTP tag."""

DESCRIPTOR = 6
SEND_BUFFER = 8 << 20
_SO_SNDBUFFORCE = 32


class Floor:
    """Sends to the ports of 127.0.0.1 that ``aim`` names."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, SEND_BUFFER)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self._socket.bind(("127.0.0.1", 0))
        self._burst = Burst(1)
        self._count = self._sequence = 0

    def port(self) -> dict[str, Any]:
        return {"port": self._socket.getsockname()[1]}

    def aim(self, ports: list[int]) -> dict[str, Any]:
        self._count = len(ports)
        self._burst = Burst(len(ports), [("127.0.0.1", port) for port in ports])
        self._burst.matrix.bytes[:, :12] = list(bytes([0x80, 96, 0, 0, 0, 0, 0, 0]) + FLOOR_SSRC.to_bytes(4, "big"))
        return {}

    def run(self, seconds: float, shape: Shape, frames: float) -> dict[str, Any]:
        """``sent`` packets, ``unsent`` that the kernel did not take, and µs of CPU per packet."""
        began, used, sent, unsent = time.monotonic(), 0, 0, 0
        for due, sizes in _beats(seconds, shape, frames):
            time.sleep(max(0.0, began + due - time.monotonic()))
            for size in sizes:
                self._sequence = self._sequence + 1 & 0xFFFF
                self._burst.matrix.bytes.view(">u2")[:, 1] = self._sequence
                self._burst.matrix.sizes[:] = size
                before = time.thread_time_ns()
                taken = self._burst.send(self._socket.fileno(), self._count)
                used += time.thread_time_ns() - before
                sent += taken
                unsent += self._count - taken
        return {"sent": sent, "unsent": unsent, "us_per_packet": used / sent / 1000 if sent else None}


def _beats(seconds: float, shape: Shape, frames: float) -> Iterator[tuple[float, list[int]]]:
    """When which sizes go out, in order."""
    beats: list[tuple[float, list[int]]] = []
    for number in range(int(seconds * frames)):
        sizes = [size + DESCRIPTOR + OVERHEAD for size in picture.sizes(shape, number)]
        parts = [[size] for size in sizes] if shape == "spaced" else [sizes]
        beats += [((number + place / len(parts)) / frames, part) for place, part in enumerate(parts)]
    for number in range(int(seconds * SOUNDS)):
        beats.append((0.007 + number / SOUNDS, [picture.sound_size(number) + OVERHEAD]))
    yield from sorted(beats)


def main() -> None:
    """Until standard input ends."""
    floor = Floor()
    for line in sys.stdin:
        asked = json.loads(line)
        command = {"port": floor.port, "aim": floor.aim, "run": floor.run}[asked.pop("do")]
        print(json.dumps({"ok": command(**asked)}), flush=True)


if __name__ == "__main__":
    main()
