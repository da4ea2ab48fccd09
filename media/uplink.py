"""One browser's sending side: which packet is whose, what is asked of the browser, what is reported to it."""

from __future__ import annotations

from typing import Any

from media import clock, rtcp
from media.congestion import ArrivalLog
from media.messages import NewProducer, Source
from media.ortc import Sending, sending
from media.producer import Producer, Watcher
from media.rtp import ExtensionIds, Packet
from media.srtp import Buffer
from media.transport import Transport

BLOCKS = 31
"""Report blocks in one receiver report (RFC 3550 section 6.4.2)."""


class Uplink:
    """``packet`` is the relay's one packet object; ``incoming`` the port's buffer."""

    def __init__(self, endpoint: str, transport: Transport, incoming: Buffer, packet: Packet, watcher: Watcher) -> None:
        self.transport = transport
        self.transport.terminal = self
        self.producers: dict[Source, Producer] = {}
        self.strange = self.garbage = self.repeats = 0
        self._endpoint, self._incoming, self._packet, self._watcher = endpoint, incoming, packet, watcher
        self._ids = ExtensionIds()
        self._clock = clock.SenderClock()
        self._arrivals = ArrivalLog()
        self._media: dict[int, Producer] = {}
        self._repairs: dict[int, Producer] = {}

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
            ask_key_frame=self._ask_key_frame,
        )
        self.producers[new.source] = producer
        self._ids.learn(offered.extensions)
        if offered.ssrc is not None:
            self._media[offered.ssrc] = producer
        if offered.repair_ssrc is not None:
            self._repairs[offered.repair_ssrc] = producer
        return producer

    def close_producer(self, source: Source) -> None:
        producer = self.producers.pop(source, None)
        if producer is None:
            return
        for table in (self._media, self._repairs):
            for ssrc in [ssrc for ssrc, owner in table.items() if owner is producer]:
                del table[ssrc]
                self.transport.forget(ssrc)
        producer.close()

    def expects(self, ssrc: int) -> bool:
        if ssrc in self._media or ssrc in self._repairs or self._learning():
            return True
        self.strange += 1
        return False

    def rtp(self, size: int, now: int) -> None:
        packet = self._packet
        if not packet.read(self._incoming.bytes, size, self._ids):
            self.garbage += 1
            return
        if packet.transport_sequence >= 0:
            self._arrivals.ssrc = packet.ssrc
            self._arrivals.note(packet.transport_sequence, now)
        packet.view, packet.arrival = self._incoming.view, now
        producer = self._media.get(packet.ssrc)
        if producer is not None:
            packet.number = producer.stream.accept(packet.sequence, packet.timestamp, now)
            if producer.stream.asks:
                self._ask(producer, producer.stream.asks)
                producer.stream.asks = []
        else:
            producer = self._repairs.get(packet.ssrc)
            if producer is not None:
                packet.number = self._repaired(packet, producer, now)
            elif (producer := self._learn(packet)) is not None:
                self.rtp(size, now)
                return
            else:
                self.strange += 1
                return
        if packet.number < 0:
            self.repeats += 1
            return
        producer.received(packet)

    def rtcp(self, compound: bytes, now: int) -> None:
        for kind, _, body in rtcp.walk(compound):
            if kind == rtcp.SENDER_REPORT and (report := rtcp.sender_report(body)) is not None:
                ssrc, ntp, stamp = report
                producer = self._media.get(ssrc)
                if producer is not None:
                    producer.stream.heed_report(ntp, stamp, now, self._clock)

    def tick(self, now: int) -> None:
        """Every 50 ms: what arrived, what is missing, who wants a key frame."""
        feedback = self._arrivals.feedback()
        if feedback:
            self.transport.send_rtcp(feedback)
        for producer in self.producers.values():
            if producer.stream.missing and (due := producer.stream.due(now)):
                self._ask(producer, due)
            self._ask_key_frame(producer)

    def report(self, now: int) -> None:
        """Once a second: receiver reports."""
        self.transport.tick(now)
        reports = [producer.stream.report(now) for producer in self.producers.values()]
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
                    "codec": producer.codec,
                    "live": producer.live,
                    "muted": producer.muted,
                    "packets": producer.packets,
                    "octets": producer.octets,
                    "recovered": producer.stream.recovered,
                    "missing": len(producer.stream.missing),
                    "jitter_ms": round(producer.stream.jitter * 1000 / producer.stream.clock_rate, 1),
                    "consumers": len(producer.consumers),
                }
                for source, producer in self.producers.items()
            },
        }

    def close(self) -> None:
        for source in list(self.producers):
            self.close_producer(source)
        self.transport.close()

    def _repaired(self, packet: Packet, producer: Producer, now: int) -> int:
        """Turns a retransmission (RFC 4588 section 4) into the packet that it repeats."""
        if packet.end - packet.start < 2:
            return -1
        view = packet.view
        sequence = view[packet.start] << 8 | view[packet.start + 1]
        packet.start += 2
        return producer.stream.accept_repair(sequence, now)

    def _learning(self) -> bool:
        """Whether a producer's SSRC was not told and has not been seen."""
        return any(
            (producer.sending.ssrc is None and not producer.stream.ssrc)
            or (producer.sending.repair_type is not None and producer.sending.repair_ssrc is None)
            for producer in self.producers.values()
        )

    def _learn(self, packet: Packet) -> Producer | None:
        """The producer whose SSRC was not told, found by the mid in its packets."""
        mid = packet.mid.decode("ascii", "replace")
        for producer in self.producers.values():
            offer: Sending = producer.sending
            if not mid or offer.mid != mid:
                continue
            if packet.payload_type == offer.payload_type and offer.ssrc is None and not producer.stream.ssrc:
                producer.stream.ssrc = packet.ssrc
                self._media[packet.ssrc] = producer
                return producer
            if packet.payload_type == offer.repair_type and offer.repair_ssrc is None:
                self._repairs[packet.ssrc] = producer
                return producer
        return None

    def _ask(self, producer: Producer, sequences: list[int]) -> None:
        self.transport.send_rtcp(rtcp.nack(producer.stream.ssrc, sequences))

    def _ask_key_frame(self, producer: Producer) -> None:
        if producer.stream.ssrc and producer.stream.key_frame_due(clock.now()):
            self.transport.send_rtcp(rtcp.picture_loss(producer.stream.ssrc))
