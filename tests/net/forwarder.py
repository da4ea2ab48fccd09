"""A process of its own that keeps packets for a while: ``forwarder.py DEVICE``.

It makes the TUN device, says ``ready``, and gives each packet that the kernel routes into the device back to the kernel
when its time has come. Standard input takes ``delay_ms jitter_ms`` a line at any moment; its end is the end. Packets of
one direction (one destination) keep their order: jitter moves a packet's moment, never before the one ahead of it.
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF = 0x4004_54CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
"""linux/if_tun.h: packets of IP, without a header before them."""
LONGEST = 65_535
BATCH = 256
MOST = 20_000
"""Packets kept; what comes beyond them is dropped, as a full router does."""


class Delay:
    """The packets that wait, by destination address; times in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self.delay = self.jitter = 0.0
        self._waiting: dict[bytes, deque[tuple[float, bytes]]] = {}
        self._count = 0

    def take(self, packet: bytes, now: float) -> None:
        """The destination: bytes 16–19 of IPv4 (RFC 791 §3.1), 24–39 of IPv6 (RFC 8200 §3)."""
        if self._count >= MOST:
            return
        towards = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
        queue = self._waiting.setdefault(towards, deque())
        due = now + self.delay + self.jitter * random.random()
        queue.append((max(due, queue[-1][0]) if queue else due, packet))
        self._count += 1

    def due(self, now: float) -> list[bytes]:
        """Takes out what has waited long enough."""
        packets: list[bytes] = []
        for queue in self._waiting.values():
            while queue and queue[0][0] <= now:
                packets.append(queue.popleft()[1])
        self._count -= len(packets)
        return packets

    def pause(self, now: float) -> float:
        """Seconds until the next packet is due; -1 (for ever) when none waits."""
        moments = [queue[0][0] for queue in self._waiting.values() if queue]
        return max(0.0, min(moments) - now) if moments else -1


def open_tun(name: str) -> int:
    """Raises ``OSError`` where the kernel has no TUN or the process may not."""
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


def serve(device: int, words: int) -> None:
    """Until the end of ``words``."""
    delay = Delay()
    ready = select.epoll()
    ready.register(device, select.EPOLLIN)
    ready.register(words, select.EPOLLIN)
    heard = b""
    while True:
        events = ready.poll(delay.pause(time.monotonic()))
        for descriptor, _ in events:
            if descriptor == words:
                said = os.read(words, 4096)
                if not said:
                    return
                *lines, heard = (heard + said).split(b"\n")
                for line in lines:
                    delay.delay, delay.jitter = (float(word) / 1000 for word in line.split())
            else:
                _drain(device, delay)
        for packet in delay.due(time.monotonic()):
            try:
                os.write(device, packet)
            except OSError:
                continue


def _drain(device: int, delay: Delay) -> None:
    for _ in range(BATCH):
        try:
            packet = os.read(device, LONGEST)
        except BlockingIOError:
            return
        delay.take(packet, time.monotonic())


def main() -> None:
    device = open_tun(sys.argv[1])
    os.write(1, b"ready\n")
    serve(device, 0)


if __name__ == "__main__":
    main()
