"""Feedback for the sender's bandwidth estimate: when each packet of a transport arrived.

draft-holmer-rmcat-transport-wide-cc-extensions-01. Without it Chromium's bit rate does not rise.
"""

from __future__ import annotations

import struct
from array import array

from media.rtcp import OURS, TRANSPORT_CC, TRANSPORT_FEEDBACK

KEPT = 4096
"""Arrivals kept, a power of two."""
LONGEST = 400
"""Packets that one feedback may report: it stays below 1,200 bytes."""
TICK = 250
"""Microseconds of one step of a receive delta; the reference time counts 256 of them (section 3.1)."""


class ArrivalLog:
    """Arrivals by transport sequence number, in microseconds of ``CLOCK_MONOTONIC``."""

    __slots__ = ("_arrivals", "_count", "_newest", "_next", "ssrc")

    def __init__(self) -> None:
        self.ssrc = 0
        self._arrivals = array("q", [0]) * KEPT
        self._newest = self._next = -1
        self._count = 0

    def note(self, sequence: int, now: int) -> None:
        """A packet with this transport sequence number arrived."""
        newest = self._newest
        if sequence == newest + 1 & 0xFFFF and newest >= 0:
            self._newest = newest + 1
            self._arrivals[newest + 1 & KEPT - 1] = now
            return
        if self._newest < 0:
            self._newest = self._next = 0x10000 + sequence
        step = (sequence - self._newest) & 0xFFFF
        place = self._newest + step - (0 if step < 0x8000 else 0x10000)
        if place > self._newest:
            for skipped in range(max(self._newest + 1, place - KEPT), place):
                self._arrivals[skipped & KEPT - 1] = 0
            self._newest = place
        elif place <= self._newest - KEPT // 2:
            return
        self._next = min(self._next, place)
        self._arrivals[place & KEPT - 1] = now

    def feedback(self) -> bytes | None:
        """The feedback on what arrived since the last one; ``None`` when nothing did."""
        first, last = max(self._next, self._newest - KEPT // 2 + 1), self._newest
        if self._newest < 0 or first > last:
            return None
        last = min(last, first + LONGEST - 1)
        symbols: list[int] = []
        deltas = bytearray()
        reference = before = -1
        for place in range(first, last + 1):
            arrival = self._arrivals[place & KEPT - 1]
            if not arrival:
                symbols.append(0)
                continue
            if reference < 0:
                reference = arrival // (TICK * 256)
                before = reference * TICK * 256
            delta = (arrival - before) // TICK
            if 0 <= delta <= 0xFF:
                symbols.append(1)
                deltas.append(delta)
            elif -0x8000 <= delta <= 0x7FFF:
                symbols.append(2)
                deltas += struct.pack("!h", delta)
            else:
                last = place - 1
                break
            before += delta * TICK
        self._next = last + 1
        if reference < 0:
            return None
        body = struct.pack("!HHI", first & 0xFFFF, len(symbols), (reference & 0xFF_FFFF) << 8 | self._count & 0xFF)
        self._count += 1
        body += _chunks(symbols) + bytes(deltas)
        padding = -len(body) % 4
        if padding:
            body += bytes(padding - 1) + bytes([padding])
        flags = 0xA0 if padding else 0x80
        words = 2 + len(body) // 4
        return struct.pack("!BBHII", flags | TRANSPORT_CC, TRANSPORT_FEEDBACK, words, OURS, self.ssrc) + body


def _chunks(symbols: list[int]) -> bytes:
    """Run-length chunks for long runs, else vectors of seven two-bit symbols (section 3.1.3, 3.1.4)."""
    chunks: list[int] = []
    at = 0
    while at < len(symbols):
        run = at
        while run < len(symbols) and symbols[run] == symbols[at] and run - at < 0x1FFF:
            run += 1
        if run - at > 7 or run == len(symbols):
            chunks.append(symbols[at] << 13 | run - at)
            at = run
            continue
        vector = 0xC000
        for place, symbol in enumerate(symbols[at : at + 7]):
            vector |= symbol << 12 - 2 * place
        chunks.append(vector)
        at += 7
    return struct.pack(f"!{len(chunks)}H", *chunks)
