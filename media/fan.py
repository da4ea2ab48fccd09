"""What the slots of one encoding get, up to one temporal layer: a stream of its own, without gaps where it is thinned.

All slots of a fan are fed by one vectorised pass (``wire.py``). In the steady state nothing is kept per receiver: a
slot's numbers are the fan's numbers plus the slot's offsets.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from media.lot import Lot, lots
from media.matrix import Outgoing
from media.rtp import Packet
from media.wire import Wire

if TYPE_CHECKING:
    from media.encoding import Encoding
    from media.slot import Slot

TOP = 3
"""A temporal limit above all layers: nothing is left out (RFC 7741: TID has two bits)."""

REMEMBERED = 2048
"""Numbers left out that are remembered, for late packets and repetitions."""

Pending = tuple[int, int, int, int, int, int, int, int, int, int, int, bool]
"""``Outgoing``, then the temporal layer, and whether a frame begins."""


class Fan:
    """``newest`` is the number of the newest packet sent, as the fan counts; ``stamp``, ``picture`` and ``tl0`` are
    that packet's. ``origin`` is the encoding's number from which on it is known what was left out."""

    __slots__ = (
        "_cut",
        "_left_out",
        "_lots",
        "_pictures_cut",
        "_pictures_left_out",
        "_youngest",
        "coming",
        "encoding",
        "limit",
        "newest",
        "octets",
        "origin",
        "packets",
        "picture",
        "slots",
        "stamp",
        "tl0",
        "wire",
    )

    def __init__(self, encoding: Encoding, limit: int, wire: Wire) -> None:
        self.encoding, self.limit, self.wire = encoding, limit, wire
        self.origin = 0 if limit == TOP else encoding.newest + 1
        self.slots: dict[Slot, None] = {}
        self.coming = 0
        """Slots whose segment is made and which are about to join."""
        self.newest = self.stamp = self.packets = self.octets = 0
        self.picture = self.tl0 = -1
        self._lots: list[Lot] | None = []
        self._youngest = 0
        self._left_out: list[int] = []
        self._pictures_left_out: list[int] = []
        self._cut = self._pictures_cut = 0

    # -- Receivers

    @property
    def used(self) -> bool:
        return bool(self.slots or self.coming)

    def expect(self, number: int) -> None:
        """A slot is about to join, whose segment begins at the encoding's ``number``."""
        if not self.used and self.limit < TOP:
            self.origin = min(self.origin, number)
        self.coming += 1

    def join(self, slot: Slot) -> None:
        """From the next packet on the slot is fed; its segment is ready."""
        self.slots[slot] = None
        self.coming -= 1
        self.changed()

    def leave(self, slot: Slot) -> None:
        del self.slots[slot]
        self.changed()

    def changed(self) -> None:
        """What the rows tell of a receiver is no longer true."""
        self._lots = None

    # -- Numbers

    def place(self, number: int) -> int:
        """The fan's number of a packet that it does not leave out."""
        return number - self._cut - (bisect_left(self._left_out, number) if self._left_out else 0)

    def number(self, place: int) -> int:
        """The encoding's number of the fan's ``place``."""
        number = place + self._cut
        while (found := place + self._cut + bisect_left(self._left_out, number + 1)) != number:
            number = found
        return number

    def picture_of(self, packet: Packet) -> int:
        """The picture number as the fan counts; -1 where there is none."""
        if packet.picture_at < 0:
            return -1
        return packet.picture - self._pictures_cut - bisect_left(self._pictures_left_out, packet.number) & 0x7FFF

    # -- Packets

    def send(self, pending: Sequence[Pending], now: int) -> None:
        """Sends packets that have just come."""
        packets = self._thinned(pending) if self.limit < TOP else [packet[:10] for packet in pending]
        if not packets or not self.slots:
            return
        for packet in packets:
            self._follow(packet)
            self.packets += 1
            self.octets += packet[2]
        if self._lots is None:
            self._lots = lots(self.slots, self.encoding.codec)
            self._youngest = max(slot.segment.first - slot.segment.offset for slot in self.slots)
        memory = self.encoding.ring.memory
        if min(packet[0] for packet in packets) >= self._youngest:
            for lot in self._lots:
                self.wire.fan_out(memory, packets, lot, now)
            return
        for packet in packets:
            reached = [slot for slot in self.slots if packet[0] >= slot.segment.first - slot.segment.offset]
            self.give(reached, (packet,), now)

    def give(self, slots: Iterable[Slot], packets: Sequence[Outgoing], now: int, *, begins: bool = False) -> None:
        """Sends packets to some of the slots only."""
        for lot in lots(slots, self.encoding.codec):
            self.wire.fan_out(self.encoding.ring.memory, packets, lot, now, begins=begins)

    def kept(self, first: int, packet: Packet) -> list[Outgoing]:
        """What the ring has from number ``first`` on and the fan does not leave out; ``packet`` serves for reading."""
        found: list[Outgoing] = []
        encoding = self.encoding
        for number in range(first, encoding.newest + 1):
            if not encoding.find(number, packet):
                continue
            if packet.temporal > self.limit and self._leave_out(number, begins=packet.begins):
                continue
            found.append(self.outgoing(packet))
            self._follow(found[-1])
        return found

    def outgoing(self, packet: Packet) -> Outgoing:
        """A packet that lies in the ring."""
        encoding = self.encoding
        return (
            self.place(packet.number),
            encoding.ring.row(packet.number),
            packet.end - packet.start,
            packet.timestamp,
            packet.marker,
            packet.level if encoding.levels else -1,
            self.picture_of(packet),
            packet.picture_at,
            packet.tl0,
            packet.tl0_at,
        )

    def _thinned(self, pending: Sequence[Pending]) -> list[Outgoing]:
        packets: list[Outgoing] = []
        for packet in pending:
            number = packet[0]
            if packet[10] > self.limit and self._leave_out(number, begins=packet[11]):
                continue
            place = self.place(number)
            picture = packet[6] - self._pictures_cut - bisect_left(self._pictures_left_out, number)
            packets.append((place, *packet[1:6], picture & 0x7FFF, *packet[7:10]))
            self._follow(packets[-1])
        if len(self._left_out) > REMEMBERED:
            half = REMEMBERED // 2
            before = bisect_left(self._pictures_left_out, self._left_out[half])
            del self._left_out[:half], self._pictures_left_out[:before]
            self._cut += half
            self._pictures_cut += before
        return packets

    def _leave_out(self, number: int, *, begins: bool) -> bool:
        """Whether the number is left out. It is not when a later one has been sent: its place was left open for it."""
        left_out = self._left_out
        at = bisect_left(left_out, number)
        if at < len(left_out) and left_out[at] == number:
            return True
        if number - self._cut - at <= self.newest:
            return False
        left_out.insert(at, number)
        if begins:
            insort(self._pictures_left_out, number)
        return True

    def _follow(self, packet: Outgoing) -> None:
        """Remembers the newest packet."""
        if packet[0] > self.newest:
            self.newest, self.stamp = packet[0], packet[3]
            if packet[7] >= 0:
                self.picture = packet[6]
            if packet[9] >= 0:
                self.tl0 = packet[8]
