"""A camera of three sizes in virtual time, as Chromium sends a room with a lens's noise in it."""

from __future__ import annotations

import random

from relay_packets import CC_ID, rtp, vp8
from relay_wire import PlainWire

from media import clock
from media.ortc import Sending, Sent
from media.producer import Producer
from media.rtp import MID, TRANSPORT_CC, ExtensionIds, Packet

MS = 1_000
HEIGHTS = (180, 360, 720)
RATES = (120_000, 330_000, 1_350_000)
"""Bit/s of each size."""
KEY = 7
"""A key frame is so many times as large as another frame."""
SHARES = {0: 1.6, 1: 0.8, 2: 0.8}
"""Size of a frame by its temporal layer: 40, 60, 100 % of the bits up to each of the three."""
PATTERN = ((0, False), (2, True), (1, True), (2, False))
TOLD = 200 * MS
"""From the relay's wish for other sizes to the first packet of them: signalling, and the browser's encoder."""
ASKED = 60 * MS
"""From the relay's wish for a key frame to the encoder."""
LARGEST = 1_100
EXTENSIONS = {MID: 4, TRANSPORT_CC: CC_ID}


class Camera:
    """Sends the sizes that somebody takes; a key frame that is asked for in one comes in all, as libvpx does it."""

    def __init__(self, name: str, wire: PlainWire, rates: tuple[int, ...] = RATES, *, seed: int = 5) -> None:
        self._dice, self._wire = random.Random(seed), wire
        rids = tuple(Sent(f"r{place}", 1000 + 2 * place, 1001 + 2 * place) for place in range(len(rates)))
        self.rates = rates
        self.producer = Producer(
            endpoint=name,
            source="camera",
            kind="video",
            sending=Sending("VP8", 96, 97, rids, "0", EXTENSIONS, 1),
            sender_clock=clock.SenderClock(),
            watcher=self,
            wire=wire,
            ask_key_frame=lambda _: None,
        )
        self.sent = set(range(len(rates)))
        self._told: list[tuple[int, set[int]]] = []
        self._sequences, self._tl0 = [100] * len(rates), [0] * len(rates)
        self._pictures, self._key_at = 0, 0
        self._ids = ExtensionIds()
        self._ids.learn(EXTENSIONS)

    def producer_started(self, producer: Producer, *, again: bool) -> None:
        pass

    def heard(self, producer: Producer, level: int, now: int) -> None:
        pass

    def tick(self, now: int) -> None:
        """What the router does: rates are measured, and the sender is told what is watched."""
        self.producer.measure(now)
        rids = self.producer.watched(now)
        if rids is not None:
            self._told.append((now + TOLD, {int(rid[1:]) for rid in rids} or {0}))
        for place in self.sent:
            if self.producer.encodings[place].stream.key_frame_due(now):
                self._key_at = now + ASKED
        while self._told and self._told[0][0] <= now:
            self.sent = self._told.pop(0)[1]

    def film(self, now: int) -> None:
        """One frame of every size that is sent."""
        temporal, sync = PATTERN[self._pictures % 4]
        self._pictures += 1
        encodings = self.producer.encodings
        asked = 0 < self._key_at <= now or not all(encodings[place].live for place in self.sent)
        self._key_at = 0 if asked else self._key_at
        noise = self._dice.uniform(0.75, 1.25)
        for place in sorted(self.sent):
            octets = int(self.rates[place] / 200 * noise * (KEY if asked else SHARES[temporal]))
            self._send(place, octets, (0, False) if asked else (temporal, sync), now, key=asked)
        self._wire.flush(now)

    def _send(self, place: int, octets: int, layer: tuple[int, bool], now: int, *, key: bool) -> None:
        temporal, sync = layer
        encoding, packets = self.producer.encodings[place], -(-octets // LARGEST)
        self._tl0[place] += not temporal
        for number in range(packets):
            size = octets // packets
            begin = b"\x00\x00\x9d\x01\x2a\x00\x01" + HEIGHTS[place].to_bytes(2, "little") if key else b""
            body = (begin if number == 0 else b"") + bytes(max(0, size - 30)) + bytes([place])
            payload = bytearray(vp8(self._pictures, self._tl0[place], key=key, begins=number == 0, body=body))
            payload[5] = temporal << 6 | sync << 5
            self._sequences[place] += 1
            datagram = rtp(
                self._sequences[place], now * 9 // 100, bytes(payload), marker=number == packets - 1, ssrc=1000 + place
            )
            packet, buffer = Packet(), bytearray(datagram)
            assert packet.read(buffer, len(buffer), self._ids)
            packet.view, packet.arrival = memoryview(buffer), now
            packet.number = encoding.stream.accept(packet.sequence, packet.timestamp, now)
            encoding.received(packet)
