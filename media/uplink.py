"""One browser's sending side: which packet is whose, what is asked of the browser, what is reported to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from media import clock, rtcp
from media.congestion import ArrivalLog
from media.encoding import Encoding
from media.messages import NewProducer, Source
from media.ortc import sending
from media.producer import Producer, Watcher
from media.rtp import ExtensionIds, Packet
from media.srtp import Buffer
from media.transport import Transport
from media.wire import Wire

BLOCKS = 31
"""Report blocks in one receiver report (RFC 3550 section 6.4.2)."""

TOLD = 90_000
"""Least time between two feedbacks on arrivals, in microseconds: every second tick."""


class Uplink:
    """``packet`` is the relay's one packet object."""

    def __init__(self, endpoint: str, transport: Transport, wire: Wire, packet: Packet, watcher: Watcher) -> None:
        self.transport = transport
        self.transport.terminal = self
        self.producers: dict[Source, Producer] = {}
        self.strange = self.garbage = self.repeats = 0
        self._endpoint, self._wire, self._packet, self._watcher = endpoint, wire, packet, watcher
        self._ids = ExtensionIds()
        self._clock = clock.SenderClock()
        self._arrivals = ArrivalLog()
        self._told_at = 0
        self._media: dict[int, Encoding] = {}
        self._repairs: dict[int, Encoding] = {}
        self._learning = False
        """Whether a packet of an SSRC that is not known may be one of ours."""

    def produce(self, new: NewProducer) -> Producer:
        """Makes the producer of a source, in place of an earlier one; the same again changes nothing.

        Raises ``ortc.CodecUnknown``.
        """
        offered = sending(new.kind, new.rtp_parameters)
        before = self.producers.get(new.source)
        if before is not None:
            if before.sending == offered:
                return before
            self.close_producer(new.source)
        producer = Producer(
            endpoint=self._endpoint,
            source=new.source,
            kind=new.kind,
            sending=offered,
            sender_clock=self._clock,
            watcher=self._watcher,
            wire=self._wire,
            ask_key_frame=self._ask_key_frame,
        )
        self.producers[new.source] = producer
        self._ids.learn(offered.extensions)
        for encoding in producer.encodings:
            if encoding.sent.ssrc is not None:
                self._media[encoding.sent.ssrc] = encoding
            if encoding.sent.repair_ssrc is not None:
                self._repairs[encoding.sent.repair_ssrc] = encoding
        self._learning = self._unknown()
        return producer

    def close_producer(self, source: Source) -> None:
        producer = self.producers.pop(source, None)
        if producer is None:
            return
        for table in (self._media, self._repairs):
            for ssrc in [ssrc for ssrc, owner in table.items() if owner.producer is producer]:
                del table[ssrc]
                self.transport.forget(ssrc)
        producer.close()
        self._learning = self._unknown()

    def expects(self, ssrc: int) -> bool:
        if ssrc in self._media or ssrc in self._repairs or self._learning:
            return True
        self.strange += 1
        return False

    def rtp(self, buffer: Buffer, size: int, now: int) -> None:
        packet = self._packet
        if not packet.read(buffer.bytes, size, self._ids):
            self.garbage += 1
            return
        if packet.transport_sequence >= 0:
            self._arrivals.ssrc = packet.ssrc
            self._arrivals.note(packet.transport_sequence, now)
        packet.view, packet.arrival = buffer.view, now
        encoding = self._media.get(packet.ssrc)
        if encoding is None and packet.ssrc not in self._repairs and self._learn(packet):
            encoding = self._media.get(packet.ssrc)
        if encoding is not None:
            stream = encoding.stream
            packet.number = stream.accept(packet.sequence, packet.timestamp, now)
            if stream.asks:
                self._ask(encoding, stream.asks)
                stream.asks = []
        else:
            encoding = self._repairs.get(packet.ssrc)
            if encoding is None:
                self.strange += 1
                return
            packet.number = self._repaired(packet, encoding, now)
        if packet.number < 0:
            self.repeats += 1
            return
        encoding.received(packet)

    def rtcp(self, compound: bytes, now: int) -> None:
        for kind, _, body in rtcp.walk(compound):
            if kind == rtcp.SENDER_REPORT and (report := rtcp.sender_report(body)) is not None:
                ssrc, ntp, stamp = report
                encoding = self._media.get(ssrc)
                if encoding is not None:
                    encoding.stream.heed_report(ntp, stamp, now, self._clock)

    def path_changed(self) -> None:
        """Nothing is kept of where reports go."""

    def tick(self, now: int) -> None:
        """Every 50 ms: what arrived, what is missing, who wants a key frame."""
        if now - self._told_at >= TOLD:
            self._told_at = now
            feedback = self._arrivals.feedback()
            if feedback:
                self.transport.send_rtcp(feedback)
        for encoding in self._encodings():
            stream = encoding.stream
            if stream.missing and (due := stream.due(now)):
                self._ask(encoding, due)
            if stream.wants_key_frame:
                self._ask_key_frame(encoding)

    def report(self, now: int) -> None:
        """Once a second: receiver reports."""
        self.transport.tick(now)
        reports = [encoding.stream.report(now) for encoding in self._encodings()]
        blocks = [block for block in reports if block is not None]
        if blocks:
            self.transport.send_rtcp(rtcp.receiver_report(blocks[:BLOCKS]))

    def facts(self) -> dict[str, Any]:
        """For operators."""
        return {
            "transport": self.transport.facts(),
            "strange": self.strange,
            "garbage": self.garbage,
            "repeats": self.repeats,
            "producers": {
                source: {
                    "kind": producer.kind,
                    "codec": producer.codec,
                    "live": producer.live,
                    "muted": producer.muted,
                    "encodings": [encoding.facts() for encoding in producer.encodings],
                }
                for source, producer in self.producers.items()
            },
        }

    def close(self) -> None:
        for source in list(self.producers):
            self.close_producer(source)
        self.transport.close()

    def _encodings(self) -> Iterator[Encoding]:
        for producer in self.producers.values():
            yield from producer.encodings

    def _repaired(self, packet: Packet, encoding: Encoding, now: int) -> int:
        """Turns a retransmission (RFC 4588 section 4) into the packet that it repeats."""
        if packet.end - packet.start < 2:
            return -1
        view = packet.view
        sequence = view[packet.start] << 8 | view[packet.start + 1]
        packet.start += 2
        return encoding.stream.accept_repair(sequence, now)

    def _unknown(self) -> bool:
        """Whether an encoding's SSRC was not told and has not been seen."""
        seen = {id(encoding) for encoding in self._repairs.values()}
        return any(
            not encoding.stream.ssrc or (encoding.producer.sending.repair_type is not None and id(encoding) not in seen)
            for encoding in self._encodings()
        )

    def _learn(self, packet: Packet) -> bool:
        """Finds the encoding whose SSRC was not told by the mid and the rid in its packets (RFC 8852)."""
        if not packet.mid:
            return False
        mid, rid = packet.mid.decode("ascii", "replace"), (packet.rid or packet.repaired_rid).decode("ascii", "replace")
        for producer in self.producers.values():
            offer = producer.sending
            if offer.mid != mid:
                continue
            for encoding in producer.encodings:
                if encoding.rid and encoding.rid != rid:
                    continue
                if packet.payload_type == offer.payload_type and not encoding.stream.ssrc:
                    encoding.stream.ssrc = packet.ssrc
                    self._media[packet.ssrc] = encoding
                elif packet.payload_type == offer.repair_type and encoding.sent.repair_ssrc is None:
                    self._repairs[packet.ssrc] = encoding
                else:
                    continue
                self._learning = self._unknown()
                return True
        return False

    def _ask(self, encoding: Encoding, sequences: list[int]) -> None:
        self.transport.send_rtcp(rtcp.nack(encoding.stream.ssrc, sequences))

    def _ask_key_frame(self, encoding: Encoding) -> None:
        if encoding.stream.ssrc and encoding.stream.key_frame_due(clock.now()):
            self.transport.send_rtcp(rtcp.picture_loss(encoding.stream.ssrc))
