"""The decoder of one slot in virtual time: what it can show of what has come, and what it asks for."""

from __future__ import annotations

from relay_packets import see

from media.slot import Slot

MS, SECOND = 1_000, 1_000_000


class Viewer:
    """A slot's decoder: shows a frame when all packets up to it are here, asks for what is missing, and for a key
    frame when that does not come."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.layer = -1
        self.frames = 0
        self._here: dict[int, tuple[bool, bool, int]] = {}
        self._next = self.newest = -1
        self._asked: dict[int, list[int]] = {}
        self._repaired_at = 0

    def take(self, datagram: bytes, now: int) -> None:
        """A packet of the slot's own stream, or a repetition."""
        seen = see(datagram)
        payload, sequence = seen.payload, seen.sequence
        if seen.ssrc != self.slot.receiving.ssrc:
            if len(payload) < 12:
                return
            sequence, payload = int.from_bytes(payload[:2], "big"), payload[2:]
        if self._next < 0:
            self._next = self.newest = sequence + 0x10000
        place = self.newest + ((sequence - self.newest + 0x8000 & 0xFFFF) - 0x8000)
        if place < self._next:
            return
        key = payload[0] & 0x10 > 0 and not payload[6] & 1
        self._here[place] = (seen.marker, key, payload[-1])
        self._asked.pop(place, None)
        for missing in range(self.newest + 1, place):
            self._asked[missing] = [now, 0, 0]
        self.newest = max(self.newest, place)
        self._decode()
        if key and self._next < place:
            self._skip(place)

    def ask(self, now: int, trip: int) -> None:
        """Asks again for what is missing, once per round trip, ten times."""
        due = list[int]()
        for place, times in self._asked.items():
            if now >= times[1] and times[2] < 10:
                times[1], times[2] = now + max(trip, 50 * MS), times[2] + 1
                due.append(place & 0xFFFF)
        if due:
            self.slot.repeat(due, now)
        if any(now - times[0] > 3 * SECOND for times in self._asked.values()) and now > self._repaired_at:
            self._repaired_at = now + SECOND
            self.slot.want_key_frame()

    def _decode(self) -> None:
        while self._next in self._here:
            marker, _, layer = self._here.pop(self._next)
            self._next += 1
            if marker:
                self.frames += 1
                self.layer = layer

    def _skip(self, place: int) -> None:
        """A key frame lies behind a gap: what is before it is given up."""
        self._next = place
        self._here = {number: kept for number, kept in self._here.items() if number >= place}
        self._asked = {number: times for number, times in self._asked.items() if number >= place}
        self._decode()
