"""The packets of one stream, kept in flat memory: what they carry, and where it lies.

No object is made per packet: objects that live for seconds are what makes garbage collection slow (``relay.md``).
"""

from __future__ import annotations

from array import array
from struct import Struct

import numpy as np

from media.rtp import Packet

STRIDE = 1504
"""Bytes for one payload: what fits into an Ethernet frame."""

_FACTS = Struct("=qqIHBBBbBBhhbb")
"""Number, arrival, time stamp, size, marker, key, begins, level, temporal, sync, picture, TL0, where they stand."""


class Ring:
    """``capacity`` packets (a power of two), found by their number. ``memory`` is its payloads, one a row."""

    __slots__ = ("_ends", "_facts", "_keys", "_mask", "_numbers", "_view", "capacity", "memory")

    def __init__(self, capacity: int) -> None:
        if capacity & (capacity - 1):
            raise ValueError(f"{capacity} is no power of two")
        self.capacity = capacity
        self._mask = capacity - 1
        self.memory = np.zeros((capacity, STRIDE), np.uint8)
        self._view = self.memory.data.cast("B")
        self._facts = bytearray(capacity * _FACTS.size)
        self._numbers = array("q", [-1]) * capacity
        self._ends = array("B", [0]) * capacity
        self._keys = array("B", [0]) * capacity

    def keep(self, packet: Packet) -> bool:
        """Copies the packet's payload. Returns ``False`` for one too large to be kept."""
        start, end = packet.start, packet.end
        size = end - start
        if size > STRIDE:
            return False
        number = packet.number
        place = number & self._mask
        at = place * STRIDE
        self._view[at : at + size] = packet.view[start:end]
        self._numbers[place] = number
        self._ends[place] = packet.marker
        self._keys[place] = packet.key
        _FACTS.pack_into(
            self._facts,
            place * _FACTS.size,
            number,
            packet.arrival,
            packet.timestamp,
            size,
            packet.marker,
            packet.key,
            packet.begins,
            packet.level,
            packet.temporal,
            packet.sync,
            packet.picture,
            packet.tl0,
            packet.picture_at,
            packet.tl0_at,
        )
        return True

    def row(self, number: int) -> int:
        """The row of ``memory`` in which a packet of this number lies or lay."""
        return number & self._mask

    def find(self, number: int, packet: Packet) -> bool:
        """Fills ``packet`` with the kept packet of this number; its payload lies in the ring's own memory."""
        place = number & self._mask
        if number < 0 or self._numbers[place] != number:
            return False
        packet.view = self._view
        packet.start = place * STRIDE
        (
            packet.number,
            packet.arrival,
            packet.timestamp,
            size,
            packet.marker,
            packet.key,
            packet.begins,
            packet.level,
            packet.temporal,
            packet.sync,
            packet.picture,
            packet.tl0,
            packet.picture_at,
            packet.tl0_at,
        ) = _FACTS.unpack_from(self._facts, place * _FACTS.size)
        packet.end = packet.start + size
        return True

    def has_frame(self, number: int, newest: int) -> bool:
        """Whether the frame that begins with this packet is here as a whole, up to the marker that ends it."""
        while number <= newest and self._numbers[number & self._mask] == number:
            if self._ends[number & self._mask]:
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
            if _FACTS.unpack_from(self._facts, place * _FACTS.size)[1] < since:
                break
            if not key:
                found = number
            elif self._keys[place]:
                return number
        return found
