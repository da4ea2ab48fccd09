"""One encoding on its way to another relay: its packets as they came, numbered without gaps of our making.

Time stamps and VP8's picture numbers stay the sender's own: the other relay's slots rewrite them. What the other relay
misses is repeated from the ring of this one (RFC 4588).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from struct import Struct
from typing import Any

from media import clock, rtcp
from media.encoding import Encoding
from media.ortc import PAYLOAD_TYPES, REPAIR_TYPES
from media.producer import Producer
from media.rtp import HEADER, ONE_BYTE, Packet
from media.srtp import Buffer

LEVEL_ID = 1
"""The number of the audio level (RFC 6464) on a pipe."""

BEGIN = 0x1000
"""The first sequence number: far enough from 0 that libsrtp does not mistake a late packet for a wrap."""

LEAP = 1000
"""Numbers left out after an outage or a pause, so that the other relay begins anew. A mute leaves out none."""

_LEVEL = Struct("!HHBBH")
"""Profile and length of the extension, head and value of its element, padding."""


class Outflow:
    """A consumer of ``encoding``. ``out`` is the buffer that ``send`` seals and sends from."""

    def __init__(
        self,
        encoding: Encoding,
        ssrc: int,
        out: Buffer,
        send: Callable[[int], None],
        send_rtcp: Callable[[bytes], None],
    ) -> None:
        self.encoding, self.ssrc = encoding, ssrc
        self.packets = self.octets = self.repeated = self.unknown = 0
        self._out, self._send, self._send_rtcp = out, send, send_rtcp
        self._offset, self._newest, self._generation = 0, -1, -1
        self._paused = self._leaps = False
        self._repair_sequence = 0
        self._kept = Packet()
        encoding.consumers.append(self)

    def forward(self, packet: Packet, encoding: Encoding) -> None:
        if self._newest < 0:
            self._offset, self._generation = BEGIN - packet.number, encoding.stream.generation
            self.report(packet.arrival)
        elif self._leaps:
            self._offset, self._generation = self._newest + LEAP - packet.number, encoding.stream.generation
        elif encoding.stream.generation != self._generation:
            only_mute = encoding.stream.generation == encoding.producer.unmuted_at == self._generation + 1
            self._generation = encoding.stream.generation
            self._offset = self._newest + (1 if only_mute else LEAP) - packet.number
        self._leaps = False
        place = packet.number + self._offset
        if place < BEGIN:
            return
        self._newest = max(self._newest, place)
        self.packets += 1
        self.octets += packet.end - packet.start
        self._write(packet, place, again=False)

    def pause(self, paused: bool) -> None:
        """Nobody takes the encoding at the other end, or somebody again: then it begins anew, with a key frame."""
        if paused == self._paused:
            return
        self._paused = paused
        if paused:
            self.close()
        else:
            self._leaps = self._newest >= 0
            self.encoding.consumers.append(self)
            self.encoding.want_key_frame()

    def ended(self, producer: Producer) -> None:
        """The server takes the stream off the pipe."""

    def repeat(self, sequences: Iterable[int]) -> None:
        """Answers a NACK. What this relay never had is no error: it comes as soon as the sender has repeated it."""
        for sequence in sequences:
            place = self._newest + ((sequence - self._newest + 0x8000 & 0xFFFF) - 0x8000)
            if place < BEGIN or not self.encoding.find(place - self._offset, self._kept):
                self.unknown += 1
                continue
            self.repeated += 1
            self._write(self._kept, place, again=True)

    def report(self, now: int) -> None:
        """The sender report, by the sender's own map in this relay's time."""
        mapped = self.encoding.mapped(now)
        if mapped is None:
            return
        moment, stamp = mapped
        self._send_rtcp(
            rtcp.full_report(
                self.ssrc,
                ntp=clock.to_ntp(moment),
                stamp=stamp,
                packets=self.packets,
                octets=self.octets,
                cname=self.encoding.producer.endpoint.encode(),
            )
        )

    def close(self) -> None:
        if self in self.encoding.consumers:
            self.encoding.consumers.remove(self)

    def facts(self) -> dict[str, Any]:
        """For operators."""
        return {
            "endpoint": self.encoding.producer.endpoint,
            "source": self.encoding.producer.source,
            "rid": self.encoding.rid,
            "packets": self.packets,
            "octets": self.octets,
            "repeated": self.repeated,
            "unknown": self.unknown,
        }

    def _write(self, packet: Packet, place: int, *, again: bool) -> None:
        out, codec = self._out, self.encoding.codec
        flags, begin = 0x80, HEADER.size
        if packet.level >= 0:
            flags, begin = 0x90, HEADER.size + _LEVEL.size
            _LEVEL.pack_into(out.bytes, HEADER.size, ONE_BYTE, 1, LEVEL_ID << 4, packet.level, 0)
        payload_type, sequence, ssrc = PAYLOAD_TYPES[codec], place & 0xFFFF, self.ssrc
        if again and codec in REPAIR_TYPES:
            out.bytes[begin], out.bytes[begin + 1] = sequence >> 8, sequence & 0xFF
            begin += 2
            self._repair_sequence = self._repair_sequence + 1 & 0xFFFF
            payload_type, sequence, ssrc = REPAIR_TYPES[codec], self._repair_sequence, self.ssrc + 1
        HEADER.pack_into(out.bytes, 0, flags, packet.marker | payload_type, sequence, packet.timestamp, ssrc)
        end = begin + packet.end - packet.start
        out.view[begin:end] = packet.view[packet.start : packet.end]
        self._send(end)
