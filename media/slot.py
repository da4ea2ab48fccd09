"""A receiving slot: one outgoing stream of one browser, fed from whichever producer it is to show.

A picture changes at a key frame, sound at once. What the browser sees is one unbroken stream: sequence numbers and
VP8's picture numbers go on without a gap, time stamps follow the relay's clock (ADR 0003).
"""

from __future__ import annotations

import secrets
from array import array
from collections.abc import Callable, Iterable
from typing import Protocol

from media import clock, rtcp, vp8
from media.ortc import AUDIO_LEVEL_ID, CLOCK_RATES, MID_ID, PAYLOAD_TYPES, REPAIR_TYPES, Receiving
from media.producer import Producer
from media.rtp import HEADER, ONE_BYTE, SILENT, Packet
from media.segment import Segment

REMEMBERED = 512
"""Sequence numbers for which it is remembered when they were last repeated."""

PAUSE = 60_000
"""Least time between two repetitions of one packet, in microseconds."""


class Outlet(Protocol):
    """Where a slot sends: the transport of its browser."""

    def send_rtp(self, size: int) -> None:
        """Seals and sends the packet in the ``outgoing`` buffer."""
        ...

    def send_rtcp(self, compound: bytes) -> None: ...


class Slot:
    """``wanted`` is what the slot should show, ``feeding`` what it carries now, ``shown`` the endpoint told to people.

    The old picture goes on until the new one's key frame is here as a whole; an empty slot begins with its first
    packet.

    ``outgoing`` is the buffer that the outlet seals and sends from; ``spend`` grants bytes for repetitions.
    """

    def __init__(
        self,
        *,
        name: str,
        receiving: Receiving,
        outlet: Outlet,
        outgoing: bytearray,
        on_shown: Callable[[], None],
        spend: Callable[[int], bool],
    ) -> None:
        self.name, self.receiving, self.id = name, receiving, secrets.token_hex(8)
        self.wanted: Producer | None = None
        self.feeding: Producer | None = None
        self.shown: str | None = None
        self.packets = self.octets = self.repeated = self.unknown = self.switches = 0
        self._outlet, self._out, self._on_shown, self._spend = outlet, outgoing, on_shown, spend
        self._view = memoryview(outgoing)
        self._head = _head(receiving)
        self._segment: Segment | None = None
        self._before: Segment | None = None
        self._newest = secrets.randbelow(0x4000) + 0x1_0000
        self._stamp = 0
        self._base = secrets.randbits(32)
        self._picture = self._tl0 = -1
        self._repair_sequence = secrets.randbelow(0x4000)
        self._repeated_at = array("q", [0]) * REMEMBERED
        self._kept = Packet()
        self._passed_over = -1

    def accepts(self, producer: Producer) -> bool:
        """Whether the browser said that it can decode this."""
        return producer.codec in self.receiving.codecs

    def show(self, producer: Producer | None) -> None:
        """From now on the slot is to show this; ``None`` empties it at once."""
        if producer is self.wanted:
            return
        if self.wanted is not None and self.wanted is not self.feeding:
            self.wanted.consumers.remove(self)
        self.wanted = producer
        if self.feeding is not None and (producer is None or self.receiving.kind == "audio"):
            if producer is not self.feeding:
                self.feeding.consumers.remove(self)
            self.feeding = None
        if producer is None:
            self._tell(None)
            return
        if producer is not self.feeding:
            producer.consumers.append(self)
            self._passed_over = producer.key_frame
            if not self._begin_late(producer):
                producer.want_key_frame()
        if self.receiving.kind == "audio":
            self._tell(producer.endpoint)

    def forward(self, packet: Packet, producer: Producer) -> None:
        """Rewrites and sends the packet, where it is the slot's turn."""
        segment = self._segment
        if producer is not self.feeding or segment is None or segment.generation != producer.stream.generation:
            if producer is not self.wanted:
                return
            waiting = self.feeding in (None, producer)
            if self.receiving.kind == "audio" or (packet.key and waiting):
                self._begin(packet, producer)
            elif not waiting and self._is_whole(producer):
                self._begin(self._kept, producer)
            elif not producer.key_frame_comes:
                producer.want_key_frame()
        elif packet.number >= segment.first:
            self._pass(packet, segment)

    def ended(self, producer: Producer) -> None:
        """The producer is closed: the slot is empty at once, unless another one is on its way."""
        if producer is self.wanted:
            self.wanted = None
        if producer is self.feeding:
            self.feeding = None
        if self.feeding is None and (self.wanted is None or self.receiving.kind == "video"):
            self._tell(None)

    def want_key_frame(self) -> None:
        """The browser cannot decode what it has."""
        if self.feeding is not None:
            self.feeding.want_key_frame()

    def repeat(self, sequences: Iterable[int], now: int) -> None:
        """Answers a NACK from the rings of the last two producers. What the relay never had is no error."""
        for sequence in sequences:
            place = self._newest + ((sequence - self._newest + 0x8000 & 0xFFFF) - 0x8000)
            segment = self._segment_of(place)
            if segment is None or not segment.producer.find(place - segment.offset, self._kept):
                self.unknown += 1
                continue
            at = place % REMEMBERED
            if now - self._repeated_at[at] < PAUSE or not self._spend(self._kept.end - self._kept.start):
                continue
            self._repeated_at[at] = now
            self.repeated += 1
            self._write(self._kept, segment, place, again=True)

    def report(self, now: int) -> bytes | None:
        """The slot's sender report, by the same map as its time stamps; ``None`` while it cannot be told."""
        segment = self._segment
        if segment is None or self.feeding is not segment.producer or not self.packets:
            return None
        mapped = segment.producer.mapped(now)
        if mapped is None:
            return None
        moment, stamp = mapped
        return rtcp.full_report(
            self.receiving.ssrc,
            ntp=clock.to_ntp(moment),
            stamp=stamp + segment.stamp_offset,
            packets=self.packets,
            octets=self.octets,
            cname=self.receiving.cname.encode(),
        )

    def _segment_of(self, place: int) -> Segment | None:
        """To which of the last two segments an outgoing number belongs."""
        for segment in (self._segment, self._before):
            if segment is not None and place >= segment.first + segment.offset:
                return segment
        return None

    def _is_whole(self, producer: Producer) -> bool:
        """Whether a key frame has come as a whole since this producer is wanted; it is in ``_kept`` then."""
        return producer.key_frame != self._passed_over and producer.find(producer.key_frame, self._kept)

    def _begin_late(self, producer: Producer) -> bool:
        """Begins an empty slot at a key frame that came just before, if its time stamp still fits behind the last."""
        number = producer.recent_key_frame() if self.receiving.kind == "video" and self.feeding is None else -1
        if number < 0 or not producer.find(number, self._kept) or self._ahead(self._kept, producer) < 0:
            return False
        self._begin(self._kept, producer)
        return True

    def _begin(self, packet: Packet, producer: Producer) -> None:
        """Begins with this packet and goes on with those that came after it, if it was late itself."""
        first, segment = packet.number, self._switch(packet, producer)
        self._pass(packet, segment)
        for number in range(first + 1, producer.newest + 1):
            if producer.find(number, self._kept):
                self._pass(self._kept, segment)

    def _ahead(self, packet: Packet, producer: Producer) -> int:
        """By how much the packet's time on the relay's clock follows the least time stamp that may come next."""
        if not self.packets:
            return 0
        rate = CLOCK_RATES[producer.codec]
        stamp = self._base + producer.sent_at(packet) * rate // 1_000_000
        return (stamp - self._stamp - rate // 100 + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000

    def _switch(self, packet: Packet, producer: Producer) -> Segment:
        """This packet is the first of a new segment."""
        if self.feeding is not None and self.feeding is not producer:
            self.feeding.consumers.remove(self)
        self.feeding = producer
        stamp = self._base + producer.sent_at(packet) * CLOCK_RATES[producer.codec] // 1_000_000
        stamp -= min(0, self._ahead(packet, producer))
        segment = Segment(
            producer=producer,
            generation=producer.stream.generation,
            first=packet.number,
            offset=self._newest + 1 - packet.number,
            stamp_offset=stamp - packet.timestamp,
            picture_offset=self._picture + 1 - packet.picture if self._picture >= 0 and packet.picture >= 0 else 0,
            tl0_offset=self._tl0 + 1 - packet.tl0 if self._tl0 >= 0 and packet.tl0 >= 0 else 0,
        )
        self._before, self._segment = self._segment, segment
        self.switches += 1
        report = self.report(packet.arrival)
        if report:
            self._outlet.send_rtcp(report)
        self._tell(producer.endpoint)
        return segment

    def _pass(self, packet: Packet, segment: Segment) -> None:
        place = packet.number + segment.offset
        if place > self._newest:
            self._newest = place
            self._stamp = packet.timestamp + segment.stamp_offset & 0xFFFF_FFFF
            if packet.picture_at >= 0:
                self._picture = packet.picture + segment.picture_offset & 0x7FFF
            if packet.tl0_at >= 0:
                self._tl0 = packet.tl0 + segment.tl0_offset & 0xFF
        self._repeated_at[place % REMEMBERED] = 0
        self.packets += 1
        self.octets += packet.end - packet.start
        self._write(packet, segment, place, again=False)

    def _write(self, packet: Packet, segment: Segment, place: int, *, again: bool) -> None:
        out, head, codec = self._out, self._head, segment.producer.codec
        payload_type, sequence, ssrc, begin = PAYLOAD_TYPES[codec], place & 0xFFFF, self.receiving.ssrc, len(head)
        out[:begin] = head
        if again and self.receiving.repair_ssrc is not None and codec in self.receiving.repairs:
            out[begin], out[begin + 1] = sequence >> 8, sequence & 0xFF
            begin += 2
            self._repair_sequence = self._repair_sequence + 1 & 0xFFFF
            payload_type, sequence, ssrc = REPAIR_TYPES[codec], self._repair_sequence, self.receiving.repair_ssrc
        stamp = packet.timestamp + segment.stamp_offset & 0xFFFF_FFFF
        marker = packet.marker
        if self.receiving.kind == "audio":
            if packet.number == segment.first:
                marker = 0x80
            out[_LEVEL_AT] = packet.level if packet.level >= 0 else SILENT
        HEADER.pack_into(out, 0, 0x90, marker | payload_type, sequence, stamp, ssrc)
        end = begin + packet.end - packet.start
        self._view[begin:end] = packet.view[packet.start : packet.end]
        if packet.picture_at >= 0 or packet.tl0_at >= 0:
            vp8.renumber(out, begin, packet, segment.picture_offset, segment.tl0_offset)
        self._outlet.send_rtp(end)

    def _tell(self, shown: str | None) -> None:
        if shown != self.shown:
            self.shown = shown
            self._on_shown()


_LEVEL_AT = HEADER.size + 4 + 1 + 2 + 1
"""Where the audio level stands: after the mid."""


def _head(receiving: Receiving) -> bytes:
    """Room for the fixed header, then the header extensions: mid and, for sound, the level."""
    mid = receiving.mid.encode()
    elements = bytes([MID_ID << 4 | len(mid) - 1]) + mid
    if receiving.kind == "audio":
        elements += bytes([AUDIO_LEVEL_ID << 4, SILENT])
    elements += bytes(-len(elements) % 4)
    return bytes(HEADER.size) + ONE_BYTE.to_bytes(2, "big") + (len(elements) // 4).to_bytes(2, "big") + elements
