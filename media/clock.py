"""Times of senders, told in the relay's own time: microseconds of ``CLOCK_MONOTONIC``.

A sender's clock may be anything; what is shared is that a packet cannot arrive before it was sent. The least
(arrival − sender time) over the last minute is taken for the distance of the two clocks, for all streams of one
transport alike, so that sound and picture stay together.
"""

from __future__ import annotations

import time

NTP_EPOCH = 2_208_988_800
"""Seconds from 1900, where NTP time begins, to 1970 (RFC 5905)."""

WINDOW = 30_000_000
"""Length of each of the two windows over which the least distance is kept, in microseconds."""

_wall = int(time.time() * 1_000_000) - time.monotonic_ns() // 1000


def now() -> int:
    return time.monotonic_ns() // 1000


def to_ntp(moment: int) -> int:
    """A moment of the relay as a 64-bit NTP time stamp. Wall-clock jumps after the start do not show in it."""
    return ((moment + _wall + NTP_EPOCH * 1_000_000) << 32) // 1_000_000 & 0xFFFF_FFFF_FFFF_FFFF


def from_ntp(stamp: int) -> int:
    """A sender's NTP time stamp in microseconds since its epoch."""
    return stamp * 1_000_000 >> 32


class SenderClock:
    """The distance between one sender's clock and the relay's."""

    __slots__ = ("_before", "_least", "_until")

    def __init__(self) -> None:
        self._before: int | None = None
        self._least: int | None = None
        self._until = 0

    def hear(self, sent: int, arrival: int) -> None:
        """A sender report written at ``sent`` (sender's time) came at ``arrival`` (the relay's)."""
        distance = arrival - sent
        if self._least is None:
            self._least, self._until = distance, arrival + WINDOW
        elif arrival > self._until:
            self._before, self._least, self._until = self._least, distance, arrival + WINDOW
        elif distance < self._least:
            self._least = distance

    def local(self, sent: int) -> int | None:
        """A sender's time in the relay's time; ``None`` before the first sender report."""
        if self._least is None:
            return None
        return sent + (self._least if self._before is None else min(self._least, self._before))
