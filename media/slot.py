"""A receiving slot: one outgoing stream of one browser, fed from whichever producer it is to show.

A picture changes at a key frame, sound at once. What the browser sees is one unbroken stream: sequence numbers and
VP8's picture numbers go on without a gap, time stamps follow the relay's clock (ADR 0003).
"""

from __future__ import annotations

import secrets
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from media import clock, rtcp, vp8
from media.fan import TOP, Fan
from media.ladder import LAYERS
from media.lot import HEAD, Outlet
from media.matrix import Outgoing
from media.ortc import CLOCK_RATES, Receiving
from media.producer import Producer
from media.rtp import HEADER, ONE_BYTE, SILENT, Packet
from media.segment import Segment

if TYPE_CHECKING:
    from media.encoding import Encoding

REMEMBERED = 512
"""Sequence numbers for which it is remembered when they were last repeated."""

PAUSE = 60_000
"""Least time between two repetitions of one packet, in microseconds."""

PADDING = 64
"""How far back packets are taken for padding."""
PADDED = 255
"""Bytes of a packet of mere padding: what its last byte can count (RFC 3550 section 5.1)."""

SEGMENTS = 4
"""Stretches of the outgoing stream in which a repetition is looked for."""


class Slot:
    """``wanted`` is the producer that the slot should show, ``aim`` the encoding of it and the temporal layers,
    ``fan`` what feeds it now, ``shown`` the endpoint told to people.

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
        self.name, self.receiving, self.outlet, self.id = name, receiving, outlet, secrets.token_hex(8)
        self.head = _head(receiving)
        self.wanted: Producer | None = None
        self.aim: tuple[Encoding, int] | None = None
        self.fan: Fan | None = None
        self._wished: Encoding | None = None
        self.shown: str | None = None
        self.repeated = self.unknown = self.switches = 0
        self.reported: rtcp.ReportBlock | None = None
        """What the receiver last reported of the stream."""
        self._out, self._on_shown, self._spend = outgoing, on_shown, spend
        self._view = memoryview(outgoing)
        self._segments: deque[Segment] = deque(maxlen=SEGMENTS)
        self._newest = secrets.randbelow(0x4000) + 0x1_0000
        self._stamp = 0
        self._base = secrets.randbits(32)
        self._picture = self._tl0 = -1
        self._packets = self._octets = 0
        self._repair_sequence = secrets.randbelow(0x4000)
        self._repeated_at = array("q", [0]) * REMEMBERED
        self._kept = Packet()
        self._passed_over = self._given_up = -1

    # -- What is fed

    @property
    def segment(self) -> Segment:
        """The stretch that is being sent."""
        return self._segments[-1]

    @property
    def feeding(self) -> Producer | None:
        return self.fan.encoding.producer if self.fan is not None else None

    @property
    def layer(self) -> str | None:
        """What is sent now, for operators: the encoding's rid and the temporal limit."""
        return f"{self.fan.encoding.rid or '-'}/{self.fan.limit}" if self.fan is not None else None

    @property
    def packets(self) -> int:
        return self._packets + (self.fan.packets if self.fan is not None else 0)

    @property
    def octets(self) -> int:
        """Octets of payload sent."""
        return self._octets + (self.fan.octets if self.fan is not None else 0)

    @property
    def paused(self) -> bool:
        """Whether a picture is wanted for which the path has no room."""
        return self.wanted is not None and self.aim is None and self.receiving.kind == "video"

    def facts(self) -> dict[str, Any]:
        """For operators (``docs/metrics.md``)."""
        fan, block, wanted = self.fan, self.reported, self.wanted
        rate = CLOCK_RATES[fan.encoding.codec] if fan is not None else 0
        return {
            "shown": self.shown,
            "wanted": wanted and wanted.endpoint,
            "source": wanted and wanted.source,
            "codec": fan and fan.encoding.codec,
            "layer": self.layer,
            "paused": self.paused,
            "bitrate": int(fan.encoding.meter.rates[min(fan.limit, LAYERS - 1)]) if fan is not None else 0,
            "packets": self.packets,
            "octets": self.octets,
            "repeated": self.repeated,
            "unknown": self.unknown,
            "switches": self.switches,
            "loss": round(block.fraction / 256, 3) if block else None,
            "jitter_ms": round(block.jitter * 1000 / rate, 1) if block and rate else None,
        }

    def accepts(self, producer: Producer) -> bool:
        """Whether the browser said that it can decode this."""
        return producer.codec in self.receiving.codecs

    def want(self, producer: Producer | None) -> None:
        """From now on the slot is to show this; ``None`` empties it at once. ``aim_at`` says in which encoding."""
        if producer is self.wanted:
            return
        self.wish(None)
        self._unaim()
        self.wanted = producer
        if producer is None or self.receiving.kind == "audio":
            self._leave()
            self._tell(producer.endpoint if producer is not None else None)

    def show(self, producer: Producer | None) -> None:
        """From now on the slot is to show the best that there is of this; ``None`` empties it at once."""
        self.want(producer)
        if producer is not None and self.aim is None:
            self.aim_at(producer.best(), TOP)

    def pause(self) -> None:
        """There is no room for the picture: the slot shows nothing rather than a frozen one."""
        self.wish(None)
        self._unaim()
        self._leave()
        self._tell(None)

    def pad(self, octets: int, now: int) -> int:
        """Sends so many octets, for a probe, of packets that were sent just before, or of mere padding where there are
        none. Returns how many were sent."""
        if self.receiving.repair_ssrc is None:
            return 0
        sent, newest = 0, self._position()[0]
        segment = self.segment if self._segments else None
        for place in range(newest, newest - PADDING, -1):
            if sent >= octets or segment is None or place < segment.first:
                break
            if segment.fan.encoding.codec not in self.receiving.repairs:
                break
            if self._find(segment, place):
                self._repeat(segment, place, now)
                sent += HEAD + self._kept.end - self._kept.start
        while sent < octets:
            self._pad()
            sent += HEAD + PADDED
        return sent

    def aim_at(self, encoding: Encoding, limit: int = TOP, *, at_once: bool = False) -> None:
        """From now on this encoding of the wanted producer, up to this temporal layer, is to feed the slot.

        ``at_once``: the path is too full for the old encoding to go on until the new one's key frame has come.
        """
        if self.aim is not None and self.aim[0] is encoding and self.aim[1] == limit:
            return
        self._unaim()
        self.aim = (encoding, limit)
        if self.fan is not None and self.fan.encoding is encoding and self.fan.limit == limit:
            return
        self._passed_over = encoding.key_frame
        if at_once and self.fan is not None and self.fan.encoding is not encoding:
            self._leave()
            self._given_up = self._newest
        if self.fan is None and self._begin_late(encoding, limit):
            return
        encoding.waiting[self] = None
        if (self.fan is None or self.fan.encoding is not encoding) and not encoding.key_frame_comes:
            encoding.want_key_frame()

    def wish(self, encoding: Encoding | None) -> None:
        """Another encoding of the wanted producer would be better, but does not come yet."""
        if encoding is self._wished:
            return
        if self._wished is not None:
            self._wished.wishes.pop(self, None)
        self._wished = encoding
        if encoding is not None:
            encoding.wishes[self] = None

    def consider(self, packet: Packet, encoding: Encoding) -> int:
        """A packet has come from an encoding that the slot waits for. Returns the number at which the slot's next
        segment begins, which is made then; -1 while it cannot."""
        fan = self.fan
        if self.receiving.kind == "audio":
            return self._switch(packet, encoding)
        if fan is not None and fan.encoding is encoding:
            return self._switch(packet, encoding) if self._at_border(packet, fan) else -1
        if packet.key and fan is None:
            return self._switch(packet, encoding)
        if fan is not None and encoding.key_frame != self._passed_over:
            first = encoding.key_frame
            if encoding.reaches(self._limit(), first) and encoding.find(first, self._kept):
                return self._switch(self._kept, encoding)
        if not encoding.key_frame_comes:
            encoding.want_key_frame()
        return -1

    def begun(self, packets: Sequence[Outgoing]) -> None:
        """The new segment's first packets were sent."""
        assert self.fan is not None
        self._packets += len(packets)
        self._octets += sum(packet[2] for packet in packets)
        self._tell(self.fan.encoding.producer.endpoint)

    def fan_of(self) -> Fan:
        """What feeds the slot after its new segment was made."""
        assert self.fan is not None
        return self.fan

    def interrupted(self) -> None:
        """The encoding begins anew: its next key frame, or packet of sound, begins a segment."""
        self._leave()
        if self.aim is not None:
            self.aim[0].waiting[self] = None

    def ended(self, producer: Producer) -> None:
        """The producer is closed: the slot is empty at once, unless another one is on its way."""
        if self.feeding is producer:
            self._leave()
        if producer is self.wanted:
            self.wish(None)
            self._unaim()
            self.wanted = None
        if self.fan is None and (self.wanted is None or self.receiving.kind == "video"):
            self._tell(None)

    def want_key_frame(self) -> None:
        """The browser cannot decode what it has."""
        if self.fan is not None:
            self.fan.encoding.want_key_frame()

    def path_changed(self) -> None:
        """The outlet has another address or other keys."""
        if self.fan is not None:
            self.fan.changed()

    # -- What is asked for

    def repeat(self, sequences: Iterable[int], now: int) -> None:
        """Answers a NACK from the rings of the last segments. What the relay never had is no error.

        What was on its way when the path became too full is not repeated: a key frame follows, which needs the room.
        Without RTX nothing is repeated: no key may seal two packets of one number (RFC 7714 section 8.1).
        """
        newest = self._position()[0]
        for sequence in sequences:
            place = newest + ((sequence - newest + 0x8000 & 0xFFFF) - 0x8000)
            segment = self._segment_of(place) if self._given_up < place <= newest else None
            if segment is None or segment.fan.encoding.codec not in self.receiving.repairs:
                self.unknown += 1
                continue
            if not self._find(segment, place):
                self.unknown += 1
                continue
            at = place % REMEMBERED
            if now - self._repeated_at[at] < PAUSE or not self._spend(self._kept.end - self._kept.start):
                continue
            self._repeated_at[at] = now
            self.repeated += 1
            self._repeat(segment, place, now)

    def report(self, now: int) -> bytes | None:
        """The slot's sender report, by the same map as its time stamps; ``None`` while it cannot be told."""
        if self.fan is None or not self.packets:
            return None
        segment = self.segment
        mapped = segment.fan.encoding.mapped(now)
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

    # --

    def _limit(self) -> int:
        return self.aim[1] if self.aim is not None else TOP

    def _unaim(self) -> None:
        if self.aim is not None:
            self.aim[0].waiting.pop(self, None)
            self.aim = None

    def _leave(self) -> None:
        """Nothing feeds the slot any more; its numbers go on from where they are."""
        if self.fan is None:
            return
        self._newest, self._stamp, self._picture, self._tl0 = self._position()
        self._packets += self.fan.packets
        self._octets += self.fan.octets
        fan, self.fan = self.fan, None
        if self in fan.slots:
            fan.leave(self)
        else:
            fan.coming -= 1

    def _position(self) -> tuple[int, int, int, int]:
        """The newest number, time stamp, picture and TL0PICIDX sent; -1 for what was never sent."""
        fan = self.fan
        if fan is None:
            return self._newest, self._stamp, self._picture, self._tl0
        segment = self.segment
        return (
            fan.newest + segment.offset,
            fan.stamp + segment.stamp_offset & 0xFFFF_FFFF,
            fan.picture + segment.picture_offset & 0x7FFF if fan.picture >= 0 else self._picture,
            fan.tl0 + segment.tl0_offset & 0xFF if fan.tl0 >= 0 else self._tl0,
        )

    def _segment_of(self, place: int) -> Segment | None:
        """To which of the last segments an outgoing number belongs."""
        for segment in reversed(self._segments):
            if place >= segment.first:
                return segment
        return None

    def _find(self, segment: Segment, place: int) -> bool:
        number = segment.fan.number(place - segment.offset)
        return segment.fan.encoding.find(number, self._kept)

    def _at_border(self, packet: Packet, fan: Fan) -> bool:
        """Whether more or fewer temporal layers may begin with this packet (RFC 7741: the layer-sync bit)."""
        if not packet.begins or packet.number < fan.encoding.newest:
            return False
        limit = self._limit()
        if limit < fan.limit:
            return packet.temporal == 0
        return packet.key or (packet.sync and fan.limit < packet.temporal <= limit)

    def _begin_late(self, encoding: Encoding, limit: int) -> bool:
        """Begins an empty slot at a key frame that came just before, if its time stamp still fits behind the last."""
        number = encoding.recent_key_frame() if self.receiving.kind == "video" else -1
        if number < 0 or not encoding.find(number, self._kept) or self._ahead(self._kept, encoding) < 0:
            return False
        if not encoding.reaches(limit, number):
            return False
        first = self._switch(self._kept, encoding)
        assert self.fan is not None
        encoding.begin(self.fan, [self], first, clock.now())
        return True

    def _ahead(self, packet: Packet, encoding: Encoding) -> int:
        """By how much the packet's time on the relay's clock follows the least time stamp that may come next."""
        if not self._segments:
            return 0
        rate = CLOCK_RATES[encoding.codec]
        stamp = self._base + encoding.sent_at(packet) * rate // 1_000_000
        return (stamp - self._position()[1] - rate // 100 + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000

    def _switch(self, packet: Packet, encoding: Encoding) -> int:
        """This packet is the first of a new segment. Returns its number."""
        before = self.segment if self._segments and self.fan is not None else None
        ahead = self._ahead(packet, encoding)
        newest, _, picture, tl0 = self._position()
        fan = encoding.fan(self._limit())
        place, incoming = fan.place(packet.number), fan.picture_of(packet)
        if before is not None and before.fan.encoding is encoding and before.generation == encoding.stream.generation:
            stamp_offset, tl0_offset = before.stamp_offset, before.tl0_offset
        else:
            stamp = self._base + encoding.sent_at(packet) * CLOCK_RATES[encoding.codec] // 1_000_000
            stamp_offset = stamp - min(0, ahead) - packet.timestamp
            tl0_offset = tl0 + 1 - packet.tl0 if tl0 >= 0 and packet.tl0 >= 0 else 0
        self._leave()
        encoding.waiting.pop(self, None)
        self.fan = fan
        fan.expect(packet.number)
        self._packets -= fan.packets
        self._octets -= fan.octets
        self._segments.append(
            Segment(
                fan,
                newest + 1,
                offset=newest + 1 - place,
                stamp_offset=stamp_offset,
                picture_offset=picture + 1 - incoming if picture >= 0 and incoming >= 0 else 0,
                tl0_offset=tl0_offset,
            )
        )
        self.switches += 1
        mapped = encoding.mapped(packet.arrival)
        if mapped is not None and self.packets:
            report = self.report(packet.arrival)
            if report:
                self.outlet.send_rtcp(report)
        return packet.number

    def _repeat(self, segment: Segment, place: int, now: int) -> None:
        """Sends the packet that is at hand once more, as RFC 4588 says."""
        packet, out, numbers = self._kept, self._out, self.receiving.numbers
        self._repair_sequence = self._repair_sequence + 1 & 0xFFFF
        payload_type = numbers.repairs[segment.fan.encoding.codec]
        ssrc, begin = self.receiving.repair_ssrc or 0, HEAD + 2
        out[:HEAD] = self.head
        out[HEAD], out[HEAD + 1] = place >> 8 & 0xFF, place & 0xFF
        stamp = packet.timestamp + segment.stamp_offset & 0xFFFF_FFFF
        HEADER.pack_into(out, 0, 0x90, packet.marker | payload_type, self._repair_sequence, stamp, ssrc)
        end = begin + packet.end - packet.start
        self._view[begin:end] = packet.view[packet.start : packet.end]
        if packet.picture_at >= 0 or packet.tl0_at >= 0:
            shift = segment.fan.picture_of(packet) - packet.picture + segment.picture_offset
            vp8.renumber(out, begin, packet, shift, segment.tl0_offset)
        self.outlet.send_rtp(end)

    def _pad(self) -> None:
        """Sends a packet of mere padding among the repetitions."""
        receiving, out = self.receiving, self._out
        codec = receiving.repairs[0]
        self._repair_sequence = self._repair_sequence + 1 & 0xFFFF
        out[:HEAD] = self.head
        ssrc = receiving.repair_ssrc or 0
        HEADER.pack_into(out, 0, 0xB0, receiving.numbers.repairs[codec], self._repair_sequence, self._stamp, ssrc)
        out[HEAD : HEAD + PADDED] = _PADDING
        self.outlet.send_rtp(HEAD + PADDED)

    def _tell(self, shown: str | None) -> None:
        if shown != self.shown:
            self.shown = shown
            self._on_shown()


_PADDING = bytes(PADDED - 1) + bytes([PADDED])


def _head(receiving: Receiving) -> bytes:
    """The header of every packet but for what changes: mid, transport-wide number and, for sound, the level."""
    mid, numbers = receiving.mid.encode(), receiving.numbers
    elements = bytes([numbers.mid << 4 | len(mid) - 1]) + mid if numbers.mid else bytes(1 + len(mid))
    numbered = receiving.numbered and numbers.transport_cc
    elements += bytes([numbers.transport_cc << 4 | 1, 0, 0]) if numbered else bytes(3)
    if receiving.kind == "audio" and numbers.audio_level:
        elements += bytes([numbers.audio_level << 4, SILENT])
    head = HEADER.pack(0x90, 0, 0, 0, receiving.ssrc) + ONE_BYTE.to_bytes(2, "big") + (2).to_bytes(2, "big")
    return (head + elements).ljust(HEAD, b"\0")
