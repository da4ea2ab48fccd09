"""The packets of one stream that were sent lately, kept once for all receivers.

Flat memory and arrays of numbers: nothing here is an object that a garbage collector would visit (``relay.md``).
"""

from __future__ import annotations

from array import array

from media.rtp import Packet

STRIDE = 1504
"""Bytes for one payload: what fits into an Ethernet frame."""


class Ring:
    """``capacity`` packets (a power of two), found by their number."""

    __slots__ = (
        "_arrivals",
        "_ends",
        "_keys",
        "_levels",
        "_markers",
        "_mask",
        "_memory",
        "_numbers",
        "_stamps",
        "view",
    )

    def __init__(self, capacity: int) -> None:
        if capacity & (capacity - 1):
            raise ValueError(f"{capacity} is no power of two")
        self._mask = capacity - 1
        self._memory = bytearray(capacity * STRIDE)
        self.view = memoryview(self._memory)
        self._numbers = array("q", [-1]) * capacity
        self._arrivals = array("q", [0]) * capacity
        self._stamps = array("L", [0]) * capacity
        self._ends = array("L", [0]) * capacity
        self._markers = array("B", [0]) * capacity
        self._keys = array("B", [0]) * capacity
        self._levels = array("b", [-1]) * capacity

    def keep(self, packet: Packet) -> bool:
        """Copies the packet's payload. Returns ``False`` for one too large to be kept."""
        size = packet.end - packet.start
        if size > STRIDE:
            return False
        place = packet.number & self._mask
        at = place * STRIDE
        self.view[at : at + size] = packet.view[packet.start : packet.end]
        self._numbers[place] = packet.number
        self._arrivals[place] = packet.arrival
        self._stamps[place] = packet.timestamp
        self._ends[place] = at + size
        self._markers[place] = packet.marker
        self._keys[place] = packet.key
        self._levels[place] = packet.level
        return True

    def find(self, number: int, packet: Packet) -> bool:
        """Fills ``packet`` with the kept packet of this number; its payload lies in the ring's own memory."""
        place = number & self._mask
        if number < 0 or self._numbers[place] != number:
            return False
        packet.view = self.view
        packet.start, packet.end = place * STRIDE, self._ends[place]
        packet.number = number
        packet.arrival = self._arrivals[place]
        packet.timestamp = self._stamps[place]
        packet.marker = self._markers[place]
        packet.key = bool(self._keys[place])
        packet.level = self._levels[place]
        return True

    def has_frame(self, number: int, newest: int) -> bool:
        """Whether the frame that begins with this packet is here as a whole, up to the marker that ends it."""
        while number <= newest and self._numbers[number & self._mask] == number:
            if self._markers[number & self._mask]:
                return True
            number += 1
        return False

    def oldest(self, newest: int, since: int, *, key: bool) -> int:
        """The number to replay from: the first kept packet that arrived at or after ``since``, or the last key frame.

        With ``key``, -1 when no key frame that arrived since then is kept.
        """
        found = -1
        for number in range(newest, max(-1, newest - self._mask - 1), -1):
            place = number & self._mask
            if self._numbers[place] != number:
                continue
            if self._arrivals[place] < since:
                break
            if not key:
                found = number
            elif self._keys[place]:
                return number
        return found
