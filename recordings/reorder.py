"""Puts the packets of one stream in order, waiting a while for retransmissions.

Pure: time is an argument, in microseconds. Silence (DTX) leaves no hole in the sequence numbers, so it is no loss.
"""

from __future__ import annotations

from typing import NamedTuple

from recordings.rtp import Packet

WAIT = 500_000
"""How long a hole is kept open for retransmissions, in microseconds."""
FAR = 3_000
"""A jump of more than this many numbers is a new stream if two follow each other (RFC 3550, appendix A.1)."""
MOST = 4_096
"""Packets held at most: beyond, the oldest hole is given up at once."""


class Lost(NamedTuple):
    """So many packets will not come."""

    packets: int


class Restarted(NamedTuple):
    """The sequence began anew: nothing of the old stream follows."""


Item = Packet | Lost | Restarted


class Reorder:
    """``push`` and ``expire`` return what is ready now, in order."""

    def __init__(self, wait: int = WAIT) -> None:
        self._wait = wait
        self._next: int | None = None
        self._held: dict[int, tuple[Packet, int]] = {}
        self._suspect: int | None = None

    @property
    def waiting(self) -> bool:
        """Whether a hole is open: ``expire`` must be called again."""
        return bool(self._held)

    def push(self, packet: Packet, now: int) -> list[Item]:
        """Duplicates and what comes too late are dropped."""
        if self._next is None:
            self._next = packet.seq
        number = self._next + ((packet.seq - self._next + 0x8000) & 0xFFFF) - 0x8000
        distance = number - self._next
        if not -FAR < distance < FAR:
            if packet.seq != self._suspect:
                self._suspect = (packet.seq + 1) & 0xFFFF
                return []
            return self._restart(packet)
        self._suspect = None
        if distance < 0 or number in self._held:
            return []
        self._held[number] = (packet, now)
        ready = self._drain()
        while len(self._held) > MOST:
            ready += self._give_up()
        return ready

    def expire(self, now: int) -> list[Item]:
        """Gives up the holes whose wait is over."""
        ready: list[Item] = []
        while self._held and min(self._held.items())[1][1] + self._wait <= now:
            ready += self._give_up()
        return ready

    def flush(self) -> list[Item]:
        """Everything that is held, holes declared: nothing more will come."""
        ready: list[Item] = []
        while self._held:
            ready += self._give_up()
        return ready

    def _drain(self) -> list[Item]:
        ready: list[Item] = []
        assert self._next is not None
        while (held := self._held.pop(self._next, None)) is not None:
            ready.append(held[0])
            self._next += 1
        return ready

    def _give_up(self) -> list[Item]:
        assert self._next is not None
        first = min(self._held)
        lost = Lost(first - self._next)
        self._next = first
        return [lost, *self._drain()]

    def _restart(self, packet: Packet) -> list[Item]:
        rest = self.flush()
        self._suspect = None
        self._next = packet.seq + 1
        return [*rest, Restarted(), packet]
